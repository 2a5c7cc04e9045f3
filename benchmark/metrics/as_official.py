"""The released code's reading of groups and of undefined rates, for comparison with its numbers.

fairbench calls a gap between groups not estimable where a group has one class, or where there is
one group only. The released code (Luo et al., CVPR 2024, `evalute_comprehensive_perf` in
src/modules.py) prints a number there: fairlearn counts an undefined rate as 0, and one group has
no difference to itself. It also takes unknown, code -1, as one more group. Nothing but
`fairbench verify` should use these values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.assignments import Assignments
from benchmark.metrics.counts import count, equity_scaled
from benchmark.metrics.inputs import FloatArray, as_labels, as_scores


@dataclass(frozen=True)
class OfficialMetrics:
    """Fairness of one attribute as the released code prints it.

    Attributes:
        es_auc: NaN if a group has one class.
        es_accuracy: Always a number.
        group_auc: (G,), one for each distinct code, in ascending order; NaN with one class.
        dpd: 0 with one group.
        deodds: An undefined TPR or FPR counts as 0; 0 with one group.
        disparity: Population standard deviation and range of the group AUCs over the AUC.
        disparity_half: The same over |AUC - 0.5|.
    """

    es_auc: float
    es_accuracy: float
    group_auc: FloatArray
    dpd: float
    deodds: float
    disparity: tuple[float, float]
    disparity_half: tuple[float, float]


def as_official(
    label: ArrayLike, score: ArrayLike, codes: ArrayLike, threshold: float = 0.5
) -> OfficialMetrics:
    """Return one attribute's metrics as the released code reads them.

    Args:
        label: (N,), 0 or 1.
        score: (N,), finite.
        codes: (N,) integers; every distinct one is a group.
        threshold: Predicted positive from this score on.

    Raises:
        ValueError: lengths differ, a label other than 0 and 1, or scores that are not finite.
    """
    positive = as_labels(label)
    scores = as_scores(score, len(positive))
    predicted = scores >= threshold
    present, code = np.unique(np.asarray(codes), return_inverse=True)
    overall = count(Assignments.everyone(len(code)), positive, predicted, scores)
    groups = count(Assignments.of(code[None], len(present)), positive, predicted, scores)
    auc, group_auc = overall.auc[0, 0], groups.auc[0]
    rates = (np.nan_to_num(groups.tpr[0]), np.nan_to_num(groups.fpr[0]))
    # NumPy's division: a disparity over an AUC of 0 is NaN or infinite, as it was there.
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.array([np.std(group_auc), np.ptp(group_auc)])
        disparity, disparity_half = spread / auc, spread / np.abs(auc - 0.5)
    return OfficialMetrics(
        es_auc=float(equity_scaled(overall.auc, groups.auc)[0]),
        es_accuracy=float(equity_scaled(overall.accuracy, groups.accuracy)[0]),
        group_auc=group_auc,
        dpd=float(np.ptp(groups.positive_rate[0])),
        deodds=float(max(np.ptp(rate) for rate in rates)),
        disparity=(float(disparity[0]), float(disparity[1])),
        disparity_half=(float(disparity_half[0]), float(disparity_half[1])),
    )
