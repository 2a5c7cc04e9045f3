"""The cache folder: where it is, one writer at a time, whole files or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock
from platformdirs import user_cache_dir

from benchmark.errors import FairbenchError

CACHE_VARIABLE = "FAIRBENCH_CACHE"


def cache_root() -> Path:
    """Return the cache folder, `$FAIRBENCH_CACHE` or the user's own, after making it.

    Raises:
        FairbenchError: the folder cannot be made or written.
    """
    named = os.environ.get(CACHE_VARIABLE)
    return writable(Path(named).expanduser() if named else Path(user_cache_dir("fairbench")))


def writable(folder: Path) -> Path:
    """Return a cache folder after making it and trying to write in it.

    Raises:
        FairbenchError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Permission bits do not tell: file systems are mounted read-only, quotas run out.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"fairbench")
    except OSError as error:
        raise _unwritable(folder, error) from None
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a cache file, across processes; wait while another holds it."""
    writable(path.parent)
    with FileLock(path.with_name(path.name + ".lock")):
        yield


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a cache file for writing; it gets its name only when it is complete and on disk.

    The caller holds the file's lock. So the unfinished file needs no name of its own, and
    what a killed process has left is written over.

    Raises:
        FairbenchError: the file cannot be written, for instance because the disk is full.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with writing(path):
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Do what writes a cache file.

    Raises:
        FairbenchError: the file cannot be written, for instance because the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> FairbenchError:
    return FairbenchError(
        f"cache: {path} cannot be written ({error.strerror or error}); set {CACHE_VARIABLE} to a"
        " folder with room that can be written"
    )
