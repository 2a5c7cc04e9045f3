"""AUC as an exact rank sum.

The AUC is the Mann-Whitney statistic U over n1·n0, where a pair of equal scores counts ½.
Twice U is therefore an integer, so AUCs of one set of labels are compared exactly: no last
bit of a sum decides which epoch is best.

Source: Hanley & McNeil, "The meaning and use of the area under a ROC curve",
Radiology 143(1), 1982.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray, as_labels, as_score_rows


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


def group_u2(codes: IntArray, n_groups: int, label: BoolArray, score: FloatArray) -> IntArray:
    """Return 2U within each group, for many assignments of samples to groups at once.

    One sort serves all assignments: 2U of a group is, summed over its positives, the number
    of its negatives with a lower score plus the number with a lower or equal one, and both
    are entries of a running count over the sorted negatives.

    Args:
        codes: (P, N), P assignments; 0 to n_groups - 1.
        n_groups: G.
        label: (N,).
        score: (N,).

    Returns:
        (P, G).
    """
    by_sample = np.ascontiguousarray(codes.T.astype(np.int16))  # rows of P: contiguous gathers
    negative_score = score[~label]
    order = np.argsort(negative_score)
    below = np.searchsorted(negative_score[order], score[label], side="left")
    up_to = np.searchsorted(negative_score[order], score[label], side="right")
    negative_codes, positive_codes = by_sample[~label][order], by_sample[label]
    u2 = np.empty((len(codes), n_groups), dtype=np.int64)
    running = np.zeros((len(order) + 1, len(codes)), dtype=np.int32)
    for group in range(n_groups):
        np.cumsum(negative_codes == group, axis=0, dtype=np.int32, out=running[1:])
        wins = running[below] + running[up_to]
        u2[:, group] = np.sum(wins, axis=0, where=positive_codes == group, dtype=np.int64)
    return u2


def _u2_of_row(positive: FloatArray, negative: FloatArray) -> int:
    ranked = np.sort(negative)
    below = np.searchsorted(ranked, positive, side="left").sum()
    up_to = np.searchsorted(ranked, positive, side="right").sum()
    return int(below + up_to)
