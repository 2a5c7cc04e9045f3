"""All metrics of one scoring of one split for one attribute, as rows of a tidy table.

For a label with two classes; `benchmark.metrics.multiclass` has the one for more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.assignments import Assignments, observed_and_permuted
from benchmark.metrics.calibration import ECE_MIN_SAMPLES, Platt, brier, ece
from benchmark.metrics.counts import GroupCounts, count
from benchmark.metrics.gaps import attribute_rows, degenerate_anywhere, permuted_rows, samples_of
from benchmark.metrics.inputs import (
    BoolArray,
    FloatArray,
    as_codes,
    as_labels,
    as_scores,
)
from benchmark.metrics.value import MetricValue, row

__all__ = ["MetricValue", "evaluate"]


def evaluate(
    label: ArrayLike,
    score: ArrayLike,
    codes: ArrayLike,
    groups: Sequence[str],
    *,
    threshold: float = 0.5,
    platt: Platt | None = None,
    permutations: int = 200,
    seed: int = 0,
) -> list[MetricValue]:
    """Return the value of every metric of a binary label, for the attribute and for each group.

    Samples of unknown group (code -1) count in the overall metrics (`auc`, `accuracy`, the X
    of ES-X, rows of group "") and belong to no group; the public code makes them one more
    group. A group without samples has counts 0 and NaN elsewhere and takes no part in gaps,
    ES-X and the worst group, which are over the groups present. A present group with one
    class makes `es_auc`, `auc_gap`, `worst_group_auc` and `deodds` NaN; `dpd` and
    `es_accuracy` remain. With one group present no gap is estimable.

    Who attains a gap: `dpd_low`, `dpd_high`, `auc_gap_low` (the worst group) and
    `auc_gap_high` carry the group's name and its rate or AUC; so do `deodds_tpr_low` and
    `deodds_tpr_high`, or `deodds_fpr_low` and `deodds_fpr_high` if the FPRs differ by more.
    Of tied groups the first is named. No such rows where the gap is NaN.

    `*_permuted` is a gap's mean after permuting the codes among samples of known group,
    which keeps group sizes: what the gap would be if groups did not matter. Permutations
    with a one-class group count for DPD only. The permutations depend on codes and seed
    alone, so all runs on one split see the same ones.

    Args:
        label: (N,), 0 or 1.
        score: (N,), finite; in [0, 1] if `platt` is given.
        codes: (N,), indices into `groups`, -1 for unknown.
        groups: Names of the G groups.
        threshold: Predicted positive from this score on; see `threshold_for`.
        platt: Fitted on validation; without it `brier` and `ece` are NaN.
        permutations: At least 1.
        seed: Of the permutations.

    Raises:
        ValueError: lengths differ, a label other than 0 and 1, a code outside -1..G-1,
            scores or a threshold that are not finite, or no permutations.
    """
    positive = as_labels(label)
    scores = as_scores(score, len(positive))
    code = as_codes(codes, len(positive), groups)
    if not np.isfinite(threshold):
        raise ValueError(f"threshold is {threshold}; expected a finite number")
    predicted = scores >= threshold

    known = code >= 0
    known_code = code[known]
    arrays = positive[known], predicted[known], scores[known]
    overall = count(Assignments.everyone(len(code)), positive, predicted, scores)
    assignments = observed_and_permuted(known_code, len(groups), permutations, seed)
    by_group = count(assignments, *arrays)
    observed, permuted = by_group.under(slice(1)), by_group.under(slice(1, None))

    present = np.unique(known_code)
    names = [groups[i] for i in present]
    platt = platt or Platt(np.nan, np.nan, "no Platt scaling was given")
    calibrated = platt.probability(scores)
    rows = [
        row("auc", "", overall.auc[0, 0], samples_of("", overall, 0)),
        row("accuracy", "", overall.accuracy[0, 0], samples_of("", overall, 0)),
        *attribute_rows(overall, observed.only(present), names),
        *permuted_rows(permuted.only(present), names),
        degenerate_anywhere(observed.only(present)),
        *_rates("", overall, 0),
        *_calibration("", positive, calibrated, platt),
    ]
    for i, name in enumerate(groups):
        reason = samples_of(name, observed, i)
        inside = code == i
        rows += [
            row("group_auc", name, observed.auc[0, i], reason),
            row("group_accuracy", name, observed.accuracy[0, i], reason),
            row("degenerate", name, observed.degenerate[0, i], reason),
            *_rates(name, observed, i),
            *_calibration(name, positive[inside], calibrated[inside], platt),
        ]
    return rows


def _rates(name: str, counts: GroupCounts, column: int) -> list[MetricValue]:
    reason = samples_of(name, counts, column)
    return [
        row(metric, name, getattr(counts, metric)[0, column], reason)
        for metric in ("n", "n_positive", "n_negative", "positive_rate", "tpr", "fpr")
    ]


def _calibration(
    name: str, label: BoolArray, calibrated: FloatArray, platt: Platt
) -> list[MetricValue]:
    who = f"group '{name}' has " if name else ""
    few = f"{who}{len(label)} samples; ECE needs {ECE_MIN_SAMPLES}"
    return [
        row("brier", name, brier(label, calibrated), platt.reason or f"{who}no samples"),
        row("ece", name, ece(label, calibrated), platt.reason or few),
    ]
