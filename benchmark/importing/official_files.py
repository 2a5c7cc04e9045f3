"""The files that the public FairCLIP code leaves in a results folder.

`args_train.txt` is JSON; `pred_gt_ep<epoch>.npz` holds `val_pred`, `val_gt`, `val_attr`, which
are of the test set whatever their names say; `best_<name>.csv` has one row of metrics, printed
with four decimals, of the epoch with the best test AUC.

Source: finetune_CLIP.py and finetune_FairCLIP.py, released with Luo et al., CVPR 2024.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from benchmark.data.fairvlmed_npz import ATTRIBUTES
from benchmark.errors import FairbenchError

ARGS = "args_train.txt"
_PREDICTIONS = re.compile(r"pred_gt_ep(\d+)\.npz")
_ARRAYS = ("val_pred", "val_gt", "val_attr")


@dataclass(frozen=True)
class TestPredictions:
    """The test set's predictions after every epoch.

    Attributes:
        epochs: The numbers in the file names, 0 to E − 1.
        score: (E, N) float32, the probability of glaucoma.
        label: (N,) int8.
        codes: (N, 4) int8, race, gender, ethnicity and language.
    """

    __test__ = False  # not a class of tests

    epochs: tuple[int, ...]
    score: NDArray[np.float32]
    label: NDArray[np.int8]
    codes: NDArray[np.int8]


@dataclass(frozen=True)
class BestRow:
    """A row of a `best_*.csv`: the epoch and column → what is printed for it."""

    path: Path
    epoch: int
    values: Mapping[str, float]


def prediction_files(folder: Path) -> dict[int, Path]:
    """Return epoch → file of predictions, by epoch; empty if there is none."""
    found = {
        int(match[1]): path
        for path in folder.iterdir()
        if (match := _PREDICTIONS.fullmatch(path.name))
    }
    return dict(sorted(found.items()))


def read_args(folder: Path) -> dict[str, Any]:
    """Return the arguments that the training was started with.

    Raises:
        FairbenchError: no such file, or one that is not a JSON object.
    """
    path = folder / ARGS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FairbenchError(
            f"{path}: cannot be read ({error}); without the arguments nothing says what was trained"
        ) from error
    if not isinstance(found, dict):
        raise FairbenchError(f"{path}: expected a JSON object of arguments")
    return found


def read_predictions(folder: Path, expected: int | None) -> TestPredictions:
    """Return the predictions of all epochs.

    Args:
        folder: A results folder.
        expected: How many epochs the training was to have; None if unknown.

    Raises:
        FairbenchError: an epoch is missing, a file cannot be read, or two epochs are of
            different samples.
    """
    files = prediction_files(folder)
    wanted = len(files) if expected is None else expected
    missing = sorted(set(range(wanted)) - files.keys())
    if missing or len(files) != wanted:
        what = f"epoch {missing[0]} is missing" if missing else f"there are {len(files)}"
        raise FairbenchError(
            f"{folder}: pred_gt_ep*.npz of {wanted} epochs are expected and {what}; every epoch is "
            "needed, since the last and the best are chosen among all"
        )
    read = {epoch: _read_epoch(path) for epoch, path in files.items()}
    _, label, codes = read[0]
    for epoch, (_, other_label, other_codes) in read.items():
        same = np.array_equal(other_label, label) and np.array_equal(other_codes, codes)
        if not same:
            raise FairbenchError(
                f"{files[epoch]}: val_gt or val_attr is not that of {files[0].name}; the files "
                "are not of one run"
            )
    score = np.stack([score for score, _, _ in read.values()])
    return TestPredictions(tuple(read), score, label, codes)


def read_best(folder: Path) -> list[BestRow]:
    """Return the last row of every `best_*.csv`; columns without a number are left out.

    Raises:
        FairbenchError: a file whose row does not fit its header, or whose cells are no numbers.
    """
    return [row for path in sorted(folder.glob("best_*.csv")) for row in _best_row(path)]


def _read_epoch(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.int8]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _ARRAYS if name in archive}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise FairbenchError(f"{path}: cannot be read ({error})") from error
    for name in _ARRAYS:
        if name not in arrays:
            raise FairbenchError(f"{path}: has no array '{name}'; it has {', '.join(arrays)}")
    n = len(arrays["val_gt"]) if arrays["val_gt"].ndim == 1 else 0
    shapes = {"val_pred": (n,), "val_gt": (n,), "val_attr": (n, len(ATTRIBUTES))}
    for name, shape in shapes.items():
        if n == 0 or arrays[name].shape != shape:
            raise FairbenchError(
                f"{path}: array '{name}' has shape {arrays[name].shape}; expected (N,) scores and "
                f"labels and (N, {len(ATTRIBUTES)}) attributes"
            )
    score = arrays["val_pred"].astype(np.float32)
    _require(path, "val_pred", score, (score >= 0) & (score <= 1), "a probability")
    label = arrays["val_gt"]
    _require(path, "val_gt", label, np.isin(label, (0, 1)), "0 or 1")
    codes = arrays["val_attr"]
    for column, (name, groups) in enumerate(ATTRIBUTES.items()):
        known = np.isin(codes[:, column], range(-1, len(groups)))
        meaning = ", ".join(f"{code} ({group})" for code, group in enumerate(groups))
        _require(path, f"val_attr ({name})", codes[:, column], known, f"{meaning} or -1 (unknown)")
    return score, label.astype(np.int8), codes.astype(np.int8)


def _require(
    path: Path, name: str, values: NDArray[Any], right: NDArray[np.bool_], expected: str
) -> None:
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        raise FairbenchError(f"{path}: {name}, row {row}, is {values[row]}; expected {expected}")


def _best_row(path: Path) -> list[BestRow]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise FairbenchError(f"{path}: cannot be read ({error})") from error
    if len(rows) < 2:  # written when the training starts, filled when it ends
        return []
    header, row = rows[0], rows[-1]
    if len(row) != len(header) or "epoch" not in header:
        raise FairbenchError(
            f"{path}: the last row has {len(row)} cells and the header {len(header)}; expected "
            "the file as the training wrote it, or none"
        )
    cells = {name: cell for name, cell in zip(header, row, strict=True) if name not in ("path", "")}
    values: dict[str, float] = {}
    for name, cell in cells.items():
        try:
            values[name] = float(cell)
        except ValueError:
            raise FairbenchError(
                f"{path}: row {len(rows)}, column '{name}' is '{cell}'; expected a number"
            ) from None
    return [BestRow(path, int(values.pop("epoch")), values)]
