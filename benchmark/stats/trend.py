"""Trend of a metric over doses, with seeds as the unit.

The runs of one seed at neighbouring doses share data order and initial weights, so their values
are no independent draws: where the dose is too small to matter they are almost one run, and where
training departs from it they depart together. Page's test takes the doses of a seed as
exchangeable when the dose does nothing. They are not: on simulated doses without effect whose
values wander with the dose it rejects in 19% at three seeds and five doses, in 24% at ten seeds
and seven doses, at a level of 5%. So each seed gives one number, its slope, and the test is over
those: 5% in both (`docs/studies.md`). Page's L is kept as a description.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.stats.differences import decimals_kept
from benchmark.stats.paired import one_sample_t
from benchmark.stats.result import TestResult

FloatArray = NDArray[np.float64]

MIN_DOSES = 3
"""Two doses are a difference, not a trend."""


@dataclass(frozen=True)
class DoseTrend:
    """How a metric moves with the dose.

    Attributes:
        slopes: (n_seeds,), the least-squares slope of each seed, in units of the metric for each
            unit of the dose's scale.
        slope: Their mean, tested against 0 by Student's t over seeds.
        page: Page's L brought to [−1, 1]: the mean over seeds of the rank correlation of dose
            and value, 1 if every seed's values rise with every dose. Tied doses of a seed have
            midranks, so a seed whose values are all equal counts as 0.
    """

    slopes: FloatArray
    slope: TestResult
    page: float


def dose_trend(dose: ArrayLike, values: ArrayLike, confidence: float = 0.95) -> DoseTrend:
    """Return the trend over doses, each seed measured at every dose.

    The slope of a straight line is tested whatever the shape of the response: without an effect
    of the dose every seed's slope is as likely up as down, so the test needs no line, only
    independent and roughly normal slopes. A response that rises and falls again can have none.

    Args:
        dose: (k,), different, on the scale on which the line is drawn, such as log₁₀ λ.
        values: (n_seeds, k), one metric.
        confidence: Of the slope's interval.

    Returns:
        With one seed, or slopes that are all equal, p is NaN with a reason.

    Raises:
        ValueError: fewer than three doses, doses that are not different, shapes that do not fit,
            or a value that is not finite.

    Source: Matthews, Altman, Campbell & Royston, "Analysis of serial measurements in medical
    research", BMJ 300, 1990 (one summary a subject); Page, "Ordered hypotheses for multiple
    treatments", JASA 58, 1963.
    """
    x, v = np.asarray(dose, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) < MIN_DOSES or len(np.unique(x)) < len(x):
        raise ValueError(f"doses are {x.tolist()}; expected {MIN_DOSES} or more, all different")
    if v.ndim != 2 or v.shape[1] != len(x) or not len(v):
        raise ValueError(f"values have shape {v.shape}; expected (n_seeds, {len(x)})")
    if not (np.isfinite(x).all() and np.isfinite(v).all()):
        raise ValueError("a dose or a value is not finite; leave that dose out for all seeds")
    centred = x - x.mean()
    slopes: FloatArray = v @ centred / (centred @ centred)
    ranks = stats.rankdata(v.round(decimals_kept(v)), axis=1)
    order = stats.rankdata(x) - (len(x) + 1) / 2
    page = float((ranks @ order).mean() / (order @ order))
    return DoseTrend(slopes, one_sample_t(slopes, 0.0, confidence), page)
