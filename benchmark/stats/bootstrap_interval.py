"""Intervals and p-values from bootstrap resamples: percentile, basic and BCa.

Sources: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 14
(percentile, BCa); Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section
5.2 (basic) and p. 210 (acceleration of a stratified statistic).
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from benchmark.metrics.inputs import FloatArray, IntArray
from benchmark.stats.result import TestResult, check_confidence

BootstrapKind = Literal["percentile", "basic", "bca"]


def bootstrap_result(
    estimate: float,
    resampled: ArrayLike,
    *,
    n: int,
    confidence: float = 0.95,
    kind: BootstrapKind = "percentile",
    acceleration: float = 0.0,
    null: float = 0.0,
) -> TestResult:
    """Return an estimate with its bootstrap interval, and p-values by inverting the interval.

    So p < 1 − confidence where the interval leaves `null` out, up to 1 in B. No p is below
    1 / (B + 1); resamples equal to `null` count against the effect. `statistic` is NaN.

    `percentile` takes quantiles of the resamples, `basic` mirrors them at the estimate, `bca`
    shifts their levels by the bias z₀ (ties with the estimate count half) and the acceleration.

    Args:
        estimate: Of the sample itself.
        resampled: (B,).
        n: Samples, for the record.
        confidence: In (0, 1).
        kind: Of the interval.
        acceleration: From `acceleration`, for `bca`.
        null: The value that the p-values test the estimate against.

    Returns:
        NaN with a reason if the estimate or a resample is NaN, if all resamples are equal (no
        spread, which is no proof of precision), or if BCa levels do not exist.

    Raises:
        ValueError: no resamples, a confidence outside (0, 1), or an unknown kind.
    """
    check_confidence(confidence)
    values = np.asarray(resampled, dtype=np.float64)
    if kind not in ("percentile", "basic", "bca"):
        raise ValueError(f"kind is '{kind}'; known: percentile, basic, bca")
    if values.ndim != 1 or not len(values):
        raise ValueError(f"resampled has shape {values.shape}; expected (B,), B at least 1")
    method = f"bootstrap, {kind}, {len(values)} resamples"
    undefined = int(np.count_nonzero(np.isnan(values)))
    if np.isnan(estimate) or undefined:
        reason = f"the estimate is {estimate:g}, and {undefined} of {len(values)} resamples are NaN"
        return TestResult(method, float(estimate), n, reason=reason)
    tolerance = tie_tolerance(estimate, values)
    if np.ptp(values) <= tolerance:
        reason = f"every resample gives {values[0]:.6g}: no spread to judge by"
        return TestResult(method, float(estimate), n, se=0.0, reason=reason)
    tail = (1 - confidence) / 2
    z0 = bias_correction(estimate, values) if kind == "bca" else 0.0
    levels = np.array([tail, 1 - tail])
    null_in_resamples = 2 * estimate - null if kind == "basic" else null
    below = _share(values <= null_in_resamples + tolerance)
    above = _share(values >= null_in_resamples - tolerance)
    if kind == "basic":
        below, above = above, below
    elif kind == "bca":
        levels = _bca_levels(levels, z0, acceleration)
        if np.isnan(levels).any():
            reason = f"BCa has no levels at z₀ = {z0:.3g} and acceleration {acceleration:.3g}"
            return TestResult(
                method, float(estimate), n, se=float(values.std(ddof=1)), reason=reason
            )
        below = _bca_p(below, z0, acceleration)
        above = _bca_p(above, -z0, -acceleration)
    low, high = np.quantile(values, levels).tolist()
    if kind == "basic":
        low, high = 2 * estimate - high, 2 * estimate - low
    return TestResult(
        method,
        float(estimate),
        n,
        low=low,
        high=high,
        confidence=confidence,
        p=min(1.0, 2 * min(below, above)),
        p_greater=below,
        p_less=above,
        se=float(values.std(ddof=1)),
    )


def bias_correction(estimate: float, resampled: FloatArray) -> float:
    """Return z₀ = Φ⁻¹(share of resamples below the estimate, ties half); may be infinite.

    Ties are resamples within `tie_tolerance`: exact comparison of floats would split them.
    """
    tolerance = tie_tolerance(estimate, resampled)
    less = np.count_nonzero(resampled < estimate - tolerance)
    ties = np.count_nonzero(np.abs(resampled - estimate) <= tolerance)
    return float(stats.norm.ppf((less + ties / 2) / len(resampled)))


def acceleration(influence: ArrayLike, stratum: IntArray) -> float:
    """Return BCa's acceleration of a stratified statistic; 0 if no sample has influence.

    a = (1/6) Σ_s Σ_i l³ / n_s³ / (Σ_s Σ_i l² / n_s²)^1.5, which for one stratum is Efron's.

    Args:
        influence: (N,), l of each sample: (n_s − 1)(mean of θ without one − θ without it).
        stratum: (N,), numbered from 0.

    Raises:
        ValueError: shapes differ.
    """
    values = np.asarray(influence, dtype=np.float64)
    if values.shape != stratum.shape:
        raise ValueError(f"influence has shape {values.shape}, stratum {stratum.shape}")
    scaled = values / np.bincount(stratum)[stratum]
    squares = float(np.sum(scaled**2))
    return float(np.sum(scaled**3)) / (6 * squares * sqrt(squares)) if squares > 0 else 0.0


def jackknife_influence(left_out: ArrayLike, stratum: IntArray) -> FloatArray:
    """Return the influence of each sample from the statistic without it.

    Args:
        left_out: (..., N), the statistic without sample n.
        stratum: (N,). A stratum of one sample has influence 0: no resample varies it.

    Returns:
        (..., N).
    """
    values = np.asarray(left_out, dtype=np.float64)
    influence = np.zeros_like(values)
    for s, size in enumerate(np.bincount(stratum)):
        if size > 1:
            inside = values[..., stratum == s]
            centred = inside.mean(axis=-1, keepdims=True) - inside
            influence[..., stratum == s] = (size - 1) * centred
    return influence


def mean_interval(
    values: ArrayLike,
    *,
    n_resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
    kind: BootstrapKind = "percentile",
) -> TestResult:
    """Return the mean of a few values, such as differences over seeds, with its bootstrap interval.

    Under-covers for few values: a nominal 95% is 75% at n = 3, 84% at 5, 90% at 10, 93% at 20.
    Student's t, `benchmark.stats.paired.t_interval`, covers; this one is for comparison.

    Args:
        values: (n,), finite.
        n_resamples: B.
        seed: Of the resamples.
        confidence: In (0, 1).
        kind: Of the interval.

    Raises:
        ValueError: not one-dimensional, no values, or one that is not finite.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not len(data) or not np.isfinite(data).all():
        raise ValueError(f"needs a row of finite values, got {data.tolist()}")
    n = len(data)
    drawn = np.random.default_rng(seed).integers(0, n, size=(n_resamples, n))
    accelerated = acceleration(data - data.mean(), np.zeros(n, dtype=np.int64))
    return bootstrap_result(
        float(data.mean()),
        data[drawn].mean(axis=1),
        n=n,
        confidence=confidence,
        kind=kind,
        acceleration=accelerated,
    )


