"""Posterior probabilities that a difference is worse, negligible or better.

Sources: Corani & Benavoli, "A Bayesian approach for comparing cross-validated algorithms on
multiple data sets", Machine Learning 100, 2015; Benavoli, Corani, Demšar & Zaffalon, "Time for
a Change", JMLR 18(77), 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.stats.differences import Differences, differences
from benchmark.stats.result import check_confidence
from benchmark.stats.student import t_quantile, t_upper_tail

_CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Posterior:
    """Probabilities of three regions, which sum to 1.

    Attributes:
        method: Which posterior.
        worse: P(difference < −rope).
        equivalent: P(|difference| < rope): the region of practical equivalence.
        better: P(difference > rope).
        rope: Half-width of that region, in the unit of the metric.
        n: Number of differences.
        mean, scale, df: Of the posterior Student t; NaN if it is none.
        low, high: Its central interval of most density; NaN if it is none.
        confidence: Of that interval.
        p_error: Largest standard error of the three probabilities where they are drawn; else 0.
        reason: Why a number is NaN, or the posterior is a point; else empty.
    """

    method: str
    worse: float
    equivalent: float
    better: float
    rope: float
    n: int
    mean: float = nan
    scale: float = nan
    df: float = nan
    low: float = nan
    high: float = nan
    confidence: float = nan
    p_error: float = 0.0
    reason: str = ""


def posterior(
    values: ArrayLike, rope: float, correlation: float = 0.0, confidence: float = 0.95
) -> Posterior:
    """Return P(worse), P(equivalent), P(better) of the mean difference: a Student t posterior.

    With a flat prior on mean and log variance of normal differences. The mean of independent
    seeds has scale SD/√n; of k-fold differences, whose training sets overlap, it has
    SD·√(1/n + ρ/(1 − ρ)) with ρ = 1/k. Differences that are all equal leave a point, which
    is not certainty but the want of a variance: `reason` says so. On a boundary of the region
    it counts half on either side.

    Args:
        values: (n,), differences, signed so that positive is better; of n seeds, or of all folds
            of all repetitions of a cross-validation.
        rope: Half-width of the region of practical equivalence, 0 or more.
        correlation: ρ; 0 for seeds.
        confidence: Of the interval.

    Returns:
        NaN with a reason for fewer than two differences, or one that is not finite.

    Raises:
        ValueError: a negative rope, or a correlation or confidence out of range.

    Source: Corani & Benavoli 2015, eq. (7), with the correlation of Nadeau & Bengio 2003.
    """
    check_confidence(confidence)
    _check_rope(rope)
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation is {correlation}; expected a number from 0 to below 1")
    of = differences(values, 0.0)
    name = "Bayesian correlated t test" if correlation else "Bayesian t test"
    if of.reason or of.n < 2:
        reason = of.reason or "fewer than two differences: no standard deviation"
        return Posterior(name, nan, nan, nan, rope, of.n, reason=reason)
    mean, df = of.mean, of.n - 1
    if of.constant:
        low = (np.sign(-rope - mean) + 1) / 2
        high = (np.sign(mean - rope) + 1) / 2
        reason = (
            f"all {of.n} differences are {mean:.10g}: a point, without any variance to judge by"
        )
        return Posterior(
            name,
            float(low),
            float(1 - low - high),
            float(high),
            rope,
            of.n,
            mean,
            0.0,
            df,
            mean,
            mean,
            confidence,
            reason=reason,
        )
    scale = float(of.values.std(ddof=1)) * sqrt(1 / of.n + correlation / (1 - correlation))
    worse, better = (t_upper_tail((rope + sign * mean) / scale, df) for sign in (1, -1))
    half = t_quantile((1 + confidence) / 2, df) * scale
    return Posterior(
        name,
        worse,
        max(0.0, 1 - worse - better),
        better,
        rope,
        of.n,
        mean,
        scale,
        df,
        mean - half,
        mean + half,
        confidence,
    )


def signed_rank_posterior(
    values: ArrayLike,
    rope: float,
    *,
    samples: int = 50_000,
    seed: int | np.random.Generator = 0,
    prior_strength: float = 0.5,
) -> Posterior:
    """Return P(worse), P(equivalent), P(better) of a new block, by the Bayesian signed rank.

    For one mean difference a block (dataset × architecture), not for seeds: blocks need not be
    normal. Each draw gives the differences, and a pseudo-difference of 0 that holds the prior,
    Dirichlet weights; the share of each region is the weight of pairs whose mean lies in it
    (on a boundary, half on either side); the draw counts for the region with the largest share.

    Args:
        values: (blocks,), differences, signed so that positive is better.
        rope: Half-width of the region of practical equivalence, 0 or more.
        samples: Draws.
        seed: Of the draws.
        prior_strength: Weight of the pseudo-difference, in blocks.

    Returns:
        NaN with a reason for no difference, or one that is not finite.

    Raises:
        ValueError: a negative rope, no samples, or a strength that is not positive.

    Source: Benavoli et al. 2017, §4.2.
    """
    _check_rope(rope)
    if samples < 1 or not prior_strength > 0:
        raise ValueError(f"samples is {samples}, prior_strength {prior_strength}; expected above 0")
    of = differences(values, 0.0)
    name = f"Bayesian signed rank, {samples} draws"
    if of.reason:
        return Posterior(name, nan, nan, nan, rope, of.n, reason=of.reason)
    below, above = _regions(of, rope)
    concentration = np.array([prior_strength, *np.ones(of.n)])
    generator = np.random.default_rng(seed)
    won = np.zeros(3)
    chunk = max(1, _CHUNK_NUMBERS // len(concentration))
    for start in range(0, samples, chunk):
        weights = generator.dirichlet(concentration, min(chunk, samples - start))
        left, right = (((weights @ pairs) * weights).sum(axis=1) for pairs in (below, above))
        shares = np.stack([left, 1 - left - right, right])
        # Regions that tie share the draw; the tolerance is the rounding error of the shares.
        first = shares >= shares.max(axis=0) - 1e-12
        won += (first / first.sum(axis=0)).sum(axis=1)
    worse, equivalent, better = (won / samples).tolist()
    error = max(sqrt(p * (1 - p) / samples) for p in (worse, equivalent, better))
    return Posterior(name, worse, equivalent, better, rope, of.n, p_error=error)


def _regions(of: Differences, rope: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each pair how much of it lies below and above the region, (n + 1, n + 1)."""
    units = np.concatenate([[0], of.units])
    sums = (units[:, None] + units[None, :]).astype(np.float64)
    # A rope in whole units, up to its rounding error, so that decimals on its edge are seen.
    edge = round(2 * rope * 10.0**of.decimals, 3)
    return (np.sign(-edge - sums) + 1) / 2, (np.sign(sums - edge) + 1) / 2


def _check_rope(rope: float) -> None:
    if not rope >= 0:
        raise ValueError(f"rope is {rope}; expected 0 or more")
