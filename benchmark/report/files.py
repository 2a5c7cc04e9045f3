"""Reports as files: whole or not at all, and nothing left over from an earlier one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from benchmark.errors import FairbenchError
from benchmark.results import replace_json


def write_texts(out: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts by file name to a folder, which is made if need be; return their paths.

    Each file is replaced whole.

    Raises:
        FairbenchError: the folder cannot be written.
    """
    with _written_to(out), _beside(out, "texts") as folder:
        for name, text in texts.items():
            write_text(folder / name, text)
        _move(folder, out, texts)
    return [out / name for name in texts]


@contextmanager
def staged(out: Path, name: str) -> Iterator[Path]:
    """Yield an empty folder, whose files then take the place of an earlier report's.

    Files of the earlier report of this name are deleted before the new ones are moved in, so
    that `out` never holds parts of two, and other files there are left alone. After an error
    nothing has changed. `NAME.files.json` lists the report's files with their SHA-256;
    `complete` is false in it while they are replaced.

    Args:
        out: The report's folder, made if need be.
        name: The report's kind: several kinds may share a folder.

    Raises:
        FairbenchError: the folder cannot be written, or its list of files is none.
    """
    with _written_to(out), _beside(out, name) as folder:
        listed = out / f"{name}.files.json"
        old = _listed(listed)
        yield folder
        new = {
            path.relative_to(folder).as_posix(): _digest(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        replace_json(listed, {"complete": False, "files": {**dict.fromkeys(old), **new}})
        for file in old:
            (out / file).unlink(missing_ok=True)
        _move(folder, out, new)
        parents = {parent for file in old for parent in PurePosixPath(file).parents}
        for parent in sorted(parents - {PurePosixPath()}, reverse=True):  # the innermost first
            with suppress(OSError):  # not empty, gone already, or a user's link
                (out / parent).rmdir()
        replace_json(listed, {"complete": True, "files": new})


def write_text(path: Path, text: str) -> None:
    """Write UTF-8; other bytes of a file's name become escapes, which JSON knows too."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def _written_to(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise FairbenchError(
            f"report folder {out} cannot be written ({error.strerror}); give another with --out"
        ) from error


@contextmanager
def _beside(out: Path, name: str) -> Iterator[Path]:
    """Yield an empty folder on the same disk, deleted in the end with what is left in it."""
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, out: Path, names: Iterable[str]) -> None:
    for name in names:
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(out / name)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _listed(path: Path) -> list[str]:
    """Return the files of the earlier report, none without a list."""
    if not path.exists():
        return []
    try:
        names = [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["files"]]
        inside = all(
            ".." not in PurePosixPath(n).parts and not Path(n).is_absolute() for n in names
        )
    except (ValueError, KeyError, TypeError):
        inside = False
    if not inside:
        raise FairbenchError(f"{path}: is not the list of a report's files; delete it")
    return names
