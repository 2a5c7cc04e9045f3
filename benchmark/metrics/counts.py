"""Counts per group and the gaps between groups, for one or many group assignments.

A permuted baseline is the same computation on permuted codes, so everything here carries a
leading axis P of assignments; the observed one is P = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

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

    n: IntArray
    n_positive: IntArray
    predicted: IntArray
    true_positive: IntArray
    u2: IntArray

    def only(self, columns: IntArray) -> GroupCounts:
        """Return the counts of some groups, in the order of `columns`."""
        return GroupCounts(*(getattr(self, field.name)[:, columns] for field in fields(self)))

    @property
    def n_negative(self) -> IntArray:
        """Samples of class 0."""
        return self.n - self.n_positive

    @property
    def positive_rate(self) -> FloatArray:
        """P(prediction = 1)."""
        return _ratio(self.predicted, self.n)

    @property
    def tpr(self) -> FloatArray:
        """P(prediction = 1 | label = 1)."""
        return _ratio(self.true_positive, self.n_positive)

    @property
    def fpr(self) -> FloatArray:
        """P(prediction = 1 | label = 0)."""
        return _ratio(self.predicted - self.true_positive, self.n_negative)

    @property
    def accuracy(self) -> FloatArray:
        """P(prediction = label)."""
        false_positive = self.predicted - self.true_positive
        return _ratio(self.true_positive + self.n_negative - false_positive, self.n)

    @property
    def auc(self) -> FloatArray:
        """Area under the ROC curve within the group."""
        return _ratio(self.u2, 2 * self.n_positive * self.n_negative)

    @property
    def dpd(self) -> FloatArray:
        """Demographic parity difference, (P,): largest minus smallest positive rate.

        Source: Agarwal et al., "A reductions approach to fair classification", ICML 2018,
        as `fairlearn.metrics.demographic_parity_difference` measures it.
        """
        return spread(self.positive_rate)

    @property
    def deodds(self) -> FloatArray:
        """Equalised odds difference, (P,): the larger of the TPR and the FPR spread.

        As `fairlearn.metrics.equalized_odds_difference`, except that an undefined rate
        makes it NaN; fairlearn counts such a rate as 0, which makes a gap from nothing.

        Source: Hardt, Price & Srebro, "Equality of opportunity in supervised learning",
        NeurIPS 2016.
        """
        return np.maximum(spread(self.tpr), spread(self.fpr))

    @property
    def auc_gap(self) -> FloatArray:
        """Largest minus smallest group AUC, (P,)."""
        return spread(self.auc)

    @property
    def worst_group_auc(self) -> FloatArray:
        """Smallest group AUC, (P,); NaN if a group has one class or there is no group."""
        return np.asarray(self.auc.min(axis=1) if self.n.size else np.full(len(self.n), np.nan))


def count(
    codes: IntArray, n_groups: int, label: BoolArray, predicted: BoolArray, score: FloatArray
) -> GroupCounts:
    """Count every group under each assignment.

    Args:
        codes: (P, N), 0 to n_groups - 1: samples that belong to no group are left out first.
        n_groups: G.
        label: (N,).
        predicted: (N,), the decision at the threshold.
        score: (N,).
    """
    row = np.arange(len(codes))[:, None] * n_groups

    def among(samples: BoolArray) -> IntArray:
        cells = (row + codes[:, samples]).ravel()
        return np.bincount(cells, minlength=len(codes) * n_groups).reshape(len(codes), n_groups)

    return GroupCounts(
        n=among(np.ones(len(label), dtype=bool)),
        n_positive=among(label),
        predicted=among(predicted),
        true_positive=among(label & predicted),
        u2=group_u2(codes, n_groups, label, score),
    )


def spread(rate: FloatArray) -> FloatArray:
    """Return largest minus smallest over groups, (P, G) → (P,).

    NaN where any group's rate is NaN, and everywhere if there are fewer than two groups.
    """
    if rate.shape[1] < 2:
        return np.full(len(rate), np.nan)
    return np.asarray(rate.max(axis=1) - rate.min(axis=1), dtype=np.float64)


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


def _ratio(part: IntArray, whole: IntArray) -> FloatArray:
    undefined: FloatArray = np.full(part.shape, np.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0)
