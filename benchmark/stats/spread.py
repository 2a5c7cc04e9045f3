"""How much runs scatter: intervals of a standard deviation, and its dependence on a size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from benchmark.stats.result import check_confidence


@dataclass(frozen=True)
class Spread:
    """A standard deviation over runs.

    Attributes:
        n: Runs.
        sd: n − 1 in the denominator; NaN for fewer than 2.
        low, high: Interval; NaN if `reason` is set.
        reason: Why sd or interval is NaN; "" otherwise.
    """

    n: int
    sd: float
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True)
class SizeSlope:
    """Slope of log SD on log size: −½ where the spread is that of a mean of so many.

    Attributes:
        slope: NaN if `reason` is set.
        se: Its standard error, known from the numbers of runs.
        low, high: Interval.
        p: Two-sided, against 0.
        sizes: Different sizes that went in.
        reason: Why there is none; "" otherwise.
    """

    slope: float
    se: float
    low: float
    high: float
    p: float
    sizes: int
    reason: str = ""


def spread(values: ArrayLike, confidence: float = 0.95) -> Spread:
    """Return the standard deviation of independent, roughly normal values, with its χ² interval.

    Unlike the interval of a mean it does not forgive heavy tails: then it is too short.

    Args:
        values: (n,), finite.
        confidence: Of the interval.

    Raises:
        ValueError: not one-dimensional, not finite, or a confidence outside (0, 1).
    """
    check_confidence(confidence)
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"values are {x.tolist()}; expected (n,) finite numbers")
    n = len(x)
    if n < 2:
        return Spread(n, nan, nan, nan, f"{n} runs have no standard deviation")
    sd = float(x.std(ddof=1))
    if sd <= 1e-12 * float(np.abs(x).max()):
        return Spread(n, 0.0, nan, nan, f"all {n} runs have the same value")
    tail = (1 - confidence) / 2
    low, high = (sd * sqrt((n - 1) / float(stats.chi2.isf(q, n - 1))) for q in (tail, 1 - tail))
    return Spread(n, sd, low, high)


def size_slope(
    sizes: Sequence[float], spreads: Sequence[Spread], confidence: float = 0.95
) -> SizeSlope:
    """Return the slope of log SD on log size by weighted least squares.

    Of n normal values log SD has mean log σ + (ψ(ν/2) − log(ν/2))/2 and variance ψ′(ν/2)/4,
    ν = n − 1, whatever σ is. So weights and standard error are known, and two or three sizes
    suffice to say how far the slope is from known. Assumes independent spreads.

    Args:
        sizes: Of each spread, above 0.
        spreads: One for each size; those that are NaN or 0 are left out.
        confidence: Of the interval.

    Returns:
        NaN with a reason where fewer than three different sizes are left.

    Raises:
        ValueError: lengths differ, a size that is not above 0, or a confidence outside (0, 1).

    Source: Bartlett & Kendall, "The statistical analysis of variance-heterogeneity and the
        logarithmic transformation", J. R. Statist. Soc. Suppl. 8, 1946.
    """
    check_confidence(confidence)
    if len(sizes) != len(spreads) or any(not size > 0 for size in sizes):
        raise ValueError(f"sizes are {[*sizes]} for {len(spreads)} spreads; expected one above 0")
    kept = [(log(size), s) for size, s in zip(sizes, spreads, strict=True) if s.sd > 0]
    n_sizes = len({x for x, _ in kept})
    if n_sizes < 3:
        reason = f"{n_sizes} sizes with a standard deviation above 0; a slope needs 3"
        return SizeSlope(nan, nan, nan, nan, nan, n_sizes, reason)
    half = np.array([(s.n - 1) / 2 for _, s in kept])
    y = np.array([log(s.sd) for _, s in kept]) - (special.digamma(half) - np.log(half)) / 2
    weight = 4 / special.polygamma(1, half)
    x = np.array([value for value, _ in kept])
    x = x - np.average(x, weights=weight)
    sxx = float(weight @ x**2)
    slope, se = float(weight @ (x * y)) / sxx, 1 / sqrt(sxx)
    reach = float(stats.norm.isf((1 - confidence) / 2)) * se
    p = float(2 * stats.norm.sf(abs(slope) / se))
    return SizeSlope(slope, se, slope - reach, slope + reach, p, n_sizes)
