"""ROC and calibration of each group of one set of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.calibration import ECE_MIN_SAMPLES, ECE_SAMPLES_PER_BIN, fit_platt
from benchmark.metrics.inputs import BoolArray, FloatArray
from benchmark.metrics.intersections import group_codes
from benchmark.predictions import SplitPredictions

GRID: FloatArray = np.linspace(0.0, 1.0, 101)
"""False positive rates at which a ROC curve is known."""

MOST_BINS = 10


@dataclass(frozen=True)
class Shape:
    """One group's predictions.

    Attributes:
        tpr: (101,) at the false positive rates of `GRID`; None where the group has one class.
        predicted, observed: (B,), mean probability after Platt scaling and share of positives
            in each bin of equal mass; empty where there are too few samples, or no fit.
    """

    tpr: FloatArray | None
    predicted: FloatArray
    observed: FloatArray


def shapes_of(
    val: SplitPredictions | None,
    test: SplitPredictions,
    selected: Mapping[str, int],
    groups: Mapping[str, Sequence[str]],
) -> dict[tuple[str, str], Shape]:
    """Return (attribute, group) → shape of the test set, for groups with samples.

    Args:
        val: Predictions on which Platt scaling is fitted; without them there is no calibration.
        test: Predictions.
        selected: Attribute, or an intersection → one of the stored epochs.
        groups: Attribute → group names.
    """
    found: dict[tuple[str, str], Shape] = {}
    scaled: dict[int, tuple[FloatArray, FloatArray]] = {}
    positive = test.label == 1
    for attribute, epoch in selected.items():
        if epoch not in scaled:
            k = int(np.flatnonzero(test.epochs == epoch)[0])
            score = test.score[k].astype(np.float64)
            none = np.full(score.shape, np.nan)
            scaled[epoch] = (
                score,
                none if val is None else fit_platt(val.label, val.score[k]).probability(score),
            )
        score, probability = scaled[epoch]
        codes, names = group_codes(attribute, test.codes, groups)
        for code in np.unique(codes[codes >= 0]).tolist():
            inside = codes == code
            bins = calibration_bins(positive[inside], probability[inside])
            found[attribute, names[code]] = Shape(roc(positive[inside], score[inside]), *bins)
    return found


def roc(positive: BoolArray, score: ArrayLike) -> FloatArray | None:
    """Return the true positive rate at each false positive rate of `GRID`; None for one class.

    Straight between thresholds, where scores tie; at a false positive rate that several
    thresholds have, the highest true positive rate.
    """
    n1 = int(np.count_nonzero(positive))
    n0 = len(positive) - n1
    if n1 == 0 or n0 == 0:
        return None
    values, where = np.unique(-np.asarray(score, dtype=np.float64), return_inverse=True)
    of_class = [np.bincount(where[mask], minlength=len(values)) for mask in (positive, ~positive)]
    tpr, fpr = (
        np.concatenate([[0], np.cumsum(c)]) / n for c, n in zip(of_class, (n1, n0), strict=True)
    )
    last = np.searchsorted(fpr, GRID, side="right") - 1
    after = np.minimum(last + 1, len(fpr) - 1)
    width = fpr[after] - fpr[last]
    share = np.divide(GRID - fpr[last], width, out=np.zeros_like(GRID), where=width > 0)
    return np.asarray(tpr[last] + share * (tpr[after] - tpr[last]), dtype=np.float64)


def calibration_bins(positive: BoolArray, probability: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean probability and share of positives in bins of equal mass.

    At most ten bins of ten samples or more; none below the samples that ECE needs. Equal
    probabilities share the bin of their mean rank, as in `benchmark.metrics.calibration.ece`.
    """
    n = len(positive)
    if n < ECE_MIN_SAMPLES or not np.isfinite(probability).all():
        return np.empty(0), np.empty(0)
    bins = min(MOST_BINS, n // ECE_SAMPLES_PER_BIN)
    _, where, equal = np.unique(probability, return_inverse=True, return_counts=True)
    twice_mean_rank = 2 * equal.cumsum() - equal
    bin_of = (twice_mean_rank * bins // (2 * n))[where]
    counts = np.bincount(bin_of, minlength=bins)
    held = counts > 0
    sums = (np.bincount(bin_of, weights=w, minlength=bins) for w in (probability, positive))
    predicted, observed = (total[held] / counts[held] for total in sums)
    return predicted, observed
