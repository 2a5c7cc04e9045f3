"""What a test of one hypothesis found."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from benchmark.stats.student import t_quantile, t_upper_tail


@dataclass(frozen=True)
class TestResult:
    """An estimate with its interval and its p-values.

    A number that does not exist is NaN, and `reason` says why.

    Attributes:
        method: The name of the test, as a reader can look it up.
        estimate: First sample minus second, in the unit of the values; mean, unless `method`
            says otherwise.
        low, high: The interval of the estimate.
        confidence: Of the interval; NaN if the method gives none.
        statistic: t, W₊, U, z, …
        df: Degrees of freedom.
        p: Two-sided.
        p_greater: Against the hypothesis that the difference is zero or below.
        p_less: Against the hypothesis that the difference is zero or above.
        n: Number of pairs; of readings of both samples if they are not paired.
        sd: Standard deviation of the differences (n − 1 in the denominator).
        se: Standard error of the estimate.
        p_error: Standard error of `p` where it was drawn at random; else 0.
        note: What the reader must know of the method at this n; else empty.
        reason: Why a number is NaN; else empty.
    """

    # Without this, pytest takes the class for tests wherever a test module imports it.
    __test__ = False

    method: str
    estimate: float
    n: int
    low: float = nan
    high: float = nan
    confidence: float = nan
    statistic: float = nan
    df: float = nan
    p: float = nan
    p_greater: float = nan
    p_less: float = nan
    sd: float = nan
    se: float = nan
    p_error: float = 0.0
    note: str = ""
    reason: str = ""


def check_confidence(confidence: float) -> None:
    """Raise ValueError for a confidence outside (0, 1)."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1")


def t_result(
    method: str,
    estimate: float,
    se: float,
    df: float,
    *,
    n: int,
    sd: float = nan,
    confidence: float = 0.95,
) -> TestResult:
    """Return the t test of an estimate with a standard error above 0.

    Args:
        method: Its name.
        estimate: Tested against 0.
        se: Its standard error, positive.
        df: Degrees of freedom; infinite for the normal distribution.
        n: Number of pairs or readings.
        sd: Standard deviation of the differences.
        confidence: Of the interval.
    """
    t = estimate / se
    half = t_quantile((1 + confidence) / 2, df) * se
    return TestResult(
        method=method,
        estimate=estimate,
        n=n,
        low=estimate - half,
        high=estimate + half,
        confidence=confidence,
        statistic=t,
        df=df,
        p=min(1.0, 2 * t_upper_tail(abs(t), df)),
        p_greater=t_upper_tail(t, df),
        p_less=t_upper_tail(-t, df),
        sd=sd,
        se=se,
    )
