"""Calibration: Platt scaling fitted on validation, then Brier score and ECE.

Zero-shot CLIP scores carry no logit scale and all lie within about 0.5 ± 0.05; their raw
Brier score and ECE say nothing but that. Scaling first asks the sensible question: are the
probabilities right once their scale is?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import (
    BoolArray,
    FloatArray,
    as_labels,
    as_scores,
    class_counts,
)

NEAREST_TO_ONE = 2.0**-24
"""Scores of exactly 0 or 1 count as this far inside: 1 - 2⁻²⁴ is the float32 below 1."""

ECE_BINS = 15
ECE_SAMPLES_PER_BIN = 10
ECE_MIN_SAMPLES = 2 * ECE_SAMPLES_PER_BIN
"""Below two bins ECE would only compare the mean probability with the prevalence."""

_MAX_STEPS = 100


@dataclass(frozen=True)
class Platt:
    """P(class 1) = sigmoid(slope · logit(score) + intercept).

    Attributes:
        slope: What the scores lack in scale; for CLIP scores the part of the logit scale.
        intercept: The shift.
        reason: Why there is no fit, and then slope and intercept are NaN; "" if there is one.
    """

    slope: float
    intercept: float
    reason: str = ""

    def probability(self, score: ArrayLike) -> FloatArray:
        """Return calibrated probabilities (N,) of scores (N,) in [0, 1]; NaN without a fit."""
        if self.reason:
            return np.full(np.shape(score), np.nan)
        z = self.slope * _logit(score) + self.intercept
        return np.exp(-np.logaddexp(0.0, -z))


def fit_platt(label: ArrayLike, score: ArrayLike) -> Platt:
    """Fit Platt scaling by maximum likelihood.

    A logistic regression on the logit of the score, so that calibrated scores stay as they
    are. Targets are Platt's (n1 + 1)/(n1 + 2) and 1/(n0 + 2) instead of 1 and 0: the fit is
    finite even when a threshold separates the classes. Equal scores give slope 0, scores
    that rank the classes the wrong way a negative one.

    Args:
        label: (N,), 0 or 1, of the validation samples.
        score: (N,), in [0, 1].

    Returns:
        The fit; with a reason and NaN if only one class is present.

    Raises:
        ValueError: lengths differ, labels other than 0 and 1, or scores outside [0, 1].

    Source: Platt, "Probabilistic outputs for support vector machines", 1999; Newton's
    method with step halving as in Lin, Lin & Weng, Machine Learning 68, 2007.
    """
    positive = as_labels(label)
    logit = _logit(as_scores(score, len(positive)))
    n1 = int(np.count_nonzero(positive))
    n0 = len(positive) - n1
    if n1 == 0 or n0 == 0:
        return Platt(np.nan, np.nan, f"no Platt scaling: validation has {class_counts(positive)}")
    target = np.where(positive, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    if np.ptp(logit) == 0:
        return Platt(0.0, float(np.log(target.mean() / (1 - target.mean()))))
    # CLIP's logits differ by hundredths: without standardising the Hessian is near singular.
    mean, sd = float(logit.mean()), float(logit.std())
    slope, intercept = _logistic_fit((logit - mean) / sd, target)
    return Platt(slope / sd, intercept - slope * mean / sd)


def brier(label: BoolArray, probability: FloatArray) -> float:
    """Return the mean squared difference of probability and label, both (N,); NaN if N = 0.

    Source: Brier, Monthly Weather Review 78(1), 1950.
    """
    return float(np.mean((probability - label) ** 2)) if len(label) else float("nan")


def ece(label: BoolArray, probability: FloatArray) -> float:
    """Return the expected calibration error over bins of equal mass.

    15 bins, fewer where a bin would hold under 10 samples; NaN below 20 samples. Equal
    probabilities share the bin of their mean rank, so the order of the samples never matters.
    ECE is biased upwards, the more the smaller the group: do not compare groups of unequal
    size by it.

    Args:
        label: (N,).
        probability: (N,), calibrated.

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015; equal mass as in Nixon et al.,
    "Measuring calibration in deep learning", CVPR workshops 2019.
    """
    n = len(label)
    if n < ECE_MIN_SAMPLES:
        return float("nan")
    bins = min(ECE_BINS, n // ECE_SAMPLES_PER_BIN)
    _, value_of, equal = np.unique(probability, return_inverse=True, return_counts=True)
    twice_mean_rank = 2 * equal.cumsum() - equal
    bin_of = (twice_mean_rank * bins // (2 * n))[value_of]
    excess = np.bincount(bin_of, weights=probability - label, minlength=bins)
    return float(np.abs(excess).sum() / n)


def _logit(score: ArrayLike) -> FloatArray:
    values = np.asarray(score, dtype=np.float64)
    outside = int(np.count_nonzero((values < 0) | (values > 1)))
    if outside:
        raise ValueError(f"score holds {outside} of {values.size} values outside [0, 1]")
    inside = np.clip(values, NEAREST_TO_ONE, 1 - NEAREST_TO_ONE)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def _logistic_fit(x: FloatArray, target: FloatArray) -> tuple[float, float]:
    """Return slope and intercept that minimise the cross-entropy, by Newton's method."""
    design = np.stack([x, np.ones_like(x)], axis=1)

    def loss(theta: FloatArray) -> float:
        z = design @ theta
        return float(np.sum(np.logaddexp(0.0, z) - target * z))

    theta = np.array([0.0, np.log(target.mean() / (1 - target.mean()))])
    for _ in range(_MAX_STEPS):
        p = np.exp(-np.logaddexp(0.0, -(design @ theta)))
        gradient = design.T @ (p - target)
        step = np.linalg.solve((design.T * (p * (1 - p))) @ design, gradient)
        if gradient @ step <= 1e-20 * len(x):
            return float(theta[0]), float(theta[1])
        now, size = loss(theta), 1.0
        while loss(theta - size * step) > now + 1e-12 * now:
            size /= 2
        theta = theta - size * step
    raise RuntimeError(f"Platt scaling did not converge in {_MAX_STEPS} Newton steps")
