"""What n pairs of runs can show, and how many pairs it takes, for difference and equivalence.

Effects on a difference are in units of the standard deviation of the paired differences, d_z =
mean / SD; margins are in the unit of the metric, beside its SD. An SD that was estimated from few
runs makes all of this a guess: at n = 3 the true SD may be half or six times the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import exp, isfinite, lgamma, log, nan, sqrt
from typing import Literal

from scipy import integrate, optimize, special

from benchmark.stats.equivalence import Margin, margin_bounds
from benchmark.stats.student import noncentral_t_cdf, t_quantile

Alternative = Literal["two-sided", "one-sided"]

LARGEST_N = 10_000_000
"""Pairs beyond which no number is given."""

_TAIL = 1e-15
"""Probability of sample SDs that an integral over them leaves out on either side."""


@dataclass(frozen=True)
class RequiredN:
    """How many pairs reach a power.

    Attributes:
        n: The smallest whole number that does, 2 or more; None if there is none.
        n_real: Where power is reached exactly; NaN for equivalence, and below 1.1.
        power: At n.
        power_before: At n − 1; NaN at n = 2.
        reason: Why there is none; else empty.
    """

    n: int | None
    n_real: float = nan
    power: float = nan
    power_before: float = nan
    reason: str = ""


def power_paired_t(
    d_z: float, n: float, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> float:
    """Return the probability that the paired t test is significant.

    Two-sided power counts both tails, so that it is alpha at no effect (R's `power.t.test`
    leaves the other tail out unless `strict = TRUE`).

    Args:
        d_z: True mean difference over the standard deviation of the differences; for a
            one-sided test, in the direction that it tests.
        n: Number of pairs, above 1; need not be whole. At one pair there is no test: NaN.
        alpha: Level.
        alternative: `two-sided` or `one-sided`.

    Raises:
        ValueError: n below 1, alpha outside (0, 1), or an unknown alternative.

    Source: Cohen, Statistical Power Analysis, 1988, §2.3; noncentral t with n − 1 degrees of
        freedom and noncentrality d_z·√n.
    """
    _check(alpha, alternative)
    if n < 1:
        raise ValueError(f"n is {n}; expected at least 1")
    if n == 1:
        return nan
    df, noncentrality = n - 1, d_z * sqrt(n)
    tails = 2 if alternative == "two-sided" else 1
    critical = t_quantile(1 - alpha / tails, df)
    # The upper tail as the lower one of the mirrored law: small probabilities keep their digits.
    power = noncentral_t_cdf(-critical, df, -noncentrality)
    if tails == 2:
        power += noncentral_t_cdf(-critical, df, noncentrality)
    return min(power, 1.0)


def required_n(
    d_z: float,
    power: float = 0.8,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> RequiredN:
    """Return the smallest number of pairs at which the paired t test has a power.

    Args:
        d_z: As in `power_paired_t`.
        power: In (alpha, 1).
        alpha: Level.
        alternative: `two-sided` or `one-sided`.

    Returns:
        None with a reason where no number of pairs, or more than ten million, would do.

    Raises:
        ValueError: as `power_paired_t`, or a power that is not above alpha.
    """
    _check(alpha, alternative)
    _check_power(power, alpha)
    size = abs(d_z) if alternative == "two-sided" else d_z
    if not size > 0:
        reason = f"an effect of {d_z:g} gives no power above alpha, however many pairs"
        return RequiredN(None, reason=reason)

    def reached(n: float) -> float:
        return power_paired_t(size, n, alpha, alternative)

    found = _smallest_n(reached, power)
    if found.n is None or reached(1.1) >= power:
        return found
    n_real = optimize.brentq(lambda n: reached(n) - power, 1.1, found.n, xtol=1e-9)
    return RequiredN(found.n, float(n_real), found.power, found.power_before)


@lru_cache(maxsize=1024)
def smallest_effect(
    n: int, power: float = 0.8, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> float:
    """Return the smallest d_z that n pairs show with a power; times SD, in the metric's unit.

    Args:
        n: Number of pairs; NaN is returned for one.
        power: In (alpha, 1).
        alpha: Level.
        alternative: `two-sided` or `one-sided`.

    Raises:
        ValueError: as `required_n`.
    """
    _check_power(power, alpha)
    if n == 1:
        return nan

    def surplus(d_z: float) -> float:
        return power_paired_t(d_z, n, alpha, alternative) - power

    high = 1.0
    while surplus(high) < 0:
        high *= 2
    return float(optimize.brentq(surplus, 0.0, high, xtol=1e-12))


def power_tost(
    margin: Margin, sd: float, n: float, difference: float = 0.0, alpha: float = 0.05
) -> float:
    """Return the probability that two one-sided paired t tests show equivalence.

    Exact: the probability of both tests at once, as one integral over the law of the sample SD
    (equal to a difference of Owen's Q functions), not the product or sum of their powers.

    Args:
        margin: m for (−m, m), or two bounds, in the unit of the metric.
        sd: True standard deviation of the paired differences, positive.
        n: Number of pairs; NaN is returned for one.
        difference: True mean difference.
        alpha: Level of either test, in (0, 0.5).

    Raises:
        ValueError: margin, sd, n or alpha out of range.

    Source: Phillips, J. Pharmacokinet. Biopharm. 18(2), 1990; Owen, Biometrika 52, 1965.
    """
    lower, upper = margin_bounds(margin)
    if not sd > 0 or not isfinite(sd):
        raise ValueError(f"sd is {sd}; expected a positive number")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 0.5")
    if n < 1:
        raise ValueError(f"n is {n}; expected at least 1")
    if n == 1:
        return nan
    return _power_tost((lower - difference) / sd, (upper - difference) / sd, n, alpha)


@lru_cache(maxsize=4096)
def _power_tost(lower: float, upper: float, n: float, alpha: float) -> float:
    """Return the power where bounds are distances from the true mean over the SD.

    Kept, because searches for several powers pass the same numbers of pairs.
    """
    df, root = n - 1, sqrt(n)
    critical = t_quantile(1 - alpha, df)
    # In units of sd/√n: the mean is normal around 0, between bounds that the sample SD narrows.
    low, high = lower * root, upper * root
    widest = (high - low) / (2 * critical)
    start = sqrt(2 * special.gammaincinv(df / 2, _TAIL) / df)
    stop = sqrt(special.chdtri(df, _TAIL) / df)
    if widest <= start:
        return 0.0

    constant = log(2) + df / 2 * log(df / 2) - lgamma(df / 2)

    def density(ratio: float) -> float:
        inside = special.ndtr(high - critical * ratio) - special.ndtr(low + critical * ratio)
        return float(inside) * exp(constant + (df - 1) * log(ratio) - df / 2 * ratio**2)

    stop = min(stop, widest)
    value, _ = integrate.quad(density, start, stop, epsabs=1e-13, epsrel=1e-11, limit=200)
    return min(float(value), 1.0)


def required_n_tost(
    margin: Margin,
    sd: float,
    difference: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> RequiredN:
    """Return the smallest number of pairs at which equivalence is shown with a power.

    Args:
        margin: As in `power_tost`.
        sd: As in `power_tost`.
        difference: True mean difference.
        power: In (alpha, 1).
        alpha: Level of either test.

    Returns:
        None with a reason where the difference is not within the margin, or more than ten million
        pairs would be needed.

    Raises:
        ValueError: as `power_tost`, or a power that is not above alpha.
    """
    lower, upper = margin_bounds(margin)
    _check_power(power, alpha)
    if not lower < difference < upper:
        reason = f"a true difference of {difference:g} is not within {lower:g} and {upper:g}"
        return RequiredN(None, reason=reason)
    return _smallest_n(lambda n: power_tost(margin, sd, n, difference, alpha), power)


def resolution_warning(margin: float, smallest_n: int) -> str:
    """Return why a margin is too fine for a rate, or nothing if it is not.

    Args:
        margin: The smallest difference that matters, as a fraction.
        smallest_n: Samples in the smallest group that the rate is computed in: of the group for
            DPD, of its positives or negatives, whichever are fewer, for DEOdds.
    """
    if smallest_n < 1:
        return "the smallest group has no sample, so its rate has no value at all"
    if margin >= 1 / smallest_n:
        return ""
    return (
        f"the margin {margin:g} is below 1/{smallest_n} = {1 / smallest_n:.3g}, one sample of the"
        " smallest group: no single run can resolve it"
    )


def _smallest_n(reached: Callable[[float], float], power: float) -> RequiredN:
    """Return the smallest whole n with reached(n) ≥ power, for a power that grows with n."""
    high = 2
    while reached(high) < power:
        high *= 2
        if high > LARGEST_N:
            return RequiredN(None, reason=f"more than {LARGEST_N:,} pairs would be needed")
    low = high // 2 if high > 2 else 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return RequiredN(high, power=reached(high), power_before=reached(high - 1))


def _check(alpha: float, alternative: str) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 1")
    if alternative not in ("two-sided", "one-sided"):
        raise ValueError(f"alternative is '{alternative}'; known: two-sided, one-sided")


def _check_power(power: float, alpha: float) -> None:
    if not alpha < power < 1:
        raise ValueError(f"power is {power}; expected a number between alpha, {alpha:g}, and 1")
