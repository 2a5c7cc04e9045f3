"""Is a gap between groups larger than groups drawn at random would show?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.assignments import Assignments
from benchmark.metrics.counts import count, spread
from benchmark.metrics.inputs import FloatArray, IntArray, as_codes, as_labels, as_scores

_BLOCK = 500  # permutations in memory at once
_ROUNDING = 1e-12  # equal gaps of different fractions differ by less


@dataclass(frozen=True)
class PermutedGap:
    """A gap and what it is under permuted group labels.

    Attributes:
        metric: `dpd`, `deodds` or `auc_gap`.
        observed: The gap.
        expected: Its mean over permutations: what small groups make from nothing.
        upper: Its 95% quantile over permutations.
        p: Share of permutations with a gap at least as large, the observed one counted in.
        p_error: Standard error of `p`, from the number of permutations.
        permutations: How many had a gap; the others had a group of one class.
        reason: Why numbers are NaN, or how many permutations were left out; else empty.
    """

    metric: str
    observed: float
    expected: float
    upper: float
    p: float
    p_error: float
    permutations: int
    reason: str = ""


def permuted_gaps(
    label: ArrayLike,
    score: ArrayLike,
    codes: ArrayLike,
    groups: Sequence[str],
    *,
    threshold: float = 0.5,
    permutations: int = 10_000,
    seed: int = 0,
) -> list[PermutedGap]:
    """Return DPD, DEOdds and AUC gap with one-sided permutation p-values.

    Codes are permuted among the samples of known group, as in `benchmark.metrics.evaluate`, so
    group sizes stay. The hypothesis is that the group says nothing of label and score together:
    a group with another prevalence can have a DPD without any bias of the scores.

    Args:
        label: (N,), 0 or 1.
        score: (N,), finite.
        codes: (N,), indices into `groups`, -1 for unknown.
        groups: Names of the G groups.
        threshold: Predicted positive from this score on.
        permutations: At least 1; no p falls below 1 / (permutations + 1).
        seed: Of the permutations.

    Raises:
        ValueError: lengths differ, a label other than 0 and 1, a code outside -1..G-1, scores
            that are not finite, or no permutations.
    """
    positive = as_labels(label)
    scores = as_scores(score, len(positive))
    code = as_codes(codes, len(positive), groups)
    if permutations < 1:
        raise ValueError(f"permutations is {permutations}; expected at least 1")
    known = code >= 0
    present, dense = np.unique(code[known], return_inverse=True)
    arrays = positive[known], scores[known] >= threshold, scores[known]

    def gaps(assigned: IntArray) -> FloatArray:
        """Return the three gaps, (3, P), of P assignments."""
        counts = count(Assignments.of(assigned, len(present)), *arrays)
        return np.stack([spread(counts.auc), counts.dpd, counts.deodds])

    observed = gaps(dense[None])[:, 0]
    rng, under_null = np.random.default_rng(seed), []
    for start in range(0, permutations, _BLOCK):
        copies = np.broadcast_to(dense, (min(_BLOCK, permutations - start), len(dense)))
        under_null.append(gaps(rng.permuted(copies, axis=1)))
    return [
        _permuted_gap(metric, gap, values)
        for metric, gap, values in zip(
            ("auc_gap", "dpd", "deodds"),
            observed.tolist(),
            np.concatenate(under_null, axis=1),
            strict=True,
        )
    ]


def _permuted_gap(metric: str, observed: float, values: FloatArray) -> PermutedGap:
    estimable = values[~np.isnan(values)]
    n, left_out = len(estimable), len(values) - len(estimable)
    if n == 0:
        reason = "no gap: fewer than two groups, or a group that always has one class"
        return PermutedGap(metric, observed, nan, nan, nan, nan, 0, reason)
    reason = f"{left_out} of {len(values)} permutations left out: a group had one class"
    expected, upper = float(estimable.mean()), float(np.quantile(estimable, 0.95))
    if isnan(observed):
        reason = "the gap cannot be estimated: a group has one class"
        return PermutedGap(metric, observed, expected, upper, nan, nan, n, reason)
    p = (1 + int(np.count_nonzero(estimable >= observed - _ROUNDING))) / (n + 1)
    error = sqrt(p * (1 - p) / n)
    return PermutedGap(metric, observed, expected, upper, p, error, n, reason if left_out else "")
