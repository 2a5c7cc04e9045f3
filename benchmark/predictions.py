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
        FairbenchError: the file is missing or damaged, or its epochs hold different samples.
    """
    path = run / "predictions.parquet"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise FairbenchError(
            f"{path}: cannot be read ({str(error).splitlines()[0]}); delete {run} and run again"
        ) from error
    split = np.asarray(table.column("split").to_pylist(), dtype=np.str_)
    columns = {
        name: table.column(name).to_numpy()
        for name in table.column_names
        if name not in ("split", "sample_id")
    }
    columns["sample_id"] = np.asarray(table.column("sample_id").to_pylist(), dtype=np.str_)
    return {
        str(name): _split(path, {k: v[split == name] for k, v in columns.items()})
        for name in np.unique(split)
    }


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
