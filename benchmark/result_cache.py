"""Files of a results folder that may be deleted at any time: what was computed from its runs.

A file holds one JSON value, the key under which it was made, and a checksum. Whatever is absent,
damaged, or made under another key counts as never made, so such a file can cost time and not
change a number. Nothing waits: of two writers the later one wins, and a folder that cannot be
written is left as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from platform import machine, python_version
from time import time
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

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
        stored, checksum, body = path.read_bytes().split(b"\n", 2)
    except (OSError, ValueError):
        return None
    if stored != key.encode() or checksum != digest_of(body).encode():
        return None
    return json.loads(body)


def save(path: Path, key: str, value: Any) -> None:
    """Keep a JSON value in a file under a key; do nothing where the folder cannot be written."""
    body = json.dumps(value, separators=(",", ":")).encode()
    # Of two threads, too, each has a file of its own until it is whole.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(b"\n".join((key.encode(), digest_of(body).encode(), body)))
        partial.replace(path)
    except OSError:
        pass
    finally:  # an interruption leaves nothing either
        with suppress(OSError):
            partial.unlink()
