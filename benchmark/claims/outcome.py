"""What a claim's test found, and the rule that turns it into a status."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isnan, nan

from benchmark.stats.result import TestResult, t_result
from benchmark.verdicts.evidence import Evidence


class Status(StrEnum):
    """What runs say of a claim.

    | status | when, p adjusted over the ledger |
    | --- | --- |
    | supported | what it says is shown |
    | refuted | the contrary is shown |
    | equivalent | the difference is shown to be smaller than the margin, either way |
    | undecided | none of these, or no test is possible |
    | not tested | no runs that it is about |
    """

    SUPPORTED = "supported"
    REFUTED = "refuted"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class ClaimTest:
    """The test of one claim on one arm.

    Attributes:
        p_supports: Two-sided, of the hypothesis whose rejection shows the claim; NaN without.
        p_refutes: Likewise of the one whose rejection shows the contrary. At most one of the
            two hypotheses is true, so they count as one test of a family.
        p_equivalence: Of "the difference is the margin or more"; NaN where it is not asked.
        difference: The estimate with its interval, variant minus other.
        test, scope, n: As tables print them.
        margin: Of equivalence.
        evidence: For what would decide; None of a claim on groups.
        note: What must stand beside it.
        reason: Why there is no test.
    """

    p_supports: float
    p_refutes: float
    p_equivalence: float
    difference: TestResult
    test: str
    scope: str
    n: str
    margin: float = nan
    evidence: Evidence | None = None
    note: str = ""
    reason: str = ""

    @property
    def p(self) -> float:
        """The smaller of the two p about the claim itself; NaN where neither exists."""
        return min((p for p in (self.p_supports, self.p_refutes) if not isnan(p)), default=nan)

    def status(self, p_adjusted: float, p_equivalence_adjusted: float, alpha: float) -> Status:
        """Return the status at a level, from p adjusted over the family."""
        if p_adjusted <= alpha:
            supports = inf if isnan(self.p_supports) else self.p_supports
            refutes = inf if isnan(self.p_refutes) else self.p_refutes
            return Status.SUPPORTED if supports < refutes else Status.REFUTED
        if p_equivalence_adjusted <= alpha:
            return Status.EQUIVALENT
        return Status.UNDECIDED


def p_above_below(found: TestResult, sign: int, threshold: float) -> tuple[float, float]:
    """Return two-sided p that show the improvement above, and below, a threshold.

    Each is twice the one-sided p, at most 1, so the smaller is the usual two-sided p.

    Args:
        found: The test of the difference against 0.
        sign: 1 if more is better, -1 if less is.
        threshold: Of sign · difference.

    Returns:
        NaN where the method gives no such p: exact tests know no threshold but 0.
    """
    if threshold:
        if not found.se > 0 or isnan(found.df):
            return nan, nan
        found = t_result(
            found.method, found.estimate - sign * threshold, found.se, found.df, n=found.n
        )
    above, below = found.p_greater, found.p_less
    if sign < 0:
        above, below = below, above
    return _doubled(above), _doubled(below)


def _doubled(p: float) -> float:
    return p if isnan(p) else min(1.0, 2 * p)
