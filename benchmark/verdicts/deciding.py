"""What would decide a claim that is undecided: more seeds, more patients, or neither."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, inf, isnan, log2, nan, sqrt

from benchmark.stats.student import t_quantile
from benchmark.verdicts.evidence import Evidence
from benchmark.verdicts.over_seeds import EXACT
from benchmark.verdicts.pairing import NOT_PAIRED
from benchmark.verdicts.seed_power import POWERS, seed_power, seeds_needed


@dataclass(frozen=True)
class Deciding:
    """What was within reach, and what would be enough.

    Attributes:
        smallest_effect: The smallest true difference that these runs show with 80% power, in
            the unit of the metric; NaN if unknown.
        text: All of it in a sentence.
        seeds_difference_80, seeds_difference_90: Seeds for a true difference as large as the
            margin; NaN if unknown.
        seeds_equivalence_80, seeds_equivalence_90: Seeds for equivalence where the true
            difference is zero; NaN if unknown.
    """

    smallest_effect: float = nan
    text: str = ""
    seeds_difference_80: float = nan
    seeds_difference_90: float = nan
    seeds_equivalence_80: float = nan
    seeds_equivalence_90: float = nan


def deciding(evidence: Evidence, margin: float, level: float) -> Deciding:
    """Return what would decide a claim.

    By the standard deviation found, which few seeds hardly know: a guess to plan with.

    Args:
        evidence: Of the undecided claim.
        margin: The smallest difference that matters.
        level: Of one test, so that it counts whatever the other tests of the family give.
    """
    found = evidence.difference
    if evidence.pairs is None:
        if evidence.pairing != NOT_PAIRED and found.se > 0:
            return _over_patients(evidence, margin, level)
        return Deciding(text=found.reason or f"{evidence.why}; with the same seeds they would pair")
    n = len(evidence.pairs)
    if n < 2:
        return Deciding(text=f"{found.reason}: run two seeds or more, or ask for scope patients")
    if not found.sd > 0:
        return Deciding(text=found.reason)
    return _over_seeds(evidence.test, found.sd, n, margin, level)


def _over_seeds(test: str, sd: float, n: int, margin: float, level: float) -> Deciding:
    now, needed = seed_power(sd, margin, n, level), seeds_needed(sd, margin, level)
    # The smallest two-sided p of an exact test of n pairs is 2^(1 − n).
    # A one-sided one, as equivalence takes, is half of that.
    least = 1 + ceil(log2(1 / level)) if test in EXACT else 2
    difference, equivalence = (
        [None if needs[power] is None else max(needs[power] or 0, few) for power in POWERS]
        for needs, few in ((needed.difference, least), (needed.equivalence, max(2, least - 1)))
    )
    if n < least:
        reach, text = nan, f"an exact test needs {least} seeds to show any difference here"
    else:
        reach, text = now.smallest[0.8], f"{n} seeds show {_reach(now.smallest[0.8])}"
    (d_80, d_90), (e_80, e_90) = map(_seeds, difference), map(_seeds, equivalence)
    text += (
        f"; at the SD found, {_points(sd)}, it takes {d_80} seeds for a difference as large as "
        f"the margin or {e_80} for equivalence (90% power: {d_90}, {e_90})"
    )
    return Deciding(reach, text, *(nan if n is None else n for n in [*difference, *equivalence]))


def _over_patients(evidence: Evidence, margin: float, level: float) -> Deciding:
    """Say whether seeds or patients are what is lacking.

    The variance of the mean difference is between seeds / S + common to all seeds; more seeds
    lessen the first only, more patients both.
    """
    found, seeds = evidence.difference, evidence.n_seeds
    between = 0.0 if isnan(found.sd) or seeds < 2 else found.sd**2
    common = max(found.se**2 - between / seeds, 0.0)
    reach = (t_quantile(1 - level / 2, found.df) + t_quantile(0.8, found.df)) * found.se
    text = f"these runs and patients show {_reach(reach)}"
    tails = {"a difference of the margin": (level / 2, 0.8), "equivalence": (level, 0.9)}
    numbers = []
    for what, (size, power) in tails.items():
        needed = _seeds_over_patients(between, common, margin, size, power)
        if needed is not None:
            numbers.append(float(needed))
            text += f"; {what} takes about {needed} seeds on these patients"
        else:
            numbers.append(nan)
            normal = t_quantile(1 - size, inf) + t_quantile(power, inf)
            factor = (found.se * normal / margin) ** 2
            # No number of seeds lessens what the patients leave open.
            text += f"; {what} takes about {factor:.1f} times as many test patients"
    return Deciding(reach, text, numbers[0], nan, numbers[1], nan)


def _seeds_over_patients(
    between: float, common: float, margin: float, size: float, power: float
) -> int | None:
    """Return how many seeds bring the sum of both quantiles, times the error, to the margin.

    Degrees of freedom are Hillis': (between/n + common)² / ((between/n)² / (n − 1)). None where
    no number of seeds does, because the patients alone leave more open.
    """

    def reached(n: int) -> bool:
        variance = between / n + common
        df = variance**2 / ((between / n) ** 2 / (n - 1))
        return (t_quantile(1 - size, df) + t_quantile(power, df)) * sqrt(variance) <= margin

    most = 10_000
    if not between or not reached(most):
        return None
    return 2 + bisect_left(range(2, most), True, key=reached)


def _reach(effect: float) -> str:
    """Return which true differences are shown with 80% power."""
    if effect > 1:
        return f"no difference there can be ({_points(effect)} would be needed)"
    return f"differences from {_points(effect)} on"


def _points(value: float) -> str:
    return f"{100 * value:.2f} points"


def _seeds(n: int | None) -> str:
    return "over ten million" if n is None else str(n)
