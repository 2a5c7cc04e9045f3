"""Metrics of many runs under many weightings of the samples at once.

As `benchmark.metrics.evaluate` defines them; a sample of weight 2 counts as two samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.counts import equity_scaled, spread
from benchmark.metrics.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    as_codes,
    as_labels,
    as_score_rows,
)
from benchmark.stats.resampling import Walk, Weights, weighted_sums, weighted_u2

Key = tuple[str, str]
"""Metric and group; the group is "" for the attribute as a whole or for all samples."""


@dataclass(frozen=True)
class WeightedMetrics:
    """R runs on N samples.

    Attributes:
        positive: (N,), True for class 1.
        scores: (R, N).
        predicted: (R, N), the decisions.
        code: (N,), group codes, -1 for unknown.
        groups: Names of the groups.
    """

    positive: BoolArray
    scores: FloatArray
    predicted: BoolArray
    code: IntArray
    groups: Sequence[str]

    @classmethod
    def of(
        cls,
        label: ArrayLike,
        scores: ArrayLike,
        codes: ArrayLike,
        groups: Sequence[str],
        threshold: float | Sequence[float],
    ) -> WeightedMetrics:
        """Return checked inputs.

        Raises:
            ValueError: lengths differ, a label other than 0 and 1, a code outside -1..G-1, or
                scores or thresholds that are not finite.
        """
        positive = as_labels(label)
        rows = as_score_rows(scores, len(positive))
        limit = np.asarray(threshold, dtype=np.float64)
        if limit.shape not in ((), (len(rows),)) or not np.isfinite(limit).all():
            raise ValueError(f"threshold is {threshold}; expected a finite number, or one a run")
        predicted = rows >= np.broadcast_to(limit, len(rows))[:, None]
        return cls(positive, rows, predicted, as_codes(codes, len(positive), groups), groups)

    def within_group_and_label(self, weights: Weights) -> dict[Key, FloatArray]:
        """Return what is resampled within group × label, each (R, B), from weights (N, B).

        AUC, group AUCs, their gap and worst, ES-AUC, TPR, FPR and DEOdds.
        """
        positive, negative = self.positive, ~self.positive
        n1, n0, true_positive, false_positive = self._sums(
            weights,
            positive[None],
            negative[None],
            positive & self.predicted,
            negative & self.predicted,
        )
        u2 = [[weighted_u2(walk, weights) for walk in walks] for walks in self._walks]
        auc = _ratio(np.array(u2), 2 * n1 * n0)
        tpr, fpr = _ratio(true_positive, n1), _ratio(false_positive, n0)
        return {
            ("auc", ""): auc[0],
            ("es_auc", ""): _equity_scaled(auc),
            ("worst_group_auc", ""): _worst(auc),
            ("auc_gap", ""): _gap(auc),
            ("deodds", ""): np.maximum(_gap(tpr), _gap(fpr)),
            **self._named("tpr", tpr),
            **self._named("fpr", fpr),
            **self._named("group_auc", auc[1:]),
        }

    def within_group(self, weights: Weights) -> dict[Key, FloatArray]:
        """Return what is resampled within groups, each (R, B), from weights (N, B).

        Positive rates, DPD, accuracies and ES-accuracy.
        """
        everyone = np.ones((1, len(self.positive)), dtype=bool)
        n, predicted, correct = self._sums(
            weights, everyone, self.predicted, self.predicted == self.positive
        )
        rate, accuracy = _ratio(predicted, n), _ratio(correct, n)
        return {
            ("accuracy", ""): accuracy[0],
            ("es_accuracy", ""): _equity_scaled(accuracy),
            ("dpd", ""): _gap(rate),
            **self._named("positive_rate", rate),
            **self._named("group_accuracy", accuracy[1:]),
        }

    def patterns(self) -> tuple[WeightedMetrics, IntArray]:
        """Return samples that differ in group, label or any decision, and how many are alike.

        `within_group` of these few, weighted, is that of all samples: it needs no scores.
        """
        told = np.concatenate([self.code[None], self.positive[None], self.predicted])
        _, first, alike = np.unique(told, axis=1, return_index=True, return_counts=True)
        few = WeightedMetrics(
            self.positive[first],
            self.scores[:, first],
            self.predicted[:, first],
            self.code[first],
            self.groups,
        )
        return few, alike

    @cached_property
    def _names(self) -> list[str]:
        """Everyone, "", and the groups present."""
        return ["", *(self.groups[i] for i in np.unique(self.code[self.code >= 0]))]

    @cached_property
    def _parts(self) -> BoolArray:
        """(1 + G, N): who belongs to everyone and to each group present."""
        present = np.unique(self.code[self.code >= 0])
        return np.stack([np.ones(len(self.code), dtype=bool), *(self.code == g for g in present)])

    @cached_property
    def _walks(self) -> list[list[Walk]]:
        """For everyone and each group present the walks of the R runs."""
        return [[Walk.of(self.positive, row, part) for row in self.scores] for part in self._parts]

    def _sums(self, weights: Weights, *events: BoolArray) -> list[FloatArray]:
        """Return how often each event happens in each part, (1 + G, R, B) for events (R, N)."""
        rows = [self._parts[:, None] & event for event in events]
        sums = weighted_sums(
            np.concatenate([row.reshape(-1, row.shape[-1]) for row in rows]), weights
        )
        ends = np.cumsum([row.shape[0] * row.shape[1] for row in rows])
        return [
            part.reshape(*row.shape[:2], -1)
            for row, part in zip(rows, np.split(sums, ends[:-1]), strict=True)
        ]

    def _named(self, metric: str, value: FloatArray) -> dict[Key, FloatArray]:
        """Return a row for each part, or for each but everyone if `value` has one row less."""
        names = self._names[len(self._names) - len(value) :]
        return {(metric, name): row for name, row in zip(names, value, strict=True)}


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    whole = np.broadcast_to(whole, part.shape)
    undefined: FloatArray = np.full(part.shape, np.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0)


def _gap(value: FloatArray) -> FloatArray:
    """Return the spread over groups of (1 + G, R, B), the first row being everyone."""
    return spread(_by_group(value)).reshape(value.shape[1:])


def _worst(value: FloatArray) -> FloatArray:
    """Return the smallest over groups of (1 + G, R, B); NaN without any."""
    if len(value) == 1:
        return np.full(value.shape[1:], np.nan)
    return np.asarray(value[1:].min(axis=0), dtype=np.float64)


def _equity_scaled(value: FloatArray) -> FloatArray:
    """Return the equity-scaled metric of (1 + G, R, B), the first row being everyone."""
    return equity_scaled(value[0].reshape(-1, 1), _by_group(value)).reshape(value.shape[1:])


def _by_group(value: FloatArray) -> FloatArray:
    """Return (R·B, G)."""
    return value[1:].reshape(len(value) - 1, value[0].size).T
