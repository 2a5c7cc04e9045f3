"""Claims that one variant differs from another: the tests of `compare`, on the same runs."""

from __future__ import annotations

from math import isfinite, nan

from benchmark.claims.ledger import LedgerClaim
from benchmark.claims.outcome import ClaimTest, p_above_below
from benchmark.metrics.catalogue import METRICS
from benchmark.verdicts.analysis import MARGINS, SCOPES, Analysis
from benchmark.verdicts.caveats import caveat
from benchmark.verdicts.claims import Claim
from benchmark.verdicts.evidence import Evidence
from benchmark.verdicts.groups import degenerate_runs, smallest_group
from benchmark.verdicts.over_patients import patient_evidence
from benchmark.verdicts.over_seeds import seed_evidence


def margin_of(metric: str, analysis: Analysis) -> float:
    """Return the margin of equivalence: that of the analysis, or of AUC and of DEOdds by kind."""
    known = {**MARGINS, **analysis.margin}
    return known.get(metric, known["auc" if METRICS[metric].direction == "up" else "deodds"])


def difference_test(entry: LedgerClaim, claim: Claim, analysis: Analysis) -> ClaimTest:
    """Return the test of a claim on two arms.

    Args:
        entry: What is claimed.
        claim: The two arms and their values.
        analysis: Level, test, scope and margins of the comparison.
    """
    margin = margin_of(claim.metric, analysis)
    if entry.direction == "equivalent":
        margin = entry.by_more_than
    if analysis.scope == "patients":
        evidence = patient_evidence(claim, margin, analysis.alpha)
    else:
        evidence = seed_evidence(claim, margin, analysis.alpha, analysis.test)
    found = evidence.difference
    m, p_equivalence = entry.by_more_than, evidence.p_equivalence
    above, below = p_above_below(found, claim.sign, m)
    above_minus, below_minus = p_above_below(found, claim.sign, -m)
    if entry.direction == "better":
        supports, refutes = above, below
    elif entry.direction == "worse":
        supports, refutes = below_minus, above_minus
    elif entry.direction == "not-better":
        supports, refutes = below, above
        # Within ±m is one way not to be better by m: no outcome of its own.
        p_equivalence = nan if m else p_equivalence
    else:
        supports, refutes, p_equivalence = p_equivalence, min(above, below_minus), nan
    return ClaimTest(
        p_supports=supports,
        p_refutes=refutes,
        p_equivalence=p_equivalence,
        difference=found,
        test=evidence.test,
        scope=evidence.scope or SCOPES[analysis.scope],
        n=evidence.n,
        margin=margin,
        evidence=evidence,
        note="; ".join(_notes(claim, evidence)),
        reason=_reason(claim, found.reason, supports, analysis),
    )


def _notes(claim: Claim, evidence: Evidence) -> list[str]:
    degenerate = degenerate_runs(claim)
    missing = claim.missing()
    size = smallest_group(claim)
    said = [
        evidence.difference.note,
        caveat(evidence.test, evidence.n_seeds, size, claim.metric),
    ]
    if degenerate:
        said.append(f"under 5% or over 95% of some group predicted positive: {degenerate}")
    if missing and all(claim.values()):
        said.append(f"runs without a value are left out: {missing}")
    return [text for text in said if text]


def _reason(claim: Claim, reason: str, p: float, analysis: Analysis) -> str:
    """Return why there is no test; "" if there is one."""
    if not all(claim.values()):
        return claim.missing() or reason
    if reason or isfinite(p):
        return reason
    return f"test '{analysis.test}' knows no difference but 0; use test 'auto'"
