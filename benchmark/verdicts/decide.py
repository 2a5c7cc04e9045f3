"""A family of claims, decided together: tests, one correction over all of them, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from benchmark.stats.multiplicity import adjust
from benchmark.stats.verdict import Verdict, verdict
from benchmark.verdicts.analysis import Analysis
from benchmark.verdicts.claims import OVERALL, Claim
from benchmark.verdicts.evidence import Evidence
from benchmark.verdicts.over_patients import LastScored, patient_evidence
from benchmark.verdicts.over_seeds import seed_evidence
from benchmark.verdicts.seed_power import level_of_one


@dataclass(frozen=True)
class Decision:
    """A claim with its evidence and what follows from it.

    Attributes:
        claim: The claim.
        evidence: Its tests; None for a claim that gets no verdict.
        p_difference, p_equivalence: Adjusted over the family.
        p_not_inferior: Adjusted, of "AUC is worse by its margin or more"; None for a metric
            that does not depend on it.
        verdict: None for a claim that gets none.
        ungated: The verdict that the metric alone would have.
        level: Of one test, so that it counts whatever the other tests of the family give.
    """

    claim: Claim
    evidence: Evidence | None
    p_difference: float
    p_equivalence: float
    p_not_inferior: float | None
    verdict: Verdict | None
    ungated: Verdict | None
    level: float


def decide(claims: Sequence[Claim], analysis: Analysis) -> list[Decision]:
    """Return the verdicts of the primary claims, as one family.

    All p-values of the family, of difference and of equivalence, are adjusted together. The
    tests that AUC is not inferior, on which "better" in fairness depends, are a family of
    their own: each is needed in addition, so none of them can make a claim succeed alone.

    Args:
        claims: The primary ones and those of AUC that they depend on.
        analysis: Margins, level, correction, test and scope.
    """
    last = LastScored()
    evidence = [_evidence(claim, analysis, last) for claim in claims]
    gates = _gates(claims, evidence, analysis)
    family = [(c, e) for c, e in zip(claims, evidence, strict=True) if c.primary]
    raw = [p for _, found in family for p in _p_values(found)]
    adjusted = adjusted_p(raw, analysis.correction)
    level = level_of_one(analysis.alpha, int(np.isfinite(raw).sum()), analysis.correction)
    decisions = []
    for position, (claim, found) in enumerate(family):
        p = adjusted[2 * position], adjusted[2 * position + 1]
        gate = _gate_of(claim, gates)
        outcome = ungated = None
        if found is not None:
            improvement = claim.sign * found.difference.estimate
            outcome = verdict(improvement, *p, analysis.alpha, gate)
            ungated = verdict(improvement, *p, analysis.alpha)
            if found.certain == 0:  # no difference in any pair: nothing is left to test
                outcome = ungated = Verdict.EQUIVALENT
        decisions.append(Decision(claim, found, *p, gate, outcome, ungated, level))
    return decisions


def adjusted_p(p: Sequence[float], correction: str) -> list[float]:
    """Return p adjusted over a family; NaN, a test that could not be made, is not counted."""
    if correction == "none":
        return [float(x) for x in p]
    return [float(x) for x in adjust(np.array(p, dtype=np.float64), correction)]


def _evidence(claim: Claim, analysis: Analysis, last: LastScored) -> Evidence | None:
    """Return the tests of a claim; None for one that gets no verdict."""
    if claim.baseline is None or claim.confounded:
        return None
    margin = analysis.margins[claim.metric]
    if analysis.scope == "patients":
        return patient_evidence(claim, margin, analysis.alpha, last)
    return seed_evidence(claim, margin, analysis.alpha, analysis.test)


def _p_values(evidence: Evidence | None) -> tuple[float, float]:
    return (nan, nan) if evidence is None else (evidence.difference.p, evidence.p_equivalence)


def _gates(
    claims: Sequence[Claim], evidence: Sequence[Evidence | None], analysis: Analysis
) -> dict[tuple[int, str], float | None]:
    """Return (arm, attribute) → adjusted p of "AUC is worse by its margin or more".

    None where AUC differs by the same in every pair and that is no such loss: without variance
    there is no p, and none is needed.
    """
    allowed = -analysis.margins["auc"]
    judged = {id(claim.arm) for claim in claims if claim.primary and claim.metric not in OVERALL}
    found = [
        (claim, e)
        for claim, e in zip(claims, evidence, strict=True)
        if claim.metric == "auc" and e is not None and id(claim.arm) in judged
    ]
    adjusted = adjusted_p([e.p_above for _, e in found], analysis.correction)
    return {
        (id(claim.arm), attribute): None if e.certain > allowed else p
        for (claim, e), p in zip(found, adjusted, strict=True)
        for attribute in claim.attributes
    }


def _gate_of(claim: Claim, gates: Mapping[tuple[int, str], float | None]) -> float | None:
    if claim.metric in OVERALL:
        return None
    return gates.get((id(claim.arm), claim.attributes[0]), nan)
