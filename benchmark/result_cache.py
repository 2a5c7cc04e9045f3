"""Files of a results folder that may be deleted at any time: what was computed from its runs.

A file holds one JSON value, the key under which it was made, names of what is in it, and a
checksum. Whatever is absent,
damaged, or made under another key counts as never made, so such a file can cost time and not
change a number. Nothing waits: of two writers the later one wins, and a folder that cannot be
written is left as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from platform import machine, python_version
from time import time
from typing import Any

PACKAGE = Path(__file__).parent

_BEGAN = time()
"""When this process had the code in memory, or was about to."""

CODE = (
    "data/dataset.py",
    "errors.py",
    "kept_configs.py",
    "kept_values.py",
    "metrics",
    "predictions.py",
    "report/figures/kept_curves.py",
    "report/figures/shapes.py",
    "report/figures/stored.py",
    "result_cache.py",
    "results.py",
    "selection.py",
    "values.py",
    "yaml_io.py",
)
"""Files and folders of the package from which a kept value follows, beside the run's files."""


def digest_of(*parts: bytes) -> str:
    """Return a SHA-256 (hex) over byte strings and where each ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


@cache
def code_digest() -> bytes:
    """Return what stands for the code: `CODE`, what computes, and the kind of processor.

    The last bit of a logarithm may be another on another processor or with another numpy, and
    that of a sum with another Python. Of files that were changed since this process began nobody
    can say whether they are what runs in it: what is kept then is found by this process alone.
    """
    import numpy as np  # these three are slow to import, and a wrong name of a folder needs none
    import pyarrow as pa
    import yaml

    paths = [*_sources()]
    sources = [path.read_bytes() for path in paths]
    versions = (python_version(), np.__version__, pa.__version__, yaml.__version__, machine())
    alone = os.urandom(16) if any(map(_changed, paths)) else b""
    return digest_of(*sources, *(version.encode() for version in versions), alone).encode()


def _changed(path: Path) -> bool:
    """Return whether a file was changed since this process began, or put in its place."""
    state = path.stat()  # ctime, too: an update may bring files with their old times
    return max(state.st_mtime, state.st_ctime) > _BEGAN


def _sources() -> Iterator[Path]:
    for name in CODE:
        path = PACKAGE / name
        yield from sorted(path.glob("*.py")) if path.is_dir() else (path,)


def load(path: Path, key: str) -> Any:
    """Return the value kept in a file under a key; None if there is none, or it is damaged."""
    try:
        stored, names, checksum, body = path.read_bytes().split(b"\n", 3)
    except (OSError, ValueError):
        return None
    if stored != key.encode() or checksum != digest_of(names, body).encode():
        return None
    return json.loads(body)


def names_in(path: Path, made_by: str) -> frozenset[str]:
    """Return the names with which a value was kept; none under a key that begins otherwise.

    Nothing is checked: this says what need not be computed ahead, not what is true.

    Args:
        path: Of the file.
        made_by: How the key begins.
    """
    try:
        with path.open("rb") as file:
            key, names = file.readline(), file.readline()
        return frozenset(json.loads(names)) if key.startswith(made_by.encode()) else frozenset()
    except (OSError, ValueError, TypeError):
        return frozenset()


def save(path: Path, key: str, value: Any, names: Sequence[str] = ()) -> None:
    """Keep a JSON value in a file under a key; do nothing where the folder cannot be written.

    Args:
        path: Of the file.
        key: Of one line.
        value: To keep.
        names: Of what is in it, for `names_in`.
    """
    first, body = (json.dumps(v, separators=(",", ":")).encode() for v in (list(names), value))
    # Of two threads, too, each has a file of its own until it is whole.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(
            b"\n".join((key.encode(), first, digest_of(first, body).encode(), body))
        )
        partial.replace(path)
    except OSError:
        pass
    finally:  # an interruption leaves nothing either
        with suppress(OSError):
            partial.unlink()
