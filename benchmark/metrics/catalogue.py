"""Every metric: which way is better, its unit, its meaning. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricInfo:
    """How to read and print a metric.

    Attributes:
        direction: "up" if more is better, "down" if less is, "" if it is no merit.
        unit: "fraction" (stored so, printed in percent), "count", or "flag" (1 yes, 0 no).
        description: One line.
    """

    direction: Literal["up", "down", ""]
    unit: Literal["fraction", "count", "flag"]
    description: str


METRICS: dict[str, MetricInfo] = {
    # Performance, over all samples.
    "auc": MetricInfo("up", "fraction", "area under the ROC curve"),
    "accuracy": MetricInfo("up", "fraction", "samples predicted right at the threshold"),
    # Fairness, one value for an attribute.
    "es_auc": MetricInfo("up", "fraction", "AUC / (1 + sum over groups of |AUC - group AUC|)"),
    "es_accuracy": MetricInfo(
        "up", "fraction", "accuracy / (1 + sum over groups of |accuracy - group accuracy|)"
    ),
    "worst_group_auc": MetricInfo("up", "fraction", "smallest group AUC"),
    "auc_gap": MetricInfo("down", "fraction", "largest minus smallest group AUC"),
    "dpd": MetricInfo("down", "fraction", "largest minus smallest positive rate (dem. parity)"),
    "deodds": MetricInfo(
        "down", "fraction", "larger of the TPR and FPR differences over groups (equalised odds)"
    ),
    # What a gap is when groups are drawn at random.
    "auc_gap_permuted": MetricInfo("", "fraction", "mean AUC gap under permuted group labels"),
    "dpd_permuted": MetricInfo("", "fraction", "mean DPD under permuted group labels"),
    "deodds_permuted": MetricInfo("", "fraction", "mean DEOdds under permuted group labels"),
    # Who attains a gap: the row's group, with the value that it attains.
    "auc_gap_low": MetricInfo("", "fraction", "the worst group: lowest AUC"),
    "auc_gap_high": MetricInfo("", "fraction", "the group with the highest AUC"),
    "dpd_low": MetricInfo("", "fraction", "the group with the lowest positive rate"),
    "dpd_high": MetricInfo("", "fraction", "the group with the highest positive rate"),
    "deodds_tpr_low": MetricInfo("", "fraction", "lowest TPR, where the TPRs make DEOdds"),
    "deodds_tpr_high": MetricInfo("", "fraction", "highest TPR, where the TPRs make DEOdds"),
    "deodds_fpr_low": MetricInfo("", "fraction", "lowest FPR, where the FPRs make DEOdds"),
    "deodds_fpr_high": MetricInfo("", "fraction", "highest FPR, where the FPRs make DEOdds"),
    # One value for each group; those below `group_accuracy` over all samples too.
    "group_auc": MetricInfo("up", "fraction", "AUC within the group"),
    "group_accuracy": MetricInfo("up", "fraction", "accuracy within the group"),
    "positive_rate": MetricInfo("", "fraction", "samples predicted positive"),
    "tpr": MetricInfo("up", "fraction", "positives predicted positive"),
    "fpr": MetricInfo("down", "fraction", "negatives predicted positive"),
    "brier": MetricInfo("down", "fraction", "Brier score after Platt scaling on validation"),
    "ece": MetricInfo(
        "down", "fraction", "calibration error after Platt scaling, bins of equal mass"
    ),
    "degenerate": MetricInfo(
        "down",
        "flag",
        "positive rate outside 5-95%, or of many classes one over 95%; for the attribute: in any "
        "group",
    ),
    "n": MetricInfo("", "count", "samples"),
    "n_positive": MetricInfo("", "count", "samples of class 1"),
    "n_negative": MetricInfo("", "count", "samples of class 0"),
    # One value for each class of a label with more than two, against all others.
    "class_auc": MetricInfo("up", "fraction", "one-vs-rest AUC of the class; their mean is `auc`"),
    "class_dpd": MetricInfo(
        "down", "fraction", "DPD of being predicted as the class; the largest is `dpd`"
    ),
    "class_deodds": MetricInfo(
        "down", "fraction", "DEOdds of the class against the rest; the largest is `deodds`"
    ),
    "class_dpd_permuted": MetricInfo(
        "", "fraction", "mean DPD of the class under permuted group labels"
    ),
    "class_deodds_permuted": MetricInfo(
        "", "fraction", "mean DEOdds of the class under permuted group labels"
    ),
    "class_positive_rate": MetricInfo("", "fraction", "samples predicted as the class"),
    "class_tpr": MetricInfo("up", "fraction", "samples of the class predicted as such"),
    "class_fpr": MetricInfo("down", "fraction", "samples of other classes predicted as the class"),
    "class_n": MetricInfo("", "count", "samples of the class"),
}
