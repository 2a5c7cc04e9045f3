"""DeLong's nonparametric variance of AUCs, and tests between them on one test set.

The AUC is a mean of placements: V₁₀ of a positive sample is the share of negatives that score
below it, V₀₁ of a negative the share of positives that score above it, ties counting ½. With
S₁₀ and S₀₁ the covariances over positives and negatives, several scorings of the same samples
have Cov(AUC) = S₁₀ / n₁ + S₀₁ / n₀ (`benchmark.stats.placements`).

The direction is fixed: a higher score stands for class 1, and an AUC below ½ stays below ½.
Scope: these patients are a sample of many; the trained models are taken as they are.

Sources: DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated
receiver operating characteristic curves", Biometrics 44(3), 1988; Student's t for unpaired
curves as in the R package pROC 1.18 (Robin et al., BMC Bioinformatics 12:77, 2011).
"""

from __future__ import annotations

from math import inf, isnan, log, nan, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from benchmark.metrics.inputs import BoolArray, FloatArray, as_labels, as_score_rows
from benchmark.stats.placements import Placements
from benchmark.stats.result import TestResult, check_confidence, t_result

IntervalKind = Literal["clipped", "unclipped", "logit"]


def auc_variance(label: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return AUC and its variance for each row of scores, both (M,).

    Args:
        label: (N,), 0 or 1.
        scores: (M, N), rows score the same samples.

    Returns:
        AUCs, NaN with one class; variances, NaN unless both classes have two samples. A perfect
        or constant scoring has variance 0, which says little of new patients.

    Raises:
        ValueError: lengths differ, labels other than 0 and 1, NaN or infinite scores.
    """
    found = Placements.of(label, scores)
    return found.auc, found.variance


def auc_covariance(label: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the AUCs (M,) of score rows (M, N) and their covariance (M, M).

    Raises:
        ValueError: as `auc_variance`.
    """
    found = Placements.of(label, scores)
    return found.auc, found.covariance


def auc_interval(
    label: ArrayLike, score: ArrayLike, confidence: float = 0.95, kind: IntervalKind = "clipped"
) -> TestResult:
    """Return the AUC of one scoring with its interval; no test.

    Args:
        label: (N,), 0 or 1.
        score: (N,).
        confidence: In (0, 1).
        kind: `unclipped` is AUC ± z·se; `clipped` cuts that to [0, 1], as pROC does; `logit` is
            symmetric on the logit scale, inside (0, 1), and covers better near 1. It does not
            exist where AUC is 0 or 1 or the variance is 0.

    Raises:
        ValueError: as `auc_variance`, or a confidence outside (0, 1).
    """
    check_confidence(confidence)
    found = Placements.of(label, np.asarray(score)[None])
    method, (auc,) = f"DeLong, {kind} interval", found.auc.tolist()
    if found.undefined:
        return TestResult(method, auc, found.n, reason=found.undefined)
    se = sqrt(found.variance[0])
    half = float(stats.norm.ppf((1 + confidence) / 2)) * se
    low, high, reason = auc - half, auc + half, ""
    if kind == "clipped":
        low, high = max(low, 0.0), min(high, 1.0)
    elif kind == "logit":
        if se == 0 or auc in (0, 1):
            low, high = nan, nan
            reason = f"AUC is {auc:g} with variance {se**2:g}: no interval on the logit scale"
        else:
            half /= auc * (1 - auc)
            low, high = special.expit(special.logit(auc) + np.array([-half, half])).tolist()
    return TestResult(
        method, auc, found.n, low=low, high=high, confidence=confidence, se=se, reason=reason
    )


def paired(
    label: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, confidence: float = 0.95
) -> TestResult:
    """Test AUC_a − AUC_b of two scorings of the same samples; the interval is not clipped.

    Equal rankings give z = 0, p = 1 and an interval of width 0.

    Args:
        label: (N,), 0 or 1.
        score_a: (N,).
        score_b: (N,).
        confidence: In (0, 1).

    Raises:
        ValueError: as `auc_variance`, or a confidence outside (0, 1).
    """
    both = Placements.of(label, _two_rows(score_a, score_b))
    return _difference("DeLong, paired", [both.difference(0, 1)], inf, confidence)


def unpaired(
    label_a: ArrayLike,
    score_a: ArrayLike,
    label_b: ArrayLike,
    score_b: ArrayLike,
    confidence: float = 0.95,
    law: Literal["t", "normal"] = "t",
) -> TestResult:
    """Test AUC_a − AUC_b of scorings of independent samples.

    Args:
        label_a: (N_a,), 0 or 1.
        score_a: (N_a,).
        label_b: (N_b,), 0 or 1.
        score_b: (N_b,).
        confidence: In (0, 1).
        law: `t` with Welch's degrees of freedom over samples, as pROC; `normal`, as DeLong.

    Raises:
        ValueError: as `auc_variance`, or a confidence outside (0, 1).
    """
    parts = [
        Placements.of(label_a, np.asarray(score_a)[None]),
        Placements.of(label_b, np.asarray(score_b)[None]),
    ]
    df = _welch_df(parts) if law == "t" else inf
    return _difference(f"DeLong, unpaired, {law}", parts, df, confidence)


def subgroup_difference(
    label: ArrayLike,
    score: ArrayLike,
    codes: ArrayLike,
    g: int,
    h: int,
    confidence: float = 0.95,
) -> TestResult:
    """Test AUC of group g minus AUC of group h under one scoring: independent samples.

    Args:
        label: (N,), 0 or 1.
        score: (N,).
        codes: (N,), group codes.
        g: A code.
        h: Another code.
        confidence: In (0, 1).

    Raises:
        ValueError: as `auc_variance`, g equals h, or a confidence outside (0, 1).
    """
    parts = [
        Placements.of(*group) for group in _groups(label, np.asarray(score)[None], codes, g, h)
    ]
    return _difference("DeLong, between groups, t", parts, _welch_df(parts), confidence)


def paired_subgroup_difference(
    label: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    codes: ArrayLike,
    g: int,
    h: int,
    confidence: float = 0.95,
) -> TestResult:
    """Test (AUC_g − AUC_h of a) − (AUC_g − AUC_h of b): has the gap of two groups changed?

    Paired within each group, independent between them. The gap is signed: g minus h.

    Args:
        label: (N,), 0 or 1.
        score_a: (N,).
        score_b: (N,), of the same samples.
        codes: (N,), group codes.
        g: A code.
        h: Another code.
        confidence: In (0, 1).

    Raises:
        ValueError: as `subgroup_difference`.
    """
    rows = _two_rows(score_a, score_b)
    parts = [Placements.of(*group).difference(0, 1) for group in _groups(label, rows, codes, g, h)]
    method = "DeLong, between groups, paired, t"
    return _difference(method, parts, _welch_df(parts), confidence)


def joint(label: ArrayLike, scores: ArrayLike) -> TestResult:
    """Test that M ≥ 2 scorings of the same samples have one AUC (χ² of the contrasts).

    The degrees of freedom are the rank of the contrasts' covariance: a scoring that ranks as
    another one does adds none. The estimate is the largest minus the smallest AUC.

    Raises:
        ValueError: fewer than two rows, or as `auc_variance`.
    """
    found = Placements.of(label, scores)
    if len(found.positive) < 2:
        raise ValueError(f"{len(found.positive)} row of scores; expected at least two to compare")
    method = f"DeLong, χ² of {len(found.positive)} scorings"
    estimate = float(np.ptp(found.auc))
    if found.undefined:
        return TestResult(method, estimate, found.n, reason=found.undefined)
    contrasts = Placements(
        found.positive[:-1] - found.positive[1:], found.negative[:-1] - found.negative[1:]
    )
    spread, direction = np.linalg.eigh(contrasts.covariance)
    varies = spread > 1e-10 * max(spread.max(), np.finfo(float).tiny)
    along = direction.T @ contrasts.auc
    if (np.abs(along[~varies]) > 1e-12).any():
        reason = "AUCs differ where their difference has variance 0 (perfect or constant scores)"
        return TestResult(method, estimate, found.n, reason=reason)
    chi2, rank = float(np.sum(along[varies] ** 2 / spread[varies])), int(varies.sum())
    p = float(stats.chi2.sf(chi2, rank)) if rank else 1.0
    return TestResult(method, estimate, found.n, statistic=chi2, df=rank, p=p)


def log10_p(z: float) -> float:
    """Return log₁₀ of the two-sided normal p of z, which does not underflow as p does."""
    return (log(2) + float(stats.norm.logsf(abs(z)))) / log(10)


def without_variance(
    method: str, estimate: float, n: int, *, df: float, confidence: float
) -> TestResult:
    """Return the answer for a difference of variance 0: p = 1 if it is 0 itself, else no test.

    Args:
        method: The name of the test.
        estimate: The difference.
        n: Its samples or seeds.
        df: Degrees of freedom.
        confidence: Of the interval.
    """
    if estimate != 0:
        reason = f"the difference is {estimate:.6g} with variance 0 (perfect or constant): no test"
        return TestResult(method, estimate, n, se=0.0, reason=reason)
    return TestResult(
        method,
        0.0,
        n,
        low=0.0,
        high=0.0,
        confidence=confidence,
        statistic=0.0,
        df=df,
        p=1.0,
        p_greater=0.5,
        p_less=0.5,
        se=0.0,
        note="the variance of the difference is 0: both rank the samples alike",
    )


def _difference(method: str, parts: list[Placements], df: float, confidence: float) -> TestResult:
    """Test the first part's AUC minus that of the second, or the only part's against 0."""
    check_confidence(confidence)
    n = sum(part.n for part in parts)
    first, *second = (float(part.auc[0]) for part in parts)
    estimate = first - sum(second)
    undefined = "; ".join(part.undefined for part in parts if part.undefined)
    if undefined:
        return TestResult(method, estimate, n, reason=undefined)
    se = sqrt(sum(float(part.variance[0]) for part in parts))
    if se > 0:
        return t_result(method, estimate, se, df, n=n, confidence=confidence)
    return without_variance(method, estimate, n, df=df, confidence=confidence)


def _welch_df(parts: list[Placements]) -> float:
    """Return Welch's degrees of freedom over all samples of each part; NaN without variance."""
    variances = [float(part.variance[0]) for part in parts]
    below = sum(v**2 / (part.n - 1) for v, part in zip(variances, parts, strict=True) if v > 0)
    if any(map(isnan, variances)):
        return nan
    return sum(variances) ** 2 / below if below else inf


def _two_rows(score_a: ArrayLike, score_b: ArrayLike) -> FloatArray:
    a, b = np.asarray(score_a, dtype=np.float64), np.asarray(score_b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"scores of {a.shape} and {b.shape}; expected the same samples")
    return np.stack([a, b])


def _groups(
    label: ArrayLike, rows: FloatArray, codes: ArrayLike, g: int, h: int
) -> list[tuple[BoolArray, FloatArray]]:
    if g == h:
        raise ValueError(f"group {g} is compared with itself; name two groups")
    positive, code = as_labels(label), np.asarray(codes)
    if code.shape != positive.shape:
        raise ValueError(f"codes has shape {code.shape} for {len(positive)} labels")
    rows = as_score_rows(rows, len(positive))
    return [(positive[code == group], rows[:, code == group]) for group in (g, h)]
