"""Which reader serves a dataset's name, and where generated datasets come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from benchmark.data.cache import cache_root
from benchmark.data.config import DatasetConfig
from benchmark.data.dataset import Source
from benchmark.data.fairface import TEST_TABLE, TRAIN_TABLE, read_fairface
from benchmark.data.fairvlmed import FOLDERS, read_fairvlmed
from benchmark.data.parallel import Progress
from benchmark.data.table import read_table
from benchmark.errors import FairbenchError

Format = Literal["fairvlmed", "fairface", "table"]
FORMATS: Mapping[str, Format] = {
    "synthetic": "fairvlmed",
    "synthetic-fairface": "fairface",
    "fairvlmed": "fairvlmed",
    "fairface": "fairface",
    "table": "table",
}
"""Dataset → the form of its folder."""


def read_dataset(config: DatasetConfig, progress: Progress | None = None) -> Source:
    """Return the dataset of a run, read; a generated one is written first if need be.

    Args:
        config: Name, folder and keys.
        progress: Told about each file that is read for the first time.

    Raises:
        FairbenchError: no such folder, one that cannot be used, or one of another dataset.
    """
    root = config.data_dir
    if root is None:
        root = _generated(config.name)
    elif not root.exists():
        raise FairbenchError(f"{root}: no such folder; --data-dir names that of '{config.name}'")
    if config.name == "table":
        return read_table(root, cache_root(), progress, config.text_source)
    found = detect(root) or FORMATS[config.name]
    if found == "table":
        raise _other(root, config.name, found)
    if found == "fairface":
        source: Source = read_fairface(
            root,
            cache_root(),
            progress,
            config.text_source,
            train_limit=config.train_limit,
            val_fraction=config.val_fraction,
            val_seed=config.val_seed,
        )
    else:
        source = read_fairvlmed(root, config.notes, cache_root(), progress, config.text_source)
    if source.schema.name != config.name:
        raise _other(root, config.name, source.schema.name)
    return source


def detect(root: Path) -> Format | None:
    """Return the format of a folder, or of a table's YAML file; None if it looks like none."""
    if root.is_file():
        return "table"
    if any((root / name).is_dir() for names in FOLDERS.values() for name in names):
        return "fairvlmed"
    if (root / TRAIN_TABLE).is_file() or (root / TEST_TABLE).is_file():
        return "fairface"
    return "table" if any(root.glob("*.y*ml")) else None


def _generated(name: str) -> Path:
    from benchmark.data.synthetic import default_fairface, default_synthetic

    if name == "synthetic":
        return default_synthetic(cache_root())
    if name == "synthetic-fairface":
        return default_fairface(cache_root())
    raise FairbenchError(f"dataset '{name}' cannot be downloaded; give its folder with --data-dir")


def _other(root: Path, name: str, found: str) -> FairbenchError:
    return FairbenchError(
        f"{root} holds the dataset '{found}', not '{name}'; use --dataset {found}"
    )
