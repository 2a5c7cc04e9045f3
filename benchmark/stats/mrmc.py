"""Seeds and patients at once: Obuchowski–Rockette analysis with seeds as readers.

Two methods, S seeds each, one test set. The difference of seed s, d_s = θ_a,s − θ_b,s, varies
for two reasons: another seed trains another model, and other patients give another θ. With

    MS = Σ_s (d_s − d̄)² / (S − 1)              between seeds,
    V  = mean_s Var(d_s),  C = mean_{s≠s'} Cov(d_s, d_s')   over patients,

the variance of d̄ is MS/S + max(C, 0) over new seeds and new patients, MS/S over new seeds, and
(V + (S − 1)C)/S over new patients. For two methods this is Obuchowski and Rockette's model:
MS = 2·MS(T×R), C = 2(Cov₂ − Cov₃), V = 2(σ² − Cov₁), and t² is their F; degrees of freedom
with both factors random are Hillis': (MS + S·max(C, 0))² / (MS² / (S − 1)).

Sources: Obuchowski & Rockette, Communications in Statistics - Simulation and Computation
24(2), 1995; Hillis, Statistics in Medicine 26(3), 2007 (df_H); Hillis, Statistics in Medicine
33(2), 2014 (fixed factors, any unbiased covariance).
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import FloatArray
from benchmark.stats.delong import without_variance
from benchmark.stats.placements import Placements
from benchmark.stats.result import TestResult, check_confidence, t_result

Factor = Literal["random", "fixed"]

_DECIMALS = 10  # equal differences of decimals are not equal floats
_NEGLIGIBLE = 1e-10  # a standard error of fractions that is rounding alone


def obuchowski_rockette(
    label: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    *,
    seeds: Factor = "random",
    patients: Factor = "random",
    confidence: float = 0.95,
) -> TestResult:
    """Test mean AUC_a − mean AUC_b over S seeds, with DeLong's covariances over patients.

    Args:
        label: (N,), 0 or 1.
        scores_a: (S, N), a row for each seed.
        scores_b: (S, N), row s with the seed of row s of a; (1, N) if b has no seed.
        seeds: `random` if the claim is of seeds not run; `fixed` takes these seeds as they are.
        patients: `random` if the claim is of patients not seen. With fixed seeds and one seed
            the test is DeLong's; with fixed patients it is the paired t over seeds.
        confidence: In (0, 1).

    Returns:
        `n` is the number of seeds. NaN with a reason where seeds are random and there is one,
        where a class has fewer than two samples, or where nothing varies and AUCs differ.

    Raises:
        ValueError: as `benchmark.stats.delong.auc_variance`, shapes that do not pair, or both
            factors fixed: nothing is left to chance.
    """
    difference, covariance, undefined = auc_differences(label, scores_a, scores_b)
    method = "Obuchowski–Rockette, DeLong covariances"
    return seeds_and_patients(
        difference,
        covariance,
        method=method,
        seeds=seeds,
        patients=patients,
        confidence=confidence,
        undefined=undefined,
    )


def auc_differences(
    label: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike
) -> tuple[FloatArray, FloatArray, str]:
    """Return AUC_a − AUC_b by seed, (S,), its covariance over patients, (S, S), and why if NaN.

    Args:
        label: (N,), 0 or 1.
        scores_a: (S, N).
        scores_b: (S, N), or (1, N) for one scoring that every seed of a is compared with.

    Raises:
        ValueError: as `obuchowski_rockette`.
    """
    a, b = np.atleast_2d(scores_a), np.atleast_2d(scores_b)
    if len(b) not in (1, len(a)) or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"scores of {a.shape} and {b.shape}; expected the same seeds and samples")
    placed = Placements.of(label, np.concatenate([a, b]))
    first, second = slice(0, len(a)), slice(len(a), None)
    difference = Placements(
        placed.positive[first] - placed.positive[second],
        placed.negative[first] - placed.negative[second],
    )
    return difference.auc, difference.covariance, difference.undefined


def seeds_and_patients(
    difference: FloatArray,
    covariance: FloatArray,
    *,
    method: str,
    seeds: Factor = "random",
    patients: Factor = "random",
    confidence: float = 0.95,
    undefined: str = "",
) -> TestResult:
    """Test the mean of paired differences by seed, given their covariance over patients.

    Args:
        difference: (S,).
        covariance: (S, S), by DeLong, a jackknife or a bootstrap over the same patients.
        method: Where the covariance comes from.
        seeds: As `obuchowski_rockette`.
        patients: As `obuchowski_rockette`.
        confidence: In (0, 1).
        undefined: Why a difference or a covariance is NaN.

    Raises:
        ValueError: shapes that differ, no seeds, or both factors fixed.
    """
    check_confidence(confidence)
    count = len(difference)
    if not count or covariance.shape != (count, count):
        raise ValueError(f"{count} differences and a covariance of shape {covariance.shape}")
    if seeds == patients == "fixed":
        raise ValueError("seeds and patients are both fixed: nothing is left to chance")
    method = f"{method}, {seeds} seeds, {patients} patients"
    estimate = float(difference.mean())
    if (
        undefined
        or np.isnan(difference).any()
        or (patients == "random" and np.isnan(covariance).any())
    ):
        return TestResult(method, estimate, count, reason=undefined or "a difference is NaN")
    if seeds == "random" and count < 2:
        reason = "one seed: nothing says how seeds vary; take seeds as fixed, or run more"
        return TestResult(method, estimate, count, reason=reason)
    between = float(np.round(difference, _DECIMALS).var(ddof=1)) if count > 1 else 0.0
    sd = sqrt(between) if count > 1 else np.nan
    if seeds == "fixed":
        squared, df = float(covariance.mean()), inf
    else:
        common = max(common_covariance(covariance), 0.0) if patients == "random" else 0.0
        squared = between / count + common
        df = (count - 1) * (1 + count * common / between) ** 2 if between else inf
    if squared > _NEGLIGIBLE**2:
        return t_result(method, estimate, sqrt(squared), df, n=count, sd=sd, confidence=confidence)
    if seeds == "fixed":
        return without_variance(
            method, round(estimate, _DECIMALS), count, df=df, confidence=confidence
        )
    reason = f"every difference is {estimate:.6g}: nothing varies, no test"
    return TestResult(method, estimate, count, sd=sd, se=0.0, reason=reason)


def common_covariance(covariance: FloatArray) -> float:
    """Return C, the mean covariance of two different seeds; 0 for one seed."""
    count = len(covariance)
    if count < 2:
        return 0.0
    return float((covariance.sum() - np.trace(covariance)) / (count * (count - 1)))
