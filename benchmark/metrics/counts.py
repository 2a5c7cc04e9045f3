"""Counts per group and the gaps between groups, for one or many group assignments.

A permuted baseline is the same computation on permuted codes, so everything here carries a
leading axis P of assignments; the observed one is P = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import numpy as np

from benchmark.metrics.assignments import Assignments
from benchmark.metrics.auc import group_u2
from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class GroupCounts:
    """Integers from which every threshold metric and AUC of a group follows, each (P, G).

    A rate whose denominator is 0 is NaN.

    Attributes:
        n: Samples.
        n_positive: Samples of class 1.
        predicted: Samples predicted positive.
        true_positive: Samples of class 1 predicted positive.
        u2: Twice the Mann-Whitney U within the group.
    """

    INCOMPLETE: ClassVar[str] = "a group had one class"
    """Why a permutation has no AUC gap and no DEOdds."""

    n: IntArray
    n_positive: IntArray
    predicted: IntArray
    true_positive: IntArray
    u2: IntArray

    def only(self, columns: IntArray) -> GroupCounts:
        """Return the counts of some groups, in the order of `columns`."""
        return GroupCounts(*(getattr(self, field.name)[:, columns] for field in fields(self)))

    def under(self, assignments: slice) -> GroupCounts:
        """Return the counts under some of the assignments."""
        return GroupCounts(*(getattr(self, field.name)[assignments] for field in fields(self)))

    def samples(self, column: int) -> str:
        """Return "3 positive and 0 negative samples" of a group, as reasons say it."""
        positive, negative = self.n_positive[0, column], self.n_negative[0, column]
        return f"{positive} positive and {negative} negative samples"

    def undefined_rates(self, column: int) -> list[str]:
        """Return which of "TPR" and "FPR" a group does not have."""
        rates = {"TPR": self.n_positive, "FPR": self.n_negative}
        return [rate for rate, whole in rates.items() if whole[0, column] == 0]

    @property
    def degenerate(self) -> FloatArray:
        """1 where under 5% or over 95% are predicted positive, else 0, (P, G); NaN at n = 0.

        In integers, so that exactly 5% is never outside.
        """
        outside = (20 * self.predicted < self.n) | (20 * self.predicted > 19 * self.n)
        return np.where(self.n > 0, outside.astype(np.float64), np.nan)

    @property
    def at_dpd(self) -> GroupCounts:
        """The counts whose positive rates make the DPD."""
        return self

    @property
    def at_deodds(self) -> GroupCounts:
        """The counts whose TPRs or FPRs make the DEOdds."""
        return self

    @cached_property
    def n_negative(self) -> IntArray:
        """Samples of class 0."""
        return self.n - self.n_positive

    @cached_property
    def positive_rate(self) -> FloatArray:
        """P(prediction = 1)."""
        return ratio(self.predicted, self.n)

    @cached_property
    def tpr(self) -> FloatArray:
        """P(prediction = 1 | label = 1)."""
        return ratio(self.true_positive, self.n_positive)

    @cached_property
    def fpr(self) -> FloatArray:
        """P(prediction = 1 | label = 0)."""
        return ratio(self.predicted - self.true_positive, self.n_negative)

    @cached_property
    def accuracy(self) -> FloatArray:
        """P(prediction = label)."""
        false_positive = self.predicted - self.true_positive
        return ratio(self.true_positive + self.n_negative - false_positive, self.n)

    @cached_property
    def auc(self) -> FloatArray:
        """Area under the ROC curve within the group."""
        return ratio(self.u2, 2 * self.n_positive * self.n_negative)

    @cached_property
    def dpd(self) -> FloatArray:
        """Demographic parity difference, (P,): largest minus smallest positive rate.

        Source: Agarwal et al., "A reductions approach to fair classification", ICML 2018,
        as `fairlearn.metrics.demographic_parity_difference` measures it.
        """
        return spread(self.positive_rate)

    @cached_property
    def deodds(self) -> FloatArray:
        """Equalised odds difference, (P,): the larger of the TPR and the FPR spread.

        As `fairlearn.metrics.equalized_odds_difference`, except that an undefined rate
        makes it NaN; fairlearn counts such a rate as 0, which makes a gap from nothing.

        Source: Hardt, Price & Srebro, "Equality of opportunity in supervised learning",
        NeurIPS 2016.
        """
        return np.maximum(spread(self.tpr), spread(self.fpr))


def count(
    assignments: Assignments, label: BoolArray, predicted: BoolArray, score: FloatArray
) -> GroupCounts:
    """Count every group under each assignment.

    Args:
        assignments: Of N samples; those that belong to no group are left out first.
        label: (N,).
        predicted: (N,), the decision at the threshold.
        score: (N,).
    """
    return GroupCounts(
        n=assignments.among(np.ones(len(label), dtype=bool)),
        n_positive=assignments.among(label),
        predicted=assignments.among(predicted),
        true_positive=assignments.among(label & predicted),
        u2=group_u2(assignments, label, score),
    )


def spread(rate: FloatArray) -> FloatArray:
    """Return largest minus smallest over groups, (P, G) → (P,).

    NaN where any group's rate is NaN, and everywhere if there are fewer than two groups.
    """
    if rate.shape[1] < 2:
        return np.full(len(rate), np.nan)
    return np.asarray(rate.max(axis=1) - rate.min(axis=1), dtype=np.float64)


def smallest(value: FloatArray) -> FloatArray:
    """Return the smallest over groups, (P, G) → (P,); NaN where one is NaN, or without a group."""
    return np.asarray(value.min(axis=1) if value.size else np.full(len(value), np.nan))


def equity_scaled(overall: FloatArray, by_group: FloatArray) -> FloatArray:
    """Return X / (1 + Σ_g |X - X_g|) with X of shape (P, 1) and X_g of shape (P, G).

    NaN without any group: nothing would then be scaled.

    Source: Luo et al., "Harvard Glaucoma Fairness", IEEE TMI 2024 (ES-AUC, ES-Acc).
    """
    if by_group.shape[1] == 0:
        return np.full(len(overall), np.nan)
    return np.asarray(
        overall[:, 0] / (1 + np.abs(overall - by_group).sum(axis=1)), dtype=np.float64
    )


def ratio(part: IntArray, whole: IntArray) -> FloatArray:
    """Return part / whole; NaN where whole is 0."""
    undefined: FloatArray = np.full(part.shape, np.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0)
