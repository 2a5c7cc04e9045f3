"""Effect sizes of paired and of unpaired scores.

"Paired Cohen's d" has three meanings, which can differ a thousandfold: d_z divides the mean
difference by the standard deviation of the differences (what a paired test sees), d_av by that
of the scores, and d_rm is d_z rescaled to d_av's unit by the correlation. fairbench reports d_z.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from benchmark.stats.differences import decimals_kept, differences, row
from benchmark.stats.paired import paired_t
from benchmark.stats.student import noncentral_t_cdf


@dataclass(frozen=True)
class Effect:
    """An effect size.

    Attributes:
        name: As a reader can look it up.
        estimate: Above 0 if the first sample is higher.
        low, high: Its interval; NaN if none is given.
        confidence: Of the interval; NaN if none is given.
        reason: Why a number is NaN; else empty.
    """

    name: str
    estimate: float
    low: float = nan
    high: float = nan
    confidence: float = nan
    reason: str = ""


def cohens_dz(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Effect:
    """Return mean(a − b) / SD(a − b), with its interval by the noncentral t distribution.

    Args:
        a: (n,), a metric of one method by seed.
        b: (n,), the same of the other; a[i] and b[i] share a seed.
        confidence: Of the interval.

    Returns:
        NaN with a reason where `paired_t` is.

    Raises:
        ValueError: shapes differ, or a confidence outside (0, 1).

    Source: Cohen, Statistical Power Analysis, 1988, §2.3; Steiger & Fouladi, 1997, for the
        interval.
    """
    t = paired_t(a, b, confidence)
    if t.reason:
        return Effect("Cohen's d_z", nan, confidence=confidence, reason=t.reason)
    root = sqrt(t.n)
    low, high = (
        noncentrality_at(t.statistic, t.df, p) / root
        for p in ((1 + confidence) / 2, (1 - confidence) / 2)
    )
    return Effect("Cohen's d_z", t.statistic / root, low, high, confidence)


def hedges_gz(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Effect:
    """Return d_z without its small-sample bias: d_z and its interval times `hedges_correction`.

    Args:
        a: (n,), a metric of one method by seed.
        b: (n,), the same of the other; a[i] and b[i] share a seed.
        confidence: Of the interval.

    Raises:
        ValueError: as `cohens_dz`.

    Source: Hedges, J. Educ. Stat. 6(2), 1981, eq. (6e), on n − 1 degrees of freedom.
    """
    d = cohens_dz(a, b, confidence)
    n = len(np.asarray(a))
    if not d.reason and n < 3:
        reason = "two pairs: Hedges' correction does not exist at one degree of freedom"
        return Effect("Hedges' g_z", nan, confidence=confidence, reason=reason)
    j = hedges_correction(n - 1) if not d.reason else nan
    return Effect("Hedges' g_z", j * d.estimate, j * d.low, j * d.high, confidence, d.reason)


def hedges_correction(df: float) -> float:
    """Return J = Γ(df/2) / (√(df/2) Γ((df − 1)/2)), by which d overstates; df above 1."""
    if not df > 1:
        raise ValueError(f"df is {df}; Hedges' correction needs more than 1")
    return exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / sqrt(df / 2)


def cohens_dav(a: ArrayLike, b: ArrayLike) -> Effect:
    """Return mean(a − b) over the root mean variance of a and of b; needs no pairing.

    Args:
        a: (n,).
        b: (n,), paired with a.

    Raises:
        ValueError: shapes differ.
    """
    return _over_scores("Cohen's d_av", a, b, correlation_counts=False)


def cohens_drm(a: ArrayLike, b: ArrayLike) -> Effect:
    """Return d_z · √(2(1 − r)), with r the correlation of a and b.

    Args:
        a: (n,).
        b: (n,), paired with a.

    Raises:
        ValueError: shapes differ.

    Source: Morris & DeShon, Psychological Methods 7(1), 2002.
    """
    return _over_scores("Cohen's d_rm", a, b, correlation_counts=True)


def cliffs_delta(a: ArrayLike, b: ArrayLike) -> Effect:
    """Return P(A > B) − P(A < B) over all pairs of one score of a and one of b.

    Unpaired: which scores share a seed plays no part. For pairs see `paired_dominance`.

    Args:
        a: (n_a,).
        b: (n_b,).

    Raises:
        ValueError: not one-dimensional.

    Source: Cliff, Psychological Bulletin 114(3), 1993.
    """
    first, second = row("a", a), row("b", b)
    reason = _unusable(first, second)
    if reason:
        return Effect("Cliff's delta (unpaired)", nan, reason=reason)
    above, below, equal = ordered_pairs(first, second)
    return Effect("Cliff's delta (unpaired)", (above - below) / (above + below + equal))


def ordered_pairs(a: ArrayLike, b: ArrayLike) -> tuple[int, int, int]:
    """Return of how many pairs, each score of a with each of b, a is above, below, and equal.

    Args:
        a: (n_a,), finite.
        b: (n_b,), finite.
    """
    first, second = row("a", a), row("b", b)
    scale = 10.0 ** decimals_kept(first, second)
    gaps = np.rint(first * scale)[:, None] - np.rint(second * scale)[None, :]
    above, below = int((gaps > 0).sum()), int((gaps < 0).sum())
    return above, below, gaps.size - above - below


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> Effect:
    """Return P(A > B) + ½ P(A = B) over all pairs of one score of a and one of b.

    Unpaired, (1 + Cliff's delta) / 2.

    Args:
        a: (n_a,).
        b: (n_b,).

    Raises:
        ValueError: not one-dimensional.

    Source: Agarwal et al., "Deep RL at the Edge of the Statistical Precipice", NeurIPS 2021.
    """
    delta = cliffs_delta(a, b)
    name = "probability of improvement (unpaired)"
    return Effect(name, (1 + delta.estimate) / 2, reason=delta.reason)


def paired_dominance(a: ArrayLike, b: ArrayLike) -> Effect:
    """Return the share of pairs with a above b minus the share with a below b.

    Args:
        a: (n,).
        b: (n,), paired with a.

    Raises:
        ValueError: shapes differ.
    """
    of = differences(a, b)
    if of.reason:
        return Effect("paired dominance", nan, reason=of.reason)
    return Effect("paired dominance", float(np.sign(of.units).mean()))


def matched_rank_biserial(a: ArrayLike, b: ArrayLike) -> Effect:
    """Return (W₊ − W₋) / (W₊ + W₋), the effect size of the signed-rank test; zeros left out.

    Args:
        a: (n,).
        b: (n,), paired with a.

    Raises:
        ValueError: shapes differ.

    Source: Kerby, Comprehensive Psychology 3, 2014.
    """
    of = differences(a, b)
    kept = of.units[of.units != 0]
    if kept.size == 0:
        reason = of.reason or "all differences are 0"
        return Effect("matched rank biserial", nan, reason=reason)
    ranks = stats.rankdata(np.abs(kept))
    return Effect("matched rank biserial", float((np.sign(kept) * ranks).sum() / ranks.sum()))


def noncentrality_at(t: float, df: float, p: float) -> float:
    """Return the noncentrality under which a noncentral t is below `t` with probability `p`."""

    def surplus(noncentrality: float) -> float:
        return noncentral_t_cdf(t, df, noncentrality) - p

    # The noncentrality is about normal around t, with this standard deviation.
    step = 2 * sqrt(1 + t * t / (2 * df))
    low, high = t - step, t + step
    while surplus(low) < 0:
        low -= step
    while surplus(high) > 0:
        high += step
    return float(optimize.brentq(surplus, low, high, xtol=1e-12, rtol=1e-14))


def _over_scores(name: str, a: ArrayLike, b: ArrayLike, correlation_counts: bool) -> Effect:
    of = differences(a, b)
    if of.reason or of.n < 2:
        return Effect(name, nan, reason=of.reason or "fewer than two pairs: no standard deviation")
    first, second = row("a", a), row("b", b)
    if _constant(first) and _constant(second):
        return Effect(name, nan, reason="neither sample varies")
    mean_variance = (float(first.var(ddof=1)) + float(second.var(ddof=1))) / 2
    if not correlation_counts:
        return Effect(name, of.mean / sqrt(mean_variance))
    if _constant(first) or _constant(second):
        return Effect(name, nan, reason="one sample does not vary, so there is no correlation")
    if of.constant:
        return Effect(name, nan, reason=f"all {of.n} differences are equal")
    # 2(1 − r) from the standard deviations: 1 − r itself cancels where the samples run parallel.
    spread, s_a, s_b = (float(v.std(ddof=1)) for v in (of.values, first, second))
    return Effect(name, of.mean / spread * sqrt((spread**2 - (s_a - s_b) ** 2) / (s_a * s_b)))


def _constant(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) <= 10.0 ** -decimals_kept(values))


def _unusable(a: NDArray[np.float64], b: NDArray[np.float64]) -> str:
    if not (a.size and b.size):
        return "a sample is empty"
    lost = int((~np.isfinite(a)).sum() + (~np.isfinite(b)).sum())
    return f"{lost} of {a.size + b.size} values are not finite" if lost else ""
