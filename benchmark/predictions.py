"""The stored predictions of one run, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "similarity": pa.float32(),
}
"""Columns of `predictions.parquet` and their types, beside scores (float32) and attributes (int8).

A binary label has the column `score`, the probability of class 1; a label with C > 2 classes has
`score_0` to `score_{C-1}`.
"""


_NAMES = ["split", "sample_id"]


def score_columns(n_classes: int) -> tuple[str, ...]:
    """Return the names of the score columns of a label with `n_classes` classes."""
    return tuple(f"score_{c}" for c in range(n_classes)) if n_classes > 2 else ("score",)


@dataclass(frozen=True)
class SplitPredictions:
    """One split over the E stored epochs of a run; the N samples are the same in each.

    Attributes:
        epochs: (E,), increasing.
        score: (E, N) float32, probability of class 1; (E, N, C) of each of C > 2 classes.
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
        # As dictionaries: 30,000 strings are slower to make than all else is to read.
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=_NAMES) as file:
            table = file.read(use_threads=False)  # threads cost more than they save here
        types = dict(zip(table.column_names, table.schema.types, strict=True))
        scores = score_columns(sum(name.startswith("score_") for name in types))
        _require_types(types, COLUMNS | dict.fromkeys(scores, pa.float32()))
        table = table.unify_dictionaries().combine_chunks()
        split, sample_id = (table.column(name).combine_chunks() for name in _NAMES)
        columns = {name: table.column(name).to_numpy() for name in types if name not in _NAMES}
        columns["sample_id"] = sample_id.indices.to_numpy()
        split_code = split.indices.to_numpy()
    except KeyError as error:
        (name,) = error.args
        name = name.decode() if isinstance(name, bytes) else name  # pyarrow's own, of _NAMES
        raise FairbenchError(
            f"{path}: column '{name}' is not what a run writes; {again}"
        ) from error
    except (OSError, ValueError, pa.ArrowException) as error:
        problem = str(error).splitlines()[0]
        raise FairbenchError(f"{path}: cannot be read ({problem}); {again}") from error
    ids = np.asarray(sample_id.dictionary.to_pylist(), dtype=np.str_)
    found = {}
    codes = {split.dictionary[int(code)].as_py(): code for code in np.unique(split_code)}
    for name, code in sorted(codes.items()):
        inside = split_code == code
        found[name] = _split(path, {k: v[inside] for k, v in columns.items()}, scores, ids)
    for name, part in found.items():
        first = next(iter(found.values())).epochs
        if not np.array_equal(part.epochs, first):
            raise FairbenchError(
                f"{path}: epochs of {name} are {part.epochs.tolist()}, of another split "
                f"{first.tolist()}; {again}"
            )
    return found


def _require_types(types: Mapping[str, pa.DataType], expected: Mapping[str, pa.DataType]) -> None:
    """Raise KeyError for a column missing or of another type; columns not expected are int8."""
    for name in [*expected, *types]:
        found = types.get(name)
        if isinstance(found, pa.DictionaryType):
            found = found.value_type
        if found != expected.get(name, pa.int8()):
            raise KeyError(name)


def _split(
    path: Path,
    columns: Mapping[str, NDArray[np.generic]],
    scores: Sequence[str],
    ids: NDArray[np.str_],
) -> SplitPredictions:
    """Return one split; `sample_id` holds positions in `ids`."""
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
    by_class = [rows(name).astype(np.float32) for name in scores]
    return SplitPredictions(
        epochs=epochs.astype(np.int16),
        score=by_class[0] if len(by_class) == 1 else np.stack(by_class, axis=-1),
        similarity=rows("similarity").astype(np.float32),
        label=rows("label")[0].astype(np.int8),
        codes={
            name.removeprefix(ATTRIBUTE_PREFIX): rows(name)[0].astype(np.int8)
            for name in fixed
            if name.startswith(ATTRIBUTE_PREFIX)
        },
        sample_id=ids[rows("sample_id")[0]],
    )
