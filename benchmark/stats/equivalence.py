"""Two one-sided tests: is a difference small enough not to matter, or at least not worse?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isinf, isnan, nan

from numpy.typing import ArrayLike

from benchmark.stats.paired import paired_t
from benchmark.stats.student import t_quantile, t_upper_tail

Margin = float | tuple[float, float]
"""m stands for (−m, m); or the two bounds, in the unit of the metric."""


@dataclass(frozen=True)
class Equivalence:
    """Whether a difference lies within the bounds of what does not matter.

    Attributes:
        method: The name of the test.
        estimate: The difference, in the unit of the metric.
        se: Its standard error.
        df: Degrees of freedom; infinite for the normal distribution.
        margin: (lower, upper) bound of equivalence.
        alpha: Level of each of the two tests, and of both together.
        t_low, p_low: Of the test against a difference at or below the lower bound.
        t_high, p_high: Of the test against a difference at or above the upper bound.
        p: The larger of the two.
        low, high: The 1 − 2·alpha interval, whose lying within the bounds is equivalence.
        equivalent: None if it cannot be told.
        n: Number of pairs; 0 if the estimate came without.
        reason: Why a number is NaN; else empty.
    """

    method: str
    estimate: float
    se: float
    df: float
    margin: tuple[float, float]
    alpha: float
    t_low: float = nan
    p_low: float = nan
    t_high: float = nan
    p_high: float = nan
    p: float = nan
    low: float = nan
    high: float = nan
    equivalent: bool | None = None
    n: int = 0
    reason: str = ""


@dataclass(frozen=True)
class NonInferiority:
    """Whether a difference is above −margin.

    Attributes:
        method: The name of the test.
        estimate: New minus old, in the unit of the metric, higher being better.
        se: Its standard error.
        df: Degrees of freedom.
        margin: The largest loss that does not matter, positive.
        alpha: Level of the test.
        statistic: (estimate + margin) / se.
        p: One-sided, against a loss of the margin or more.
        low: Lower limit of the one-sided 1 − alpha interval.
        not_inferior: None if it cannot be told.
        n: Number of pairs; 0 if the estimate came without.
        reason: Why a number is NaN; else empty.
    """

    method: str
    estimate: float
    se: float
    df: float
    margin: float
    alpha: float
    statistic: float = nan
    p: float = nan
    low: float = nan
    not_inferior: bool | None = None
    n: int = 0
    reason: str = ""


def tost(estimate: float, se: float, df: float, margin: Margin, alpha: float = 0.05) -> Equivalence:
    """Test whether an estimate lies within a margin, by two one-sided t tests.

    Equivalent if the 1 − 2·alpha interval lies strictly within the bounds, which is the same
    as both one-sided p below alpha. (A 1 − alpha interval would be too strict.) At a standard
    error of 0 there is no p; the estimate itself decides.

    Args:
        estimate: The difference.
        se: Its standard error, 0 or more.
        df: Degrees of freedom, above 0; infinite for a normal estimate, such as DeLong's.
        margin: m for (−m, m), or two bounds.
        alpha: In (0, 0.5).

    Returns:
        The result; NaN and None with a reason where `estimate`, `se` or `df` is NaN.

    Raises:
        ValueError: bounds that are not in order, a negative `se`, or an `alpha` outside (0, 0.5).

    Source: Schuirmann, J. Pharmacokinet. Biopharm. 15(6), 1987.
    """
    lower, upper = bounds = margin_bounds(margin)
    reason = _undecided(estimate, se, df, alpha)
    found = Equivalence("two one-sided t tests", estimate, se, df, bounds, alpha, reason=reason)
    if reason and se != 0:
        return found
    if se == 0:
        inside = lower < estimate < upper
        return replace(found, low=estimate, high=estimate, equivalent=inside)
    t_low, t_high = (estimate - lower) / se, (estimate - upper) / se
    p_low, p_high = t_upper_tail(t_low, df), t_upper_tail(-t_high, df)
    half = t_quantile(1 - alpha, df) * se
    low, high = estimate - half, estimate + half
    return replace(
        found,
        t_low=t_low,
        p_low=p_low,
        t_high=t_high,
        p_high=p_high,
        p=max(p_low, p_high),
        low=low,
        high=high,
        equivalent=lower < low and high < upper,
    )


def tost_paired(a: ArrayLike, b: ArrayLike, margin: Margin, alpha: float = 0.05) -> Equivalence:
    """Test whether mean(a − b) lies within a margin, paired by seed, by two one-sided t tests.

    Args:
        a: (n,), a metric of one method by seed.
        b: (n,), the same of the other; a[i] and b[i] share a seed.
        margin: As in `tost`.
        alpha: As in `tost`.

    Raises:
        ValueError: shapes differ, or as `tost` raises.
    """
    t = paired_t(a, b)
    found = tost(t.estimate, t.se, t.df, margin, alpha)
    return replace(found, method="two one-sided paired t tests", n=t.n, reason=t.reason)


def non_inferiority(
    estimate: float, se: float, df: float, margin: float, alpha: float = 0.05
) -> NonInferiority:
    """Test whether an estimate is above −margin, by one one-sided t test.

    Args:
        estimate: New minus old, where higher is better (negate it where lower is).
        se: Its standard error, 0 or more; at 0 the estimate itself decides and p is NaN.
        df: Degrees of freedom, above 0; may be infinite.
        margin: The largest loss that does not matter, positive.
        alpha: In (0, 0.5).

    Returns:
        The result; NaN and None with a reason where `estimate`, `se` or `df` is NaN.

    Raises:
        ValueError: a margin that is not positive, a negative `se`, or an `alpha` outside (0, 0.5).
    """
    margin_bounds(margin)
    reason = _undecided(estimate, se, df, alpha)
    found = NonInferiority("one-sided t test", estimate, se, df, margin, alpha, reason=reason)
    if reason and se != 0:
        return found
    if se == 0:
        return replace(found, low=estimate, not_inferior=estimate > -margin)
    t = (estimate + margin) / se
    low = estimate - t_quantile(1 - alpha, df) * se
    return replace(found, statistic=t, p=t_upper_tail(t, df), low=low, not_inferior=low > -margin)


def non_inferiority_paired(
    a: ArrayLike, b: ArrayLike, margin: float, alpha: float = 0.05
) -> NonInferiority:
    """Test whether mean(a − b) is above −margin, paired by seed.

    Args:
        a: (n,), a metric of the new method by seed, higher being better.
        b: (n,), the same of the old; a[i] and b[i] share a seed.
        margin: As in `non_inferiority`.
        alpha: As in `non_inferiority`.

    Raises:
        ValueError: shapes differ, or as `non_inferiority` raises.
    """
    t = paired_t(a, b)
    found = non_inferiority(t.estimate, t.se, t.df, margin, alpha)
    return replace(found, method="one-sided paired t test", n=t.n, reason=t.reason)


def margin_bounds(margin: Margin) -> tuple[float, float]:
    """Return (lower, upper) of a margin.

    Raises:
        ValueError: not in order, or not finite.
    """
    lower, upper = margin if isinstance(margin, tuple) else (-margin, margin)
    if not lower < upper or isinf(lower) or isinf(upper):
        raise ValueError(
            f"margin is {margin}; expected a positive number or two bounds, lower < upper"
        )
    return lower, upper


def _undecided(estimate: float, se: float, df: float, alpha: float) -> str:
    """Return why there is no t, or nothing; raise for what is not an estimate at all."""
    if se < 0:
        raise ValueError(f"the standard error is {se}; expected 0 or more")
    if df <= 0:
        raise ValueError(f"df is {df}; expected a number above 0")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 0.5")
    if isnan(estimate) or isnan(se) or isnan(df):
        return "the estimate, its standard error or its degrees of freedom are not known"
    return "the standard error is 0, so there is no t and no p" if se == 0 else ""