def tie_tolerance(estimate: float, resampled: FloatArray) -> float:
    """Return how far apart two values may be that differ by rounding only."""
    scale = max(abs(estimate), float(np.abs(resampled).max()))
    return 1e-9 * float(resampled.std()) + 16 * np.finfo(np.float64).eps * scale


def _share(true: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the share of resamples, the sample itself counted among them: never 0."""
    return (int(np.count_nonzero(true)) + 1) / (len(true) + 1)


def _bca_levels(level: FloatArray, z0: float, a: float) -> FloatArray:
    """Return the quantile levels that BCa takes instead; NaN where they do not exist."""
    if not np.isfinite(z0):
        return np.full(2, np.nan)
    shifted = z0 + stats.norm.ppf(level)
    stretch = 1 - a * shifted
    if (stretch <= 0).any():
        return np.full(2, np.nan)
    return np.asarray(stats.norm.cdf(z0 + shifted / stretch), dtype=np.float64)


def _bca_p(share: float, z0: float, a: float) -> float:
    """Return the one-sided level at which the BCa bound lies on a value with this share."""
    w = float(stats.norm.ppf(min(share, 1.0))) - z0
    if np.isinf(w):
        return 1.0
    stretch = 1 + a * w
    if stretch <= 0:  # beyond what any level reaches
        return 0.0 if w < 0 else 1.0
    return float(stats.norm.cdf(w / stretch - z0))
