"""The stored predictions of one run, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmark.errors import FairbenchError

ATTRIBUTE_PREFIX = "attribute_"
"""Column prefix of attribute codes in `predictions.parquet`."""

COLUMNS = {
    "epoch": pa.int16(),
    "split": pa.string(),
    "sample_id": pa.string(),
    "label": pa.int8(),
    "score": pa.float32(),
    "similarity": pa.float32(),
}
"""Columns of `predictions.parquet` and their types; those of attributes are int8."""


@dataclass(frozen=True)
class SplitPredictions:
    """One split over the E stored epochs of a run; the N samples are the same in each.

    Attributes:
        epochs: (E,), increasing.
        score: (E, N) float32, probability of class 1.
        similarity: (E, N) float32, cosine of image and note.
        label: (N,) int8.
        codes: Attribute → (N,) int8.
        sample_id: (N,) strings.
    """

    epochs: NDArray[np.int16]
    score: NDArray[np.float32]
    similarity: NDArray[np.float32]
    label: NDArray[np.int8]
    codes: Mapping[str, NDArray[np.int8]]
    sample_id: NDArray[np.str_]


def read_predictions(run: Path) -> dict[str, SplitPredictions]:
    """Return split name → predictions of the run in the folder `run`.

    Raises:
        FairbenchError: the file is missing or damaged, its epochs hold different samples, or
            its splits different epochs.
    """
    path, again = run / "predictions.parquet", f"delete {run} and run again"
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        types = dict(zip(table.column_names, table.schema.types, strict=True))
        columns = {name: table.column(name).to_numpy() for name in types}
    except (OSError, ValueError, pa.ArrowException) as error:
        problem = str(error).splitlines()[0]
        raise FairbenchError(f"{path}: cannot be read ({problem}); {again}") from error
    for name in [*COLUMNS, *types]:
        if types.get(name) != COLUMNS.get(name, pa.int8()):
            raise FairbenchError(f"{path}: column '{name}' is not what a run writes; {again}")
    for name in ("split", "sample_id"):
        columns[name] = np.asarray(columns[name], dtype=np.str_)
    split = columns.pop("split")
    found = {
        str(name): _split(path, {k: v[split == name] for k, v in columns.items()})
        for name in np.unique(split)
    }
    for name, part in found.items():
        first = next(iter(found.values())).epochs
        if not np.array_equal(part.epochs, first):
            raise FairbenchError(
                f"{path}: epochs of {name} are {part.epochs.tolist()}, of another split "
                f"{first.tolist()}; {again}"
            )
    return found


def _split(path: Path, columns: Mapping[str, NDArray[np.generic]]) -> SplitPredictions:
    epochs = np.unique(columns["epoch"])
    count = len(columns["epoch"])
    if count % len(epochs):
        raise FairbenchError(f"{path}: {count} rows are not a whole number per epoch")

    def rows(name: str) -> NDArray[np.generic]:
        return columns[name].reshape(len(epochs), -1)

    fixed = ["sample_id", "label", *(n for n in columns if n.startswith(ATTRIBUTE_PREFIX))]
    for name in ("epoch", *fixed):
        expected = epochs[:, None] if name == "epoch" else rows(name)[:1]
        if (rows(name) != expected).any():
            raise FairbenchError(
                f"{path}: column '{name}' is not in the order of epochs and samples"
            )
    return SplitPredictions(
        epochs=epochs.astype(np.int16),
        score=rows("score").astype(np.float32),
        similarity=rows("similarity").astype(np.float32),
        label=rows("label")[0].astype(np.int8),
        codes={
            name.removeprefix(ATTRIBUTE_PREFIX): rows(name)[0].astype(np.int8)
            for name in fixed
            if name.startswith(ATTRIBUTE_PREFIX)
        },
        sample_id=rows("sample_id")[0].astype(np.str_),
    )
