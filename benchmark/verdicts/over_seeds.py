"""Tests over seeds: would the difference hold with new seeds, on these patients?

`auto` and `t` choose by how the runs of the two sides meet: paired t over shared seeds,
one-sample t where a side has no seed, Welch's t where seeds do not match. `wilcoxon` and
`sign-flip` replace the t test of pairs; the interval stays Student's, as exact tests of few
seeds have none at the usual levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmark.stats.differences import differences
from benchmark.stats.effects import cliffs_delta, hedges_gz
from benchmark.stats.equivalence import tost, tost_paired
from benchmark.stats.exact import sign_flip, wilcoxon_signed_rank
from benchmark.stats.paired import paired_t
from benchmark.stats.result import TestResult
from benchmark.stats.unpaired import welch_t
from benchmark.verdicts.claims import Claim
from benchmark.verdicts.evidence import Evidence, functions_of
from benchmark.verdicts.pairing import (
    CONSTANT_ARM,
    CONSTANT_BASELINE,
    NOT_PAIRED,
    Pairing,
    pairing_of,
)

FloatArray = NDArray[np.float64]

EXACT: dict[str, Callable[[FloatArray, FloatArray], TestResult]] = {
    "wilcoxon": wilcoxon_signed_rank,
    "sign-flip": sign_flip,
}


def seed_evidence(claim: Claim, margin: float, alpha: float, test: str) -> Evidence:
    """Return the evidence of a claim from its values by seed.

    Args:
        claim: With a baseline.
        margin: The smallest difference that matters.
        alpha: The interval has confidence 1 − alpha, that of equivalence 1 − 2·alpha.
        test: One of `benchmark.verdicts.analysis.TESTS`.
    """
    found = pairing_of(claim)
    judge = _unpaired if found.kind == NOT_PAIRED else _paired
    return judge(claim, found, margin, alpha, test)


def _paired(claim: Claim, pairing: Pairing, margin: float, alpha: float, test: str) -> Evidence:
    ours, theirs = claim.values()
    a = np.array([ours[seed] for seed, _ in pairing.seeds])
    b = np.array([theirs[seed] for _, seed in pairing.seeds])
    confidence, of = 1 - alpha, differences(a, b)
    found, name = paired_t(a, b, confidence), "paired t"
    if pairing.kind in (CONSTANT_ARM, CONSTANT_BASELINE):
        # Of a row against a constant row the paired and the one-sample t are the same.
        found, name = replace(found, method="one-sample Student t test"), "one-sample t"
    within = tost_paired(a, b, margin, alpha)
    p_above, p_below = within.p_low, within.p_high
    made = functions_of(p=paired_t, interval=paired_t, equivalence=tost_paired, effect=hedges_gz)
    if test in EXACT:
        exact, name = EXACT[test], test
        tested = exact(a, b)
        found = replace(
            _one_way(tested, found.estimate),
            estimate=found.estimate,
            low=found.low,
            high=found.high,
            confidence=found.confidence,
            sd=found.sd,
            se=found.se,
        )
        # Shifted by the margin, "at or below −m" is "at or below zero".
        p_above, p_below = exact(a + margin, b).p_greater, exact(a - margin, b).p_less
        made |= functions_of(p=exact, equivalence=exact)
    return Evidence(
        test=name,
        why=pairing.why,
        pairing=pairing.kind,
        n=str(len(a)),
        n_seeds=len(a),
        difference=found,
        p_above=p_above,
        p_below=p_below,
        narrow=(within.low, within.high),
        effect=partial(hedges_gz, a, b, confidence),
        pairs=of.values,
        certain=of.mean if of.constant else np.nan,
        functions=made,
    )


def _one_way(tested: TestResult, mean: float) -> TestResult:
    """Return the test without p where ranks and mean point in opposite directions.

    A signed-rank test can be significant against the sign of the mean, and then neither better
    nor worse follows from it.
    """
    favoured = tested.p_less - tested.p_greater  # above 0 where the test favours "greater"
    if not favoured * mean < 0:
        return tested
    reason = "ranks and mean point in opposite directions, so the test shows no direction"
    return replace(tested, p=np.nan, reason=reason)


def _unpaired(claim: Claim, pairing: Pairing, margin: float, alpha: float, test: str) -> Evidence:
    a, b = (np.array(list(side.values())) for side in claim.values())
    n = f"{len(a)} vs {len(b)}"
    found = welch_t(a, b, 1 - alpha)
    if test in EXACT:
        reason = f"{test} needs pairs: {pairing.why}; use --test auto"
        untested = TestResult(found.method, found.estimate, found.n, reason=reason)
        return Evidence(test, pairing.why, pairing.kind, n, min(len(a), len(b)), untested)
    within = tost(found.estimate, found.se, found.df, margin, alpha)
    return Evidence(
        test="Welch t",
        why=pairing.why,
        pairing=pairing.kind,
        n=n,
        n_seeds=min(len(a), len(b)),
        difference=found,
        p_above=within.p_low,
        p_below=within.p_high,
        narrow=(within.low, within.high),
        effect=partial(cliffs_delta, a, b),
        functions=functions_of(p=welch_t, interval=welch_t, equivalence=tost, effect=cliffs_delta),
    )
