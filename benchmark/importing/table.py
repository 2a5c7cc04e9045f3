"""Any method's predictions as a table: one row a variant, seed, epoch, split and sample."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data.dataset import SplitName, sample_ids
from benchmark.data.table_file import Columns, read_columns
from benchmark.errors import FairbenchError
from benchmark.importing.cells import Cells
from benchmark.importing.run import UNKNOWN_VALUE, ImportedRun, ImportedSplit
from benchmark.predictions import ATTRIBUTE_PREFIX

REQUIRED = ("variant", "split", "sample_id", "label")
OPTIONAL = ("seed", "epoch")
SCORE = "score"
CLASS_PREFIX = "score_"
SPLITS: tuple[SplitName, ...] = ("val", "test")
_PANDAS_INDEX = "__index_level_"  # pandas writes its row numbers into a Parquet file
UNKNOWABLE = (
    "training data",
    "protocol",
    "model and initial weights",
    "the variant's own selection rule",
    "versions and hardware",
    "image–note similarities",
)


@dataclass(frozen=True)
class _Table:
    """The rows of a file, checked cell by cell.

    Attributes:
        columns: The cells, for messages.
        rows: Columns variant, seed (−1 without one), epoch, split, sample_id, label, the score
            columns and the attributes' codes; `row` is the position in the file.
        classes: Names.
        scores: Names of the score columns.
        groups: Attribute → group names.
    """

    columns: Columns
    rows: pd.DataFrame
    classes: tuple[str, ...]
    scores: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]


def read_predictions_table(path: Path, dataset: str = "imported") -> list[ImportedRun]:
    """Read a table of predictions: one run for each variant and seed.

    Args:
        path: A CSV or Parquet file; `docs/importing.md` lists its columns.
        dataset: Name of the dataset, as tables show it; two files of one test set that are to
            be compared have the same.

    Raises:
        FairbenchError: a column, cell or row that cannot be used; the message names file,
            column, row and value.
    """
    table = _read(path)
    digest = sha256(path.read_bytes()).hexdigest()
    grouped = table.rows.groupby(["variant", "seed"], sort=True)
    return [_run(path, table, dataset, digest, name, part) for name, part in grouped]


def _run(
    path: Path, table: _Table, dataset: str, digest: str, name: Any, part: pd.DataFrame
) -> ImportedRun:
    variant, seed = str(name[0]), int(name[1])
    epochs = sorted(part["epoch"].unique().tolist())
    splits: dict[SplitName, ImportedSplit] = {}
    for split in SPLITS:
        rows = part[part["split"] == split]
        if len(rows):
            splits[split] = _split(table, rows, epochs, dataset, f"{variant}, {split}")
    if "test" not in splits:
        raise FairbenchError(f"{path}: variant '{variant}' has no row of split 'test'")
    known = ["seed"] if seed < 0 else []
    lacking = [] if "val" in splits else ["validation scores"]
    return ImportedRun(
        source="predictions",
        variant=variant,
        label=variant,
        attributes=(),
        own_selection="val-auc" if "val" in splits else "last",
        seed=None if seed < 0 else seed,
        objective={},
        protocol={},
        protocol_label="imported",
        model=UNKNOWN_VALUE,
        dataset=dataset,
        classes=table.classes,
        groups=table.groups,
        epochs=epochs,
        splits=splits,
        unknown=(*UNKNOWABLE, *lacking, *known),
        files={path.name: digest},
    )


def _split(
    table: _Table, rows: pd.DataFrame, epochs: Sequence[int], dataset: str, who: str
) -> ImportedSplit:
    """Return one split, its samples in the order of their ids, the same in every epoch."""
    rows = rows.sort_values(["epoch", "sample_id"], kind="stable")
    same = ["sample_id", "label", *(ATTRIBUTE_PREFIX + name for name in table.groups)]
    twice = rows.duplicated(["epoch", "sample_id"])
    if twice.any():
        row = rows[twice].iloc[0]
        at = table.columns.row(int(row["row"]))
        raise FairbenchError(
            f"{at}: sample_id '{row['sample_id']}' occurs twice in one epoch of {who}"
        )
    first = rows[rows["epoch"] == rows["epoch"].iloc[0]]
    for epoch in epochs:
        now = rows[rows["epoch"] == epoch]
        if len(now) != len(first) or (now["sample_id"].to_numpy() != first["sample_id"]).any():
            raise FairbenchError(
                f"{table.columns.path}: {who}: epoch {epoch} has other samples than epoch "
                f"{rows['epoch'].iloc[0]} ({len(now)} and {len(first)}); every epoch needs all"
            )
        for name in same[1:]:
            wrong = now[name].to_numpy() != first[name].to_numpy()
            if wrong.any():
                row = now[wrong].iloc[0]
                value = table.columns.cells[name][int(row["row"])]
                raise FairbenchError(
                    f"{table.columns.row(int(row['row']))}: column '{name}' is '{value}', and "
                    f"another value for the same sample_id in epoch {rows['epoch'].iloc[0]}"
                )
    score = rows[[*table.scores]].to_numpy(np.float32).reshape(len(epochs), len(first), -1)
    return ImportedSplit(
        sample_id=sample_ids(dataset, first["sample_id"].tolist()),
        label=first["label"].to_numpy(np.int8),
        codes={name: first[ATTRIBUTE_PREFIX + name].to_numpy(np.int8) for name in table.groups},
        score=score[..., 0] if len(table.scores) == 1 else score,
    )


def _read(path: Path) -> _Table:
    names = _header(path)
    attributes = [name for name in names if name.startswith(ATTRIBUTE_PREFIX)]
    scores = [name for name in names if name == SCORE or name.startswith(CLASS_PREFIX)]
    _check_names(path, names, attributes, scores)
    wanted = [*REQUIRED, *(name for name in OPTIONAL if name in names), *scores, *attributes]
    columns = read_columns(path, [("a column of predictions", name) for name in wanted])
    classes = ("0", "1") if scores == [SCORE] else _class_names(scores)
    read = Cells(columns)
    rows = {
        "row": np.arange(len(columns)),
        "variant": read.texts("variant"),
        "seed": read.numbers("seed", empty=-1) if "seed" in names else np.full(len(columns), -1),
        "epoch": read.numbers("epoch") if "epoch" in names else np.ones(len(columns), np.int64),
        "split": read.choices("split", SPLITS),
        "sample_id": read.texts("sample_id"),
        "label": np.array([classes.index(v) for v in read.choices("label", classes)]),
        **{name: read.probabilities(name) for name in scores},
    }
    groups = {}
    for name in attributes:
        groups[name.removeprefix(ATTRIBUTE_PREFIX)], rows[name] = read.groups(name)
    return _Table(columns, pd.DataFrame(rows), classes, tuple(scores), groups)


def _header(path: Path) -> list[str]:
    """Return the column names; what is wrong with the file as a whole is left to `read_columns`."""
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            names = [str(name) for name in pq.read_schema(path).names]
            return [name for name in names if not name.startswith(_PANDAS_INDEX)]
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, ValueError):
        return [*REQUIRED, SCORE, ATTRIBUTE_PREFIX]


def _check_names(
    path: Path, names: Sequence[str], attributes: Sequence[str], scores: Sequence[str]
) -> None:
    for name in names:
        if name not in (*REQUIRED, *OPTIONAL, *attributes, *scores):
            raise FairbenchError(
                f"{path}: column '{name[:60]}' is none of {', '.join([*REQUIRED, *OPTIONAL])}, "
                f"{SCORE}, {CLASS_PREFIX}<class>; an attribute's column is named "
                f"{ATTRIBUTE_PREFIX}<name>"
            )
    if not scores or (len(scores) > 1 and (SCORE in scores or len(scores) < 3)):
        raise FairbenchError(
            f"{path}: has the score columns {', '.join(scores) or 'none'}; expected '{SCORE}', the "
            f"probability of label 1, or {CLASS_PREFIX}<class> for each of three or more classes"
        )
    if not attributes:
        raise FairbenchError(
            f"{path}: has no attribute to compare groups of; name one as {ATTRIBUTE_PREFIX}<name>"
        )


def _class_names(scores: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix(CLASS_PREFIX) for name in scores)
