"""Write a synthetic dataset in the Harvard-FairVLMed on-disk format."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.dataset import SPLITS, SplitName
from benchmark.data.parallel import map_in_order
from benchmark.data.synthetic.config import VERSION, SyntheticConfig
from benchmark.data.synthetic.demographics import Demographics
from benchmark.data.synthetic.samples import Sample, draw_split, make_sample
from benchmark.errors import FairbenchError

FOLDERS: dict[SplitName, str] = {"train": "Training", "val": "Validation", "test": "Test"}

_TABLES: dict[str, tuple[str, ...]] = {
    "data_summary.csv": (
        *("filename", "age", "gender", "race", "ethnicity", "language", "maritalstatus"),
        *("note", "gpt4_summary", "glaucoma", "use"),
    ),
    "gpt-4_summarized_notes.csv": ("filename", "note", "summary"),
    "original_notes.csv": ("filename", "note"),
}
"""File name → columns."""


def write_synthetic(
    directory: Path,
    config: SyntheticConfig,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Write a dataset folder and return its fingerprint.

    The folder appears under its name only when it is complete.

    Args:
        directory: Where to write; must not exist, or be empty.
        config: Sizes, seed and knobs.
        progress: Called after each sample with how many are done, and how many there are.

    Returns:
        SHA-256 (hex) over all arrays and texts, in file order. One config has one fingerprint,
        whatever the number of threads. The bytes of the `.npz` files hold times and differ.

    Raises:
        FairbenchError: the folder is not empty, or cannot be written.
    """
    with appearing_whole(directory) as folder:
        fingerprint = _write_splits(folder, config, progress)
        description = {
            "generator": "fairbench data synthesize",
            "version": VERSION,
            "fingerprint": fingerprint,
            "config": config.model_dump(mode="json"),
        }
        (folder / "synthetic.json").write_text(json.dumps(description, indent=2) + "\n", "utf-8")
    return fingerprint


@contextmanager
def appearing_whole(directory: Path) -> Iterator[Path]:
    """Yield a folder beside `directory` that takes its name if the block ends well.

    Raises:
        FairbenchError: `directory` is not empty, or cannot be written.
    """
    directory = directory.absolute()
    partial_folder = directory.with_name(f".{directory.name}.partial-{os.getpid()}")
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise FairbenchError(
                f"{directory}: already exists and is not an empty folder; "
                "choose another name, or delete it first"
            )
        partial_folder.mkdir(parents=True)
        yield partial_folder
        if directory.exists():
            directory.rmdir()
        partial_folder.rename(directory)
    except OSError as error:
        reason = error.strerror or error
        raise FairbenchError(f"{directory}: cannot write the dataset: {reason}") from error
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)


def _write_splits(
    folder: Path, config: SyntheticConfig, progress: Callable[[int, int], None] | None
) -> str:
    """Write all samples and tables into `folder`; return the fingerprint."""
    fingerprint = hashlib.sha256()
    tables: dict[str, list[tuple[str, ...]]] = {name: [] for name in _TABLES}
    total = sum(getattr(config, split) for split in SPLITS)
    done = 0
    for split in SPLITS:
        (folder / FOLDERS[split]).mkdir()
        for name, sample in _write_samples(folder, config, split, first=done + 1):
            fingerprint.update(f"{FOLDERS[split]}/{name}\0".encode() + sample.digest)
            for table, row in _rows(name, sample, FOLDERS[split]).items():
                tables[table].append(row)
            done += 1
            if progress is not None:
                progress(done, total)
    for table, columns in _TABLES.items():
        write_csv(folder / table, columns, tables[table])
    return fingerprint.hexdigest()


def _write_samples(
    folder: Path, config: SyntheticConfig, split: SplitName, first: int
) -> Iterator[tuple[str, Sample]]:
    """Write one split's `.npz` files, numbered from `first`; yield them in order."""
    patients = draw_split(config, split)
    write = partial(_write_sample, folder / FOLDERS[split], config, split, patients, first)
    yield from map_in_order(write, range(len(patients)), f"draw {split}", None)


def _write_sample(
    folder: Path,
    config: SyntheticConfig,
    split: SplitName,
    patients: Demographics,
    first: int,
    index: int,
) -> tuple[str, Sample]:
    """Write one `.npz` file; return its name and what it holds."""
    sample = make_sample(config, split, patients, index)
    name = f"data_{first + index:05d}.npz"
    # Noise hardly compresses: 10% smaller files would cost a third of the time.
    arrays: dict[str, Any] = dict(sample.fields)
    np.savez(folder / name, **arrays)
    return name, sample


def _rows(name: str, sample: Sample, folder: str) -> dict[str, tuple[str, ...]]:
    """Return a sample's row in each table."""
    note = str(sample.fields["note"])
    facts = {
        **sample.groups,
        "filename": name,
        "age": f"{float(sample.fields['age']):g}",
        "note": note,
        "summary": sample.summary,
        "gpt4_summary": sample.summary,
        "glaucoma": "yes" if sample.fields["glaucoma"] else "no",
        "use": folder.lower(),
    }
    return {table: tuple(facts[column] for column in columns) for table, columns in _TABLES.items()}


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table with its header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
