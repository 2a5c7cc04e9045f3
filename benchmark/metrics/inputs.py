"""What every metric demands of its arrays, checked once and named when it is not met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.data.dataset import UNKNOWN

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def as_labels(label: ArrayLike) -> BoolArray:
    """Return labels (N,) as booleans; True is class 1.

    Raises:
        ValueError: not one-dimensional, or a value other than 0 and 1.
    """
    values = np.asarray(label)
    if values.ndim != 1:
        raise ValueError(f"label has shape {values.shape}; expected (N,)")
    wrong = ~np.isin(values, (0, 1))
    if wrong.any():
        raise ValueError(f"label holds {_distinct(values[wrong])}; a label is 0 or 1")
    return values.astype(bool)


def as_classes(label: ArrayLike, n_classes: int) -> IntArray:
    """Return labels (N,) of a label with `n_classes` classes.

    Raises:
        ValueError: not one-dimensional or no integers, or a value outside 0..n_classes-1.
    """
    values = np.asarray(label)
    if values.ndim != 1:
        raise ValueError(f"label has shape {values.shape}; expected (N,)")
    if len(values) and values.dtype.kind not in "iu":
        raise ValueError(f"label has type {values.dtype}; expected integers")
    wrong = (values < 0) | (values >= n_classes)
    if wrong.any():
        raise ValueError(f"label holds {_distinct(values[wrong])}; known: 0 to {n_classes - 1}")
    return values.astype(np.int64)


def as_class_scores(score: ArrayLike, n: int, n_classes: int) -> FloatArray:
    """Return scores (..., n, n_classes) in float64, one column a class.

    Raises:
        ValueError: another shape, or a value is NaN or infinite.
    """
    values = np.asarray(score, dtype=np.float64)
    if values.shape[-2:] != (n, n_classes):
        raise ValueError(f"score has shape {values.shape} for {n} labels of {n_classes} classes")
    return _finite(values)


def as_scores(score: ArrayLike, n: int) -> FloatArray:
    """Return scores (n,) in float64, which keeps every float16 and float32 value and tie.

    Raises:
        ValueError: another shape, or a value is NaN or infinite.
    """
    (values,) = as_score_rows(np.asarray(score)[None], n)
    return np.asarray(values, dtype=np.float64)


def as_score_rows(score: ArrayLike, n: int) -> FloatArray:
    """Return scores (E, n) in float64; each row scores the same samples, as one epoch does.

    Raises:
        ValueError: another shape, or a value is NaN or infinite.
    """
    values = np.asarray(score, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != n:
        raise ValueError(f"a row of scores has shape {values.shape[1:]} for {n} labels")
    return _finite(values)


def as_codes(codes: ArrayLike, n: int, groups: Sequence[str]) -> IntArray:
    """Return group codes (n,): an index into `groups`, or `UNKNOWN` for a sample in no group.

    Raises:
        ValueError: another length or type than integers, or a code outside -1..len(groups)-1.
    """
    values = np.asarray(codes)
    if values.shape != (n,):
        raise ValueError(f"codes has shape {values.shape} for {n} labels")
    if n and values.dtype.kind not in "iu":
        raise ValueError(f"codes has type {values.dtype}; expected integers")
    wrong = (values < UNKNOWN) | (values >= len(groups))
    if wrong.any():
        known = ", ".join(f"{code} ({name})" for code, name in enumerate(groups))
        raise ValueError(f"codes holds {_distinct(values[wrong])}; known: -1 (unknown), {known}")
    return values.astype(np.int64)


def class_counts(label: BoolArray) -> str:
    """Return "3 positive and 0 negative samples": what a reason says of one set of labels."""
    positive = int(np.count_nonzero(label))
    return f"{positive} positive and {len(label) - positive} negative samples"


def in_words(samples: Sequence[int], classes: Sequence[str]) -> str:
    """Return "7 samples of class 'none', 0 of 'mild' and 3 of 'severe'"."""
    *first, last = [f"{n} of '{name}'" for n, name in zip(samples, classes, strict=True)]
    unit = "sample" if samples[0] == 1 else "samples"
    return f"{', '.join(first)} and {last}".replace(" of ", f" {unit} of class ", 1)


def _finite(values: FloatArray) -> FloatArray:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise ValueError(f"score holds {bad} of {values.size} values that are NaN or infinite")
    return values


def _distinct(values: NDArray[np.generic], show: int = 5) -> str:
    """Return the first few distinct values as text."""
    found = np.unique(values)
    return ", ".join(str(v) for v in found[:show]) + (", …" if len(found) > show else "")
