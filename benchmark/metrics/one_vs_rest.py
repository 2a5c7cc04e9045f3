"""Counts of each class of a label against all others, and what follows for the label as a whole.

For two classes every value here is that of the binary label: the AUCs of both classes are equal,
so are their positive-rate differences, and the TPR of one is 1 - FPR of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from benchmark.metrics.assignments import Assignments
from benchmark.metrics.counts import GroupCounts, count, ratio
from benchmark.metrics.inputs import FloatArray, IntArray, in_words


@dataclass(frozen=True)
class OneVsRest:
    """Counts (P, G) of C classes, each as the positive class against the rest.

    Attributes:
        classes: C names.
        of_class: In the same order.
    """

    INCOMPLETE: ClassVar[str] = "a group had no sample of some class"
    """Why a permutation has no AUC gap and no DEOdds."""

    classes: tuple[str, ...]
    of_class: tuple[GroupCounts, ...]

    def only(self, columns: IntArray) -> OneVsRest:
        """Return the counts of some groups, in the order of `columns`."""
        return replace(self, of_class=tuple(counts.only(columns) for counts in self.of_class))

    def under(self, assignments: slice) -> OneVsRest:
        """Return the counts under some of the assignments."""
        return replace(self, of_class=tuple(counts.under(assignments) for counts in self.of_class))

    def samples(self, column: int) -> str:
        """Return "7 samples of class 'none', 0 of 'mild' and 3 of 'severe'" of a group."""
        return in_words([int(c.n_positive[0, column]) for c in self.of_class], self.classes)

    def undefined_rates(self, column: int) -> list[str]:
        """Return which of "TPR of 'mild'", "FPR of 'mild'", … a group does not have."""
        return [
            f"{rate} of '{name}'"
            for name, counts in zip(self.classes, self.of_class, strict=True)
            for rate in counts.undefined_rates(column)
        ]

    @property
    def n(self) -> IntArray:
        """Samples, (P, G)."""
        return self.of_class[0].n

    @cached_property
    def auc(self) -> FloatArray:
        """Unweighted mean over classes of the one-vs-rest AUC, (P, G); NaN if one is NaN.

        As `sklearn.metrics.roc_auc_score(multi_class="ovr", average="macro")`.

        Source: the one-vs-rest AUC of Provost & Domingos, "Well-trained PETs", 2000, who weight
        classes by prevalence; with equal weights a rare class counts as much as a common one.
        """
        return np.asarray(np.mean([counts.auc for counts in self.of_class], axis=0))

    @cached_property
    def accuracy(self) -> FloatArray:
        """P(prediction = label), (P, G)."""
        right = np.sum([counts.true_positive for counts in self.of_class], axis=0)
        return ratio(right, self.n)

    @property
    def degenerate(self) -> FloatArray:
        """1 where over 95% are predicted as one class, else 0, (P, G); NaN at n = 0.

        Under 5% of one class is no sign of it: with many classes some are rare.
        """
        most = np.max([counts.predicted for counts in self.of_class], axis=0)
        return np.where(self.n > 0, (20 * most > 19 * self.n).astype(np.float64), np.nan)

    @cached_property
    def dpd(self) -> FloatArray:
        """The largest DPD of a class, (P,)."""
        return np.asarray(np.max([counts.dpd for counts in self.of_class], axis=0))

    @cached_property
    def deodds(self) -> FloatArray:
        """The largest DEOdds of a class, (P,); NaN if one is NaN."""
        return np.asarray(np.max([counts.deodds for counts in self.of_class], axis=0))

    @property
    def at_dpd(self) -> GroupCounts:
        """The counts of the class with the largest DPD, the first of ties."""
        return self.of_class[int(np.argmax([counts.dpd[0] for counts in self.of_class]))]

    @property
    def at_deodds(self) -> GroupCounts:
        """The counts of the class with the largest DEOdds, the first of ties."""
        return self.of_class[int(np.argmax([counts.deodds[0] for counts in self.of_class]))]


def count_classes(
    assignments: Assignments,
    label: IntArray,
    predicted: IntArray,
    score: FloatArray,
    classes: Sequence[str],
) -> OneVsRest:
    """Count every class against the rest.

    Args:
        assignments: P assignments of N samples to G groups.
        label: (N,), indices into `classes`.
        predicted: (N,), likewise.
        score: (N, C).
        classes: C names.
    """
    return OneVsRest(
        tuple(classes),
        tuple(
            count(assignments, label == c, predicted == c, score[:, c]) for c in range(len(classes))
        ),
    )
