"""The generated datasets that a run uses when no folder is given, written once into a cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from benchmark.data.synthetic.config import VERSION, SyntheticConfig, make_config
from benchmark.data.synthetic.fairface import (
    FACE_VERSION,
    FaceConfig,
    make_face_config,
    write_faces,
)
from benchmark.data.synthetic.writer import write_synthetic
from benchmark.errors import FairbenchError


def default_synthetic(
    cache_dir: Path,
    config: SyntheticConfig | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Return the folder of a synthetic dataset in a cache; the first call writes it.

    Args:
        cache_dir: The folder around it, made if missing. A lock in it lets one process write
            while the others wait.
        config: None takes the default config.
        progress: As in `write_synthetic`.

    Raises:
        FairbenchError: the cache cannot be written.
    """
    config = make_config() if config is None else config
    directory = cache_dir / f"synthetic-v{VERSION}-seed{config.seed}-{config.digest}"
    return _written_once(directory, lambda folder: write_synthetic(folder, config, progress))


def default_fairface(cache_dir: Path, config: FaceConfig | None = None) -> Path:
    """Return the folder of generated faces in a cache; the first call writes it.

    Arguments and errors as in `default_synthetic`.
    """
    config = make_face_config() if config is None else config
    name = f"synthetic-fairface-v{FACE_VERSION}-seed{config.seed}-{config.digest}"
    return _written_once(cache_dir / name, lambda folder: write_faces(folder, config))


def _written_once(directory: Path, write: Callable[[Path], object]) -> Path:
    """Return the folder after writing it if it is not there; other processes wait."""
    if directory.is_dir():
        return directory
    cache_dir = directory.parent
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_dir / f"{directory.name}.lock"):
            if not directory.is_dir():
                write(directory)
    except OSError as error:
        reason = error.strerror or error
        raise FairbenchError(f"{cache_dir}: cannot write the cache: {reason}") from error
    return directory
