"""Remembers what the sample files hold, so that only the first start reads them all.

An index holds labels, attribute codes and image hashes; no note and no pixel. It belongs to one
state of a folder: names, sizes and times of all its sample files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.data.cache import locked, whole_file
from benchmark.data.dataset import SPLITS, SplitName
from benchmark.data.fairvlmed_npz import Sample, read_sample, short_name
from benchmark.data.parallel import Progress, map_in_order
from benchmark.errors import FairbenchError

_FORMAT = 1  # part of the key: raise it when `Sample` or its image hash changes


def indexed_samples(
    root: Path,
    paths: Mapping[SplitName, Sequence[Path]],
    cache_dir: Path,
    progress: Progress | None,
) -> dict[SplitName, list[Sample]]:
    """Return the samples of each split, from the index if no file has changed since.

    Args:
        root: The dataset folder.
        paths: Split → its sample files, each split in a folder of its own.
        cache_dir: The cache folder.
        progress: Told about each file that is read.

    Raises:
        SampleError: a file cannot be used.
        FairbenchError: the cache cannot be written.
    """
    state = sorted(_state(path) for split in SPLITS for path in paths[split])
    key = sha256_of([_FORMAT, str(root.resolve()), state])
    path = cache_dir / "index" / f"{key}.json"
    with locked(path):
        stored = _load(path)
        if stored is not None:
            return stored
        samples = {
            split: list(map_in_order(read_sample, paths[split], f"reading {split}", progress))
            for split in SPLITS
        }
        rows = {
            split: [[s.label, s.codes, s.channels, s.image_hash] for s in samples[split]]
            for split in SPLITS
        }
        with whole_file(path) as file:
            file.write(json.dumps(rows).encode())
    return samples


def sha256_of(value: Any) -> str:
    """Return the SHA-256 (hex) of a value's canonical JSON."""
    canonical = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _state(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise FairbenchError(f"{short_name(path)}: cannot be read ({error.strerror})") from None
    return short_name(path), status.st_size, status.st_mtime_ns


def _load(path: Path) -> dict[SplitName, list[Sample]] | None:
    try:
        rows = json.loads(path.read_bytes())
        return {
            split: [Sample(label, tuple(codes), *rest) for label, codes, *rest in rows[split]]
            for split in SPLITS
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, or damaged from outside: the files are read again
