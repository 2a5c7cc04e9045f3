"""Placements: of each sample, how many of the other class it beats; the parts of an AUC.

Counted in integers from midranks, one sort a scoring, so equal rankings have equal placements.

Sources: DeLong, DeLong & Clarke-Pearson, Biometrics 44(3), 1988; midranks: Sun & Xu, "Fast
implementation of DeLong's algorithm", IEEE Signal Processing Letters 21(11), 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray, as_labels, as_score_rows


@dataclass(frozen=True)
class Placements:
    """Placements of M scorings of the same samples, as counts of pairs.

    Attributes:
        positive: (M, n1), of each positive twice the negatives below it plus those tied.
        negative: (M, n0), of each negative twice the positives above it plus those tied.
    """

    positive: IntArray
    negative: IntArray

    @classmethod
    def of(cls, label: ArrayLike, scores: ArrayLike) -> Placements:
        """Return the placements of score rows (M, N) under labels (N,).

        Raises:
            ValueError: lengths differ, labels other than 0 and 1, NaN or infinite scores.
        """
        positive = as_labels(label)
        rows = as_score_rows(scores, len(positive))
        order = np.argsort(rows, axis=1, kind="stable")
        ranked, is_positive = np.take_along_axis(rows, order, axis=1), positive[order]
        among_all = _twice_midranks(ranked)
        shape = len(rows), int(np.count_nonzero(positive))
        return cls(
            _beyond(among_all, ranked, order, is_positive, shape[1]),
            2 * shape[1]
            - _beyond(among_all, ranked, order, ~is_positive, len(positive) - shape[1]),
        )

    def difference(self, a: int, b: int) -> Placements:
        """Return scoring a minus scoring b, as one row: exact, so equal rankings give 0."""
        return Placements(
            self.positive[a : a + 1] - self.positive[b : b + 1],
            self.negative[a : a + 1] - self.negative[b : b + 1],
        )

    @property
    def n(self) -> int:
        """Samples."""
        return int(self.positive.shape[1] + self.negative.shape[1])

    @property
    def auc(self) -> FloatArray:
        """AUC of each scoring, or its difference, (M,); NaN if one class is present."""
        pairs = self.positive.shape[1] * self.negative.shape[1]
        if not pairs:
            return np.full(len(self.positive), np.nan)
        return np.asarray(self.positive.sum(axis=1) / (2 * pairs), dtype=np.float64)

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the M AUCs, (M, M); NaN unless both classes have two samples."""
        return self._v10 @ self._v10.T + self._v01 @ self._v01.T

    @property
    def variance(self) -> FloatArray:
        """The diagonal of `covariance`, (M,)."""
        return np.asarray(
            np.square(self._v10).sum(axis=1) + np.square(self._v01).sum(axis=1), dtype=np.float64
        )

    @property
    def undefined(self) -> str:
        """Why there is no variance; "" if there is one."""
        n1, n0 = self.positive.shape[1], self.negative.shape[1]
        if n1 >= 2 and n0 >= 2:
            return ""
        return f"{n1} positive and {n0} negative samples; the variance needs two of each class"

    @property
    def _v10(self) -> FloatArray:
        return _scaled(self.positive, self.negative.shape[1])

    @property
    def _v01(self) -> FloatArray:
        return _scaled(self.negative, self.positive.shape[1])


def _twice_midranks(ranked: FloatArray) -> IntArray:
    """Return twice the midrank (from 1) of every entry of rows sorted upwards."""
    width = ranked.shape[1]
    place = np.arange(width)
    starts = np.ones(ranked.shape, dtype=bool)
    starts[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    ends = np.ones(ranked.shape, dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, width)[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(first + last + 2, dtype=np.int64)


def _beyond(
    among_all: IntArray, ranked: FloatArray, order: IntArray, inside: BoolArray, n: int
) -> IntArray:
    """Return, of each sample of one class, twice the samples of the other below it plus ties.

    Args:
        among_all: (M, N), twice the midranks in sorted order.
        ranked: (M, N), the sorted scores.
        order: (M, N), which sample stands where.
        inside: (M, N), where the class stands.
        n: Samples of the class.
    """
    shape = len(ranked), n
    within = _twice_midranks(ranked[inside].reshape(shape))
    beyond = np.empty(ranked.shape, dtype=np.int64)
    counted = among_all[inside].reshape(shape) - within
    np.put_along_axis(beyond, order[inside].reshape(shape), counted, axis=1)
    samples = np.zeros(ranked.shape[1], dtype=bool)
    samples[order[:1][inside[:1]]] = True
    return beyond[:, samples]


def _scaled(counts: IntArray, n_other: int) -> FloatArray:
    """Return placements minus their mean, so that X·Xᵀ is the covariance of their means."""
    n = counts.shape[1]
    if n < 2 or n_other < 2:
        return np.full((*counts.shape[:1], 1), np.nan)
    centred = counts - counts.mean(axis=1, keepdims=True)
    return np.asarray(centred / (2 * n_other * sqrt(n * (n - 1))), dtype=np.float64)
