"""What the simulated methods truly achieve: with endless seeds, on given patients or on endless.

Neither way uses what `compare` computes with, but for the definitions of gap and ES-AUC.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmark.calibration.simulate import Law, Method, Patients, Trainings, draw_scores
from benchmark.metrics.auc import auc_by_row
from benchmark.metrics.counts import equity_scaled, spread
from benchmark.metrics.inputs import BoolArray, FloatArray

METRICS = ("auc", "es_auc", "dpd", "deodds")

SEEDS = 2_000
"""Of the mean over given patients: its error is a tenth of that of a mean over twenty seeds."""

POPULATION_SEEDS = 20_000

TEST_SETS = 4_000


def on_patients(
    methods: Sequence[Method], patients: Patients, law: Law, rng: np.random.Generator
) -> dict[str, float]:
    """Return metric → the first method's mean minus the second's over `SEEDS` simulated seeds."""
    n_groups = int(patients.code.max()) + 1
    trainings = Trainings.draw(methods, SEEDS, n_groups, law, rng)
    first, second = (
        observed(patients, score) for score in draw_scores(trainings, patients, law, rng)
    )
    return {metric: float((first[metric] - second[metric]).mean()) for metric in METRICS}


def in_population(
    methods: Sequence[Method], sizes: Sequence[int], law: Law, rng: np.random.Generator
) -> dict[str, float]:
    """Return metric → the first method's mean over seeds minus the second's, endless patients.

    Exact given a seed, and the mean of `POPULATION_SEEDS` seeds.
    """
    trainings = Trainings.draw(methods, POPULATION_SEEDS, len(sizes), law, rng)
    value = expected(trainings, sizes, law)
    return {metric: float((value[metric][0] - value[metric][1]).mean()) for metric in METRICS}


def on_test_sets(
    methods: Sequence[Method], sizes: Sequence[int], law: Law, rng: np.random.Generator
) -> dict[str, float]:
    """Return metric → what the first method measures on test sets of these sizes minus the second.

    The mean of `TEST_SETS` sets of new patients. A gap is a maximum over groups, so noise widens
    it, and small gaps most: this is not the difference in the population.
    """
    found: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for _ in range(TEST_SETS):
        patients = Patients.draw(sizes, len(methods), law, rng)
        trainings = Trainings.draw(methods, 1, len(sizes), law, rng)
        values = observed(patients, draw_scores(trainings, patients, law, rng)[:, 0])
        for metric in METRICS:
            found[metric].append(float(values[metric][0] - values[metric][1]))
    return {metric: float(np.nanmean(values)) for metric, values in found.items()}


def observed(patients: Patients, score: NDArray[np.float32]) -> dict[str, FloatArray]:
    """Return metric → (R,) values of scores (R, N) on these patients at threshold ½.

    NaN where a group has one class and the metric needs both.
    """
    label, predicted = patients.label, score >= 0.5
    groups = [patients.code == g for g in np.unique(patients.code)]

    def gap(among: BoolArray) -> FloatArray:
        if not all((group & among).any() for group in groups):
            return np.full(len(score), np.nan)
        rates = [predicted[:, group & among].mean(axis=1) for group in groups]
        return spread(np.stack(rates, axis=1))

    overall = auc_by_row(label, score)
    group_auc = np.stack([auc_by_row(label[g], score[:, g]) for g in groups], axis=1)
    return {
        "auc": overall,
        "es_auc": equity_scaled(overall[:, None], group_auc),
        "dpd": gap(np.ones_like(label)),
        "deodds": np.maximum(gap(label), gap(~label)),
    }


def expected(trainings: Trainings, sizes: Sequence[int], law: Law) -> dict[str, FloatArray]:
    """Return metric → (M, S) values on endless patients in the proportions of `sizes`.

    Given the training, z is normal in each group and class with one standard deviation, so
    rates are Φ(mean / sd) and P(z⁺ > z⁻) is Φ(difference of means / (sd·√2)).

    Source: Bamber, Journal of Mathematical Psychology 12(4), 1975 (binormal AUC).
    """
    share = np.array(sizes) / sum(sizes)
    half = trainings.separation[..., None] / 2
    positive, negative = (
        (trainings.shift + sign * half) / law.within for sign in (1.0, -1.0)
    )  # means over sd, (M, S, G)
    above = special.ndtr((positive[..., :, None] - negative[..., None, :]) / sqrt(2))
    overall = np.einsum("g,h,msgh->ms", share, share, above)
    group_auc = np.einsum("msgg->msg", above)
    tpr, fpr = special.ndtr(positive), special.ndtr(negative)
    flat = equity_scaled(overall.reshape(-1, 1), group_auc.reshape(-1, len(sizes)))
    return {
        "auc": overall,
        "es_auc": flat.reshape(overall.shape),
        "dpd": np.ptp((tpr + fpr) / 2, axis=-1),
        "deodds": np.maximum(np.ptp(tpr, axis=-1), np.ptp(fpr, axis=-1)),
    }
