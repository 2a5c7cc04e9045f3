"""All metrics of one scoring of one split for one attribute, for a label with several classes.

Each class is taken against all others. The label's AUC is the unweighted mean of the classes'
AUCs, its DPD and DEOdds the largest of a class: a method that treats one class unequally is not
excused by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.assignments import Assignments, observed_and_permuted
from benchmark.metrics.gaps import (
    attribute_rows,
    degenerate_anywhere,
    one_group,
    permuted_row,
    permuted_rows,
    samples_of,
    undefined_rates,
)
from benchmark.metrics.inputs import (
    FloatArray,
    IntArray,
    as_class_scores,
    as_classes,
    as_codes,
)
from benchmark.metrics.one_vs_rest import OneVsRest, count_classes
from benchmark.metrics.value import MetricValue, row


def evaluate_classes(
    label: ArrayLike,
    score: ArrayLike,
    codes: ArrayLike,
    groups: Sequence[str],
    classes: Sequence[str],
    *,
    permutations: int = 200,
    seed: int = 0,
) -> list[MetricValue]:
    """Return the metrics of a label with several classes, as `evaluate` does of a binary one.

    What differs from `benchmark.metrics.evaluate.evaluate`:

    - A sample is predicted as the class with the highest score; of tied classes the last, as
      `score >= 0.5` says of two. There is no threshold.
    - `auc`, `group_auc` and what follows from them (`es_auc`, `worst_group_auc`, `auc_gap`) are
      the unweighted mean over classes of the one-vs-rest AUC. A class without samples, overall or
      in a group, leaves them without a value.
    - `dpd` and `deodds` are the largest over classes of the metric of "predicted as this class"
      against "is this class"; who attains them is said of the class with the largest.
    - Rows `class_n`, `class_auc`, `class_positive_rate`, `class_tpr`, `class_fpr` (over all
      samples), `class_dpd`, `class_deodds` and their permuted means carry the class's name as
      group. `n_positive`, `n_negative`, `positive_rate`, `tpr` and `fpr` have no rows.
    - `degenerate`: over 95% are predicted as one class.
    - `brier` and `ece` are not estimable: Platt scaling is of two classes.

    Args:
        label: (N,), indices into `classes`.
        score: (N, C), finite, comparable across classes.
        codes: (N,), indices into `groups`, -1 for unknown.
        groups: Names of the G groups.
        classes: Names of the C >= 2 classes.
        permutations: At least 1.
        seed: Of the permutations; the same as for a binary label.

    Raises:
        ValueError: lengths differ, a label outside 0..C-1, a code outside -1..G-1, scores that
            are not finite, fewer than two classes, or no permutations.
    """
    if len(classes) < 2:
        raise ValueError(f"classes is {list(classes)}; expected two or more")
    target = as_classes(label, len(classes))
    scores = as_class_scores(score, len(target), len(classes))
    code = as_codes(codes, len(target), groups)
    predicted = highest_class(scores)

    known = code >= 0
    arrays = target[known], predicted[known], scores[known]
    overall = count_classes(Assignments.everyone(len(code)), target, predicted, scores, classes)
    assignments = observed_and_permuted(code[known], len(groups), permutations, seed)
    by_group = count_classes(assignments, *arrays, classes)
    observed, permuted = by_group.under(slice(1)), by_group.under(slice(1, None))

    present = np.unique(code[known])
    names = [groups[i] for i in present]
    everyone = samples_of("", overall, 0)
    rows = [
        row("auc", "", overall.auc[0, 0], everyone),
        row("accuracy", "", overall.accuracy[0, 0], everyone),
        *attribute_rows(overall, observed.only(present), names),
        *permuted_rows(permuted.only(present), names),
        degenerate_anywhere(observed.only(present)),
        row("n", "", overall.n[0, 0], ""),
        *_uncalibrated("", len(classes)),
        *_class_rows(overall, observed.only(present), permuted.only(present), names),
    ]
    for i, name in enumerate(groups):
        reason = samples_of(name, observed, i)
        rows += [
            row("group_auc", name, observed.auc[0, i], reason),
            row("group_accuracy", name, observed.accuracy[0, i], reason),
            row("degenerate", name, observed.degenerate[0, i], reason),
            row("n", name, observed.n[0, i], ""),
            *_uncalibrated(name, len(classes)),
        ]
    return rows


def highest_class(score: FloatArray) -> IntArray:
    """Return the class with the highest score, (..., C) → (...,); of tied ones the last."""
    last: IntArray = score.shape[-1] - 1 - np.argmax(score[..., ::-1], axis=-1)
    return last


def _class_rows(
    overall: OneVsRest, observed: OneVsRest, permuted: OneVsRest, names: Sequence[str]
) -> list[MetricValue]:
    """Return the rows of each class, with its name as group.

    Args:
        overall: Counts of all samples, (1, 1).
        observed: Of the groups present, (1, G).
        permuted: Of the groups present, (P, G).
        names: Names of the groups present.
    """
    one = one_group(names)
    rows = []
    for c, name in enumerate(overall.classes):
        of_all, of_groups = overall.of_class[c], observed.of_class[c]
        samples = samples_of("", of_all, 0)
        unequal = one or undefined_rates(of_groups, names)
        rows += [
            row("class_n", name, of_all.n_positive[0, 0], ""),
            row("class_auc", name, of_all.auc[0, 0], samples),
            row("class_positive_rate", name, of_all.positive_rate[0, 0], samples),
            row("class_tpr", name, of_all.tpr[0, 0], samples),
            row("class_fpr", name, of_all.fpr[0, 0], samples),
            row("class_dpd", name, of_groups.dpd[0], one),
            row("class_deodds", name, of_groups.deodds[0], unequal),
        ]
        shuffled = permuted.of_class[c]
        for metric, values in (("class_dpd", shuffled.dpd), ("class_deodds", shuffled.deodds)):
            rows.append(
                permuted_row(f"{metric}_permuted", name, values, names, permuted.INCOMPLETE)
            )
    return rows


def _uncalibrated(name: str, n_classes: int) -> list[MetricValue]:
    reason = f"Platt scaling is of two classes, the label has {n_classes}"
    return [MetricValue(metric, name, nan, reason) for metric in ("brier", "ece")]
