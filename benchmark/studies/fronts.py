"""Pareto fronts of AUC against each fairness metric, and how surely an arm is on one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.metrics.catalogue import METRICS
from benchmark.stats.paired import t_intervals
from benchmark.stats.pareto import draw_seeds, front_shares, resampled_means
from benchmark.studies.contests import Contest, contests
from benchmark.summary import names_of

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

FloatArray = NDArray[np.float64]

PERFORMANCE = "auc"
FAIRNESS = ("dpd", "deodds", "auc_gap", "worst_group_auc")
"""Each against AUC. ES metrics are not among them: they have the performance within them."""

RESAMPLES = 2_000
SEEDS, PATIENTS = "seeds", "seeds and patients"
ONE_SEED = "one seed does not say how seeds vary"

COLUMNS = [
    *["arm", "dataset", "test_set", "weights", "model", "protocol", "variant", "trained_on"],
    *[
        "baseline_arm",
        "attribute",
        "selection",
        "fairness",
        "resampled",
        "seeds",
        "auc",
        "value",
        "on_front",
    ],
    *["share", "share_if_equal", "auc_low", "auc_high", "value_low", "value_high", "value_bias"],
    *["n_resamples", "reason"],
]


def fronts(found: Comparison, seed: int = 0) -> pd.DataFrame:
    """Return how surely each arm is on each front: a row for each arm, metric and resampling.

    `resampled` is `seeds`, or `seeds and patients`, for labels of two classes. `auc` and `value`,
    of the fairness metric, are means over the `seeds` that all arms have. `share` is that of the
    resamples with the arm on the front, `share_if_equal` what noise alone would give it. Intervals
    over `seeds` are 95% Student t: percentiles of resamples of three seeds are the lowest and the
    highest, and cover 74%. Those over `seeds and patients` are 95% percentiles. `value_bias` is
    how far resampling moves the mean. An arm that lost a run, or whose metric is not estimable, is
    a row with a reason and no place.

    Args:
        found: The comparison.
        seed: Of the resamples.
    """
    rows = [
        {**_names(contest, k), **row}
        for contest in contests(found, (PERFORMANCE, *FAIRNESS))
        for k, row in _rows(contest, seed)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"on_front": bool})


def _names(contest: Contest, k: int) -> dict[str, Any]:
    arm = contest.arms[k]
    return {
        **names_of(arm),
        "baseline_arm": contest.baseline.runs[0].id,
        "attribute": contest.attribute,
        "selection": contest.rule(arm),
        "seeds": len(contest.seeds),
    }


def _rows(contest: Contest, seed: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of each arm with each of its rows."""
    for_seeds, for_patients = np.random.default_rng(seed).spawn(2)
    names = (PERFORMANCE, *FAIRNESS)
    observed = {name: contest.values(name) for name in names}
    kinds: dict[str, Mapping[str, FloatArray]] = {SEEDS: observed}
    if contest.binary and contest.placed and contest.seeds and contest.selects:
        kinds[PATIENTS] = contest.resampled(names, RESAMPLES, for_patients)
    draws = draw_seeds(max(1, len(contest.seeds)), RESAMPLES, for_seeds)
    for metric in FAIRNESS:
        for kind, values in kinds.items():
            alone = kind == SEEDS and len(contest.seeds) < 2
            places = _places(metric, observed, values, draws[:0] if alone else draws, kind)
            for k, arm in enumerate(contest.arms):
                row = {"fairness": metric, "resampled": kind, "on_front": False}
                lost = len(arm.runs) - len(arm.done)
                if lost:
                    reason = f"{lost} of {len(arm.runs)} runs diverged or failed"
                    yield k, {**row, "reason": reason}
                elif not contest.seeds:
                    yield k, {**row, "reason": "no seed that all arms have"}
                elif (place := contest.placed.index(arm)) in places:
                    yield k, {**row, **places[place]}
                else:
                    yield k, {**row, "reason": "not estimable in every run"}


def _places(
    metric: str,
    observed: Mapping[str, FloatArray],
    values: Mapping[str, FloatArray],
    draws: NDArray[np.int64],
    kind: str,
) -> dict[int, dict[str, Any]]:
    """Return the columns of each arm that has a place, by its number.

    Args:
        metric: Of fairness.
        observed: Metric → (A, S).
        values: Metric → (A, S), or (A, S, B) over resampled patients.
        draws: (B, n), of seeds.
        kind: What is resampled.
    """
    names = (PERFORMANCE, metric)
    sign = np.array([1.0 if METRICS[name].direction == "up" else -1.0 for name in names])
    if not observed[metric].size:
        return {}
    means = np.stack([observed[name].mean(axis=1) for name in names], axis=1) * sign  # (A, 2)
    estimable = np.flatnonzero(np.isfinite(means).all(axis=1))
    drawn = np.stack([resampled_means(values[name][estimable], draws) for name in names], axis=1)
    kept = means[estimable]
    centre = kept if kind == SEEDS else None
    found = front_shares(kept, drawn * sign[:, None], centre=centre)
    why = "no resample in which every arm has the metric" if len(draws) else ONE_SEED
    if kind == SEEDS:
        ends = np.stack([_over_seeds(observed[name][estimable]) for name in names], axis=2)
    else:
        # Turning a metric's direction back turns its interval around.
        ends = np.sort(np.stack([found.low * sign, found.high * sign]), axis=0)
    return {
        int(arm): {
            "auc": means[arm, 0],
            "value": means[arm, 1] * sign[1],
            "on_front": bool(found.on_front[i]),
            "share": found.share[i],
            "share_if_equal": found.share_if_equal[i],
            "auc_low": ends[0, i, 0],
            "auc_high": ends[1, i, 0],
            "value_low": ends[0, i, 1],
            "value_high": ends[1, i, 1],
            "value_bias": found.bias[i, 1] * sign[1],
            "n_resamples": found.n_resamples,
            "reason": "" if found.n_resamples else why,
        }
        for i, arm in enumerate(estimable)
    }


def _over_seeds(values: FloatArray) -> FloatArray:
    """Return (2, A), the ends of the Student t intervals of (A, S)."""
    found = t_intervals(values.tolist())
    return np.array([[one.low for one in found], [one.high for one in found]]).reshape(2, -1)
