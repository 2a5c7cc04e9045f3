"""AUC as an exact rank sum.

The AUC is the Mann-Whitney statistic U over n1·n0, where a pair of equal scores counts ½.
Twice U is therefore an integer, so AUCs of one set of labels are compared exactly: no last
bit of a sum decides which epoch is best.

Source: Hanley & McNeil, "The meaning and use of the area under a ROC curve",
Radiology 143(1), 1982.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.assignments import Assignments
from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray, as_labels, as_score_rows

_WIDE, _BLOCK = 16, 32


def mann_whitney_u2(label: ArrayLike, score: ArrayLike) -> IntArray:
    """Return twice the Mann-Whitney U of each row of scores.

    That is, summed over all pairs of a positive and a negative sample, 2 if the positive
    scores higher and 1 if both score the same.

    Args:
        label: (N,), 0 or 1.
        score: (E, N); each row scores the same samples, as one epoch does.

    Returns:
        (E,), between 0 and 2·n1·n0.

    Raises:
        ValueError: lengths differ, labels other than 0 and 1, NaN or infinite scores.
    """
    positive = as_labels(label)
    rows = as_score_rows(score, len(positive))
    return np.array([_u2_of_row(row[positive], row[~positive]) for row in rows], dtype=np.int64)


def auc(label: ArrayLike, score: ArrayLike) -> float:
    """Return the area under the ROC curve of one scoring; NaN if only one class is present.

    Args:
        label: (N,), 0 or 1.
        score: (N,), higher for class 1.

    Raises:
        ValueError: as `mann_whitney_u2`.
    """
    return float(auc_by_row(label, np.asarray(score)[None])[0])


def auc_by_row(label: ArrayLike, score: ArrayLike) -> FloatArray:
    """Return the AUC of each row of scores (E, N), shape (E,), NaN if one class is present."""
    positive = as_labels(label)
    n1 = int(np.count_nonzero(positive))
    pairs = n1 * (len(positive) - n1)
    u2 = mann_whitney_u2(positive, score)
    return u2 / (2 * pairs) if pairs else np.full(u2.shape, np.nan)


def group_u2(assignments: Assignments, label: BoolArray, score: FloatArray) -> IntArray:
    """Return 2U within each group, for many assignments of samples to groups at once.

    One sort serves all assignments: 2U of a group is, summed over its positives, twice the
    number of its negatives with a lower score plus the number with an equal one, and both
    follow from a running count over the sorted negatives.

    Args:
        assignments: P assignments of the N samples to G groups.
        label: (N,).
        score: (N,).

    Returns:
        (P, G).
    """
    by_sample, n_groups = assignments.by_sample, assignments.n_groups
    ascending = np.argsort(score)
    negatives, positives = ascending[~label[ascending]], ascending[label[ascending]]
    below = np.searchsorted(score[negatives], score[positives], side="left")
    up_to = np.searchsorted(score[negatives], score[positives], side="right")
    tied = np.flatnonzero(up_to > below)  # few rows, with continuous scores
    negative_codes, positive_codes = by_sample[negatives], by_sample[positives]
    small = len(negatives) * len(positives) < np.iinfo(np.int32).max
    total: type[np.signedinteger[Any]] = np.int32 if small else np.int64
    u2 = np.empty((by_sample.shape[1], n_groups), dtype=np.int64)
    for group in range(n_groups):
        running = _running_count(negative_codes == group)
        inside = positive_codes == group
        u2[:, group] = 2 * (running[below] * inside).sum(axis=0, dtype=total).astype(np.int64)
        equal = running[up_to[tied]] - running[below[tied]]
        u2[:, group] += (equal * inside[tied]).sum(axis=0, dtype=np.int64)
    return u2


def _running_count(inside: BoolArray) -> NDArray[np.signedinteger[Any]]:
    """Return (n + 1, P), how many of the first 0, 1, … n rows of (n, P) are True.

    As `np.cumsum(axis=0)`, by blocks of rows: whole rows are added at once, which is five times
    as fast where they are wide.
    """
    n, width = inside.shape
    counts = np.int16 if n < np.iinfo(np.int16).max else np.int32
    if width < _WIDE:
        narrow = np.zeros((n + 1, width), dtype=counts)
        np.cumsum(inside, axis=0, dtype=counts, out=narrow[1:])
        return narrow
    blocks = -(-n // _BLOCK)
    running = np.zeros((1 + blocks * _BLOCK, width), dtype=counts)
    running[1 : n + 1] = inside
    in_block = running[1:].reshape(blocks, _BLOCK, width)
    for i in range(1, _BLOCK):
        in_block[:, i] += in_block[:, i - 1]
    in_block[1:] += np.cumsum(in_block[:-1, -1], axis=0, dtype=counts)[:, None]
    return running


def _u2_of_row(positive: FloatArray, negative: FloatArray) -> int:
    ranked, sought = np.sort(negative), np.sort(positive)  # found faster in ascending order
    below = np.searchsorted(ranked, sought, side="left").sum()
    up_to = np.searchsorted(ranked, sought, side="right").sum()
    return int(below + up_to)
