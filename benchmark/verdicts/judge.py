"""The verdicts of a family as a table: one row a claim, with all that its verdict rests on."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, isnan, nan
from typing import Any

import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.stats.bayes import posterior
from benchmark.stats.effects import Effect
from benchmark.stats.verdict import Verdict
from benchmark.summary import names_of
from benchmark.verdicts.analysis import SCOPES, Analysis
from benchmark.verdicts.caveats import caveat
from benchmark.verdicts.claims import Claim
from benchmark.verdicts.decide import Decision, decide
from benchmark.verdicts.deciding import Deciding, deciding
from benchmark.verdicts.evidence import Evidence
from benchmark.verdicts.groups import degenerate_runs, resolution, smallest_group

NO_VERDICT = ""
"""Of a claim that is confounded or has no baseline; its row says why."""


def judge(claims: Sequence[Claim], analysis: Analysis, status: Sequence[str]) -> pd.DataFrame:
    """Return one row for each primary claim, with evidence, adjusted p and verdict.

    Args:
        claims: The primary ones and those of AUC that they depend on.
        analysis: Margins, level, correction, test and scope.
        status: For each claim `planned`, or `post hoc` with the reason.

    Returns:
        In the order of the claims; `docs/statistics.md` lists the columns.
    """
    of_primary = [text for claim, text in zip(claims, status, strict=True) if claim.primary]
    rows = [
        _row(decision, analysis, text)
        for decision, text in zip(decide(claims, analysis), of_primary, strict=True)
    ]
    return pd.DataFrame(rows, columns=None if rows else ["variant", "verdict"])


def _row(decision: Decision, analysis: Analysis, status: str) -> dict[str, Any]:
    claim, evidence, outcome = decision.claim, decision.evidence, decision.verdict
    margin = analysis.margins[claim.metric]
    fixed = {
        **names_of(claim.arm.arm),
        "baseline": "" if claim.baseline is None else claim.baseline.arm.label,
        "attribute": claim.attribute,
        "selection": claim.rule,
        "metric": claim.metric,
        "direction": METRICS[claim.metric].direction,
        "margin": margin,
        "scope": SCOPES[analysis.scope],
        "status": status,
        "confounded": ", ".join(claim.confounded),
    }
    if evidence is None or outcome is None:
        why = "no finished run of the baseline on this test set" if claim.baseline is None else ""
        return {**fixed, "verdict": NO_VERDICT, "reason": why}
    found = evidence.difference
    needed = Deciding()
    if outcome is Verdict.UNDECIDED and decision.ungated is not outcome:
        needed = Deciding(text="whether AUC is not inferior: see its row")
    elif outcome is Verdict.UNDECIDED:
        needed = deciding(evidence, margin, decision.level)
    effect = evidence.effect() if evidence.effect else Effect("", nan)
    gate = decision.p_not_inferior
    return {
        **fixed,
        "scope": evidence.scope or fixed["scope"],
        "verdict": outcome.value,
        "difference": found.estimate,
        "low": found.low,
        "high": found.high,
        "confidence": found.confidence,
        "p": found.p,
        "p_adjusted": decision.p_difference,
        "p_equivalence": evidence.p_equivalence,
        "p_equivalence_adjusted": decision.p_equivalence,
        "equivalence_low": evidence.narrow[0],
        "equivalence_high": evidence.narrow[1],
        "p_auc_not_inferior": nan if gate is None else gate,
        "effect": effect.estimate,
        "effect_low": effect.low,
        "effect_high": effect.high,
        "effect_name": effect.name,
        "sd": found.sd,
        "n": evidence.n,
        "pairing": evidence.pairing,
        "test": evidence.test,
        "why": evidence.why,
        "smallest_effect": needed.smallest_effect,
        "seeds_difference_80": needed.seeds_difference_80,
        "seeds_difference_90": needed.seeds_difference_90,
        "seeds_equivalence_80": needed.seeds_equivalence_80,
        "seeds_equivalence_90": needed.seeds_equivalence_90,
        "would_decide": needed.text,
        **_posterior(claim, evidence, margin),
        "smallest_group": smallest_group(claim),
        "resolution": resolution(claim),
        "degenerate": degenerate_runs(claim),
        "note": "; ".join(_notes(decision, evidence, margin)),
        "reason": found.reason if isfinite(found.estimate) else _why_not(claim, found.reason),
        **{f"function_{name}": path for name, path in evidence.functions.items()},
    }


def _posterior(claim: Claim, evidence: Evidence, margin: float) -> dict[str, float]:
    """Return P(worse), P(equivalent) and P(better) of the paired difference over seeds."""
    names = ("p_worse", "p_equivalent", "p_better")
    if evidence.pairs is None:
        return dict.fromkeys(names, nan)
    found = posterior(claim.sign * evidence.pairs, margin)
    if found.reason:  # a point is no certainty: nothing says how seeds vary
        return dict.fromkeys(names, nan)
    return dict(zip(names, (found.worse, found.equivalent, found.better), strict=True))


def _notes(decision: Decision, evidence: Evidence, margin: float) -> list[str]:
    """Return what must stand beside the verdict."""
    claim, notes = decision.claim, []
    if decision.ungated is not None and decision.ungated is not decision.verdict:
        notes.append(
            f"by {claim.metric} alone it would be '{decision.ungated.value}', but AUC is not shown "
            "to be within its margin of the baseline's"
        )
    if evidence.difference.note:
        notes.append(evidence.difference.note)
    known = caveat(evidence.test, evidence.n_seeds, smallest_group(claim), claim.metric)
    if known:
        notes.append(known)
    step = resolution(claim)
    if not isnan(step) and margin < step:
        notes.append(
            f"one patient of the smallest group moves it by {100 * step:.1f} points, "
            f"more than the margin of {100 * margin:.1f}"
        )
    if claim.missing() and isfinite(evidence.difference.estimate):
        notes.append(f"runs without a value are left out: {claim.missing()}")
    return notes


def _why_not(claim: Claim, reason: str) -> str:
    """Return why there is no difference, with the counts where a run has them."""
    lost = {
        f"{run.state}: {run.status.get('message', '')}"
        for run in claim.arm.arm.runs
        if run.state != "done"
    }
    return claim.missing() or "; ".join(sorted(lost)) or reason
