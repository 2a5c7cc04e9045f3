"""Remembers what files hold, so that only the first start reads them all.

An index holds labels, codes and image hashes; no note and no pixel. It belongs to one state of
a folder: names, sizes and times of all its files. Its checksum stands in its first line: a label
that a disk changed would be a wrong number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.data.cache import locked, whole_file
from benchmark.data.dataset import SplitName
from benchmark.data.parallel import Progress, map_in_order
from benchmark.errors import FairbenchError

Row = list[Any]
"""What an index keeps of one file; JSON values only."""

CHANGED = "holds another image than when it was first read; `touch` the file and start again"
"""What is wrong with an image that does not have the hash in the index."""


def remembered(
    kind: str,
    root: Path,
    paths: Mapping[SplitName, Sequence[Path]],
    read: Callable[[Path], Row],
    cache_dir: Path,
    progress: Progress | None,
) -> dict[SplitName, list[Row]]:
    """Return the row of each file, from the index if no file has changed since.

    Args:
        kind: Names what a row is, with a number that is raised when it changes.
        root: The dataset folder; all paths lie in it.
        paths: Split → its files.
        read: Reads one file.
        cache_dir: The cache folder.
        progress: Told about each file that is read.

    Raises:
        FairbenchError: a file cannot be read, or the cache cannot be written.
    """
    folder = f"{root.as_posix()}/"
    state = sorted(_state(path, folder) for part in paths.values() for path in part)
    key = sha256_of([kind, str(root.resolve()), list(paths), state])
    index = cache_dir / "index" / f"{key}.json"
    with locked(index):
        stored = _load(index)
        if stored is not None:
            return stored
        rows = {
            split: list(map_in_order(read, part, f"reading {split}", progress))
            for split, part in paths.items()
        }
        body = json.dumps(rows).encode()
        with whole_file(index) as file:
            file.write(_checksum(body) + b"\n" + body)
    return rows


def sha256_of(value: Any) -> str:
    """Return the SHA-256 (hex) of a value's canonical JSON."""
    canonical = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _state(path: Path, folder: str) -> tuple[str, int, int]:
    """Return the name in the folder, the size and the time of a file."""
    name = path.as_posix().removeprefix(folder)
    try:
        status = path.stat()
    except OSError as error:
        raise FairbenchError(f"{name}: cannot be read ({error.strerror})") from None
    return name, status.st_size, status.st_mtime_ns


def _load(index: Path) -> dict[SplitName, list[Row]] | None:
    """Return the rows of an index; None if it is absent, damaged, or older than checksums are."""
    try:
        checksum, body = index.read_bytes().split(b"\n", 1)
    except (OSError, ValueError):
        return None
    if checksum != _checksum(body):
        return None
    rows: dict[SplitName, list[Row]] = json.loads(body)
    return rows


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
