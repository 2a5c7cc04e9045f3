"""Reports as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.errors import FairbenchError


def write_texts(out: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts by file name to a folder, which is made if need be; return their paths.

    Raises:
        FairbenchError: the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FairbenchError(
            f"report folder {out} cannot be written ({error.strerror}); give another with --out"
        ) from error
    return [out / name for name in texts]
