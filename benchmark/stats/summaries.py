"""What can be said from a paper's tables alone: means, standard deviations, printed digits."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from benchmark.stats.result import TestResult, check_confidence, t_result
from benchmark.stats.student import t_quantile


@dataclass(frozen=True)
class Interval:
    """A range of values.

    Attributes:
        low, high: NaN if `reason` is set.
        reason: Why there is none; else empty.
    """

    low: float
    high: float
    reason: str = ""


def welch_from_summary(
    mean_a: float,
    sd_a: float,
    n_a: int,
    mean_b: float,
    sd_b: float,
    n_b: int,
    confidence: float = 0.95,
) -> TestResult:
    """Test the difference of two published means by Welch's t: variances may differ.

    Unpaired: a paper's mean ± SD does not say which runs shared a seed, so where they did, the
    interval is wider than need be.

    Args:
        mean_a: Of the first method.
        sd_a: Its standard deviation over runs (n − 1 in the denominator; not a standard error).
        n_a: Its number of runs.
        mean_b: Of the second method.
        sd_b: Its standard deviation.
        n_b: Its number of runs.
        confidence: Of the interval of mean_a − mean_b.

    Returns:
        NaN with a reason where a method has one run, both deviations are 0, or a number is NaN.

    Raises:
        ValueError: a negative deviation, no runs, or a confidence outside (0, 1).

    Source: Welch, Biometrika 34, 1947.
    """
    check_confidence(confidence)
    for name, sd, n in (("a", sd_a, n_a), ("b", sd_b, n_b)):
        if sd < 0 or n < 1:
            raise ValueError(f"sd_{name} is {sd} and n_{name} {n}; expected 0 or more, 1 or more")
    method, total = "Welch t test (unpaired)", n_a + n_b
    estimate = mean_a - mean_b
    reason = ""
    if np.isnan([estimate, sd_a, sd_b]).any():
        reason = "a mean or standard deviation is not known"
    elif min(n_a, n_b) < 2:
        reason = "a method with one run has no standard deviation"
    elif sd_a == sd_b == 0:
        reason = "both standard deviations are 0, so t is undefined"
    if reason:
        return TestResult(method, estimate, total, confidence=confidence, reason=reason)
    share_a, share_b = sd_a**2 / n_a, sd_b**2 / n_b
    variance = share_a + share_b
    # As shares of the variance, whose squares do not underflow however small it is.
    df = 1 / ((share_a / variance) ** 2 / (n_a - 1) + (share_b / variance) ** 2 / (n_b - 1))
    return t_result(method, estimate, sqrt(variance), df, n=total, confidence=confidence)


def prediction_interval_for_mean(
    mean: float, sd: float, n: int, new: int, confidence: float = 0.95
) -> Interval:
    """Return where the mean of new runs will lie, given the mean and SD of earlier ones.

    A reproduction with `new` seeds whose mean lies outside is unlikely to be a repetition.
    Assumes independent, roughly normal runs of one distribution.

    Args:
        mean: Of the earlier runs.
        sd: Their standard deviation (n − 1 in the denominator).
        n: Their number.
        new: Number of new runs.
        confidence: That the new mean lies inside.

    Returns:
        mean ± t · sd · √(1/n + 1/new) with n − 1 degrees of freedom; NaN with a reason at n = 1.

    Raises:
        ValueError: a negative deviation, fewer than one run, or a confidence outside (0, 1).

    Source: Hahn & Meeker, Statistical Intervals, 1991, §4.7.
    """
    check_confidence(confidence)
    if sd < 0 or n < 1 or new < 1:
        raise ValueError(f"sd is {sd}, n {n}, new {new}; expected 0 or more, 1 or more, 1 or more")
    if np.isnan([mean, sd]).any():
        return Interval(nan, nan, "the mean or the standard deviation is not known")
    if n < 2:
        return Interval(nan, nan, "one run has no standard deviation")
    half = t_quantile((1 + confidence) / 2, n - 1) * sd * sqrt(1 / n + 1 / new)
    return Interval(mean - half, mean + half)


def es_auc_interval(
    auc: float,
    group_auc: ArrayLike,
    *,
    rounding: float,
    sd: float | None = None,
    group_sd: ArrayLike = 0.0,
) -> Interval:
    """Return which ES-AUC a table's printed AUC and group AUCs allow.

    ES-AUC = X / (1 + Σ|X − X_g|) is not linear: the mean of a paper's ES-AUCs over seeds is not
    the ES-AUC of its means, and rounded numbers determine it only so far. The bounds hold for
    every set of runs with the printed numbers; an ES-AUC outside them cannot come from these.

    Rounding moves X and each X_g by up to `rounding`. Over seeds, with d_g = X − X_g and
    D = Σ|d_g|, mean |d_g| lies between |mean d_g| and √(mean d_g² + (s + s_g)²), SD(D) is at
    most σ = Σ(s + s_g), and by expansion of 1/(1 + D) around m = mean D the mean ES-AUC is at
    least X/(1 + m) − s·σ/(1 + m)² and at most X/(1 + m) + (s·σ + σ²)/(1 + m)².

    Args:
        auc: X as printed, a fraction; the mean over seeds.
        group_auc: (groups,), X_g likewise.
        rounding: Half a unit of the last printed digit, as a fraction: 5e-5 for 71.23%.
        sd: s, standard deviation of X over seeds, as printed; None for one run.
        group_sd: (groups,), s_g likewise; or one number for all. Of no use for one run.

    Returns:
        Bounds of the mean ES-AUC before it is rounded itself; NaN with a reason for a NaN.

    Raises:
        ValueError: a number outside [0, 1], a negative deviation or rounding, or no groups.
    """
    groups = np.asarray(group_auc, dtype=np.float64)
    spread = np.broadcast_to(np.asarray(group_sd, dtype=np.float64), groups.shape)
    if groups.ndim != 1 or not groups.size:
        raise ValueError(f"group_auc has shape {groups.shape}; expected (groups,)")
    # A deviation is rounded like the mean beside it; one run has none.
    own = 0.0 if sd is None else sd + rounding
    spread = np.zeros(groups.shape) if sd is None else spread + rounding
    everything = np.array([auc, *groups, rounding, own, *spread])
    if np.isnan(everything).any():
        return Interval(nan, nan, "an AUC, a standard deviation or the rounding is not known")
    if everything.min() < 0 or everything.max() > 1:
        raise ValueError(
            f"AUCs, deviations and rounding are {everything.tolist()}; expected 0 to 1"
        )
    # Between these points of X either bound is monotone, so its extremes are at some of them.
    knots = np.concatenate([groups - rounding, groups, groups + rounding])
    ends = auc - rounding, auc + rounding
    x = np.array([*ends, *knots[(knots > ends[0]) & (knots < ends[1])]])
    gap = np.abs(x[:, None] - groups)
    nearest = np.maximum(gap - rounding, 0.0).sum(axis=1)
    farthest = np.sqrt((gap + rounding) ** 2 + (own + spread) ** 2).sum(axis=1)
    sigma = float((own + spread).sum())
    curvature = (1 + float(nearest.min())) ** 2
    low = float((x / (1 + farthest)).min()) - own * sigma / curvature
    high = float((x / (1 + nearest)).max()) + (own * sigma + sigma**2) / curvature
    return Interval(max(low, 0.0), min(high, ends[1]))
