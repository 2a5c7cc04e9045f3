"""The one rule that turns p-values into a verdict."""

from __future__ import annotations

from enum import StrEnum
from math import isnan


class Verdict(StrEnum):
    """What can be said of a claim; see `verdict` for when."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    BETTER_NEGLIGIBLE = "better, negligible"
    WORSE_NEGLIGIBLE = "worse, negligible"
    UNDECIDED = "undecided"
    NOT_ESTIMABLE = "not estimable"


def verdict(
    improvement: float,
    p_difference: float,
    p_equivalence: float,
    alpha: float,
    p_not_inferior: float | None = None,
) -> Verdict:
    """Return the verdict on one claim.

    | verdict | when |
    | --- | --- |
    | better, worse | p_difference ≤ alpha, and the improvement is positive, negative |
    | equivalent | p_equivalence ≤ alpha: two one-sided tests place it within ± the margin |
    | better (worse), negligible | both |
    | undecided | neither |
    | not estimable | the improvement is NaN: the metric has no value |

    A gain in fairness that costs performance is no gain: where `p_not_inferior` is given and
    above alpha, "better" is not said, and what remains is equivalent or undecided.

    Args:
        improvement: The difference, signed so that positive is better.
        p_difference: Two-sided, of the hypothesis that the difference is zero; adjusted over
            the family. NaN where no test exists, which never shows anything.
        p_equivalence: The larger of the two one-sided tests, of the hypothesis that the
            difference is a margin or more from zero; adjusted over the same family.
        alpha: Significance level.
        p_not_inferior: For a fairness metric: of the hypothesis that AUC is worse by its
            margin or more. None for a metric that needs no such leave.

    Raises:
        ValueError: alpha outside (0, 0.5).
    """
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 0.5")
    if isnan(improvement):
        return Verdict.NOT_ESTIMABLE
    worse = p_difference <= alpha and improvement < 0
    better = p_difference <= alpha and improvement > 0
    better = better and (p_not_inferior is None or p_not_inferior <= alpha)
    within = p_equivalence <= alpha
    if better:
        return Verdict.BETTER_NEGLIGIBLE if within else Verdict.BETTER
    if worse:
        return Verdict.WORSE_NEGLIGIBLE if within else Verdict.WORSE
    return Verdict.EQUIVALENT if within else Verdict.UNDECIDED
