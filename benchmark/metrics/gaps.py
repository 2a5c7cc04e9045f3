"""Rows that compare the groups of one attribute, each with the reason if it has no value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.counts import GroupCounts, equity_scaled, spread
from benchmark.metrics.inputs import FloatArray
from benchmark.metrics.value import MetricValue, row


def samples_of(name: str, counts: GroupCounts, column: int) -> str:
    """Return "group 'other' has 3 positive and 0 negative samples"; no group if name is ""."""
    who = f"group '{name}' has " if name else ""
    if counts.n[0, column] == 0:
        return f"{who}no samples"
    positive, negative = counts.n_positive[0, column], counts.n_negative[0, column]
    return f"{who}{positive} positive and {negative} negative samples"


def attribute_rows(
    overall: GroupCounts, observed: GroupCounts, names: Sequence[str]
) -> list[MetricValue]:
    """Return ES-AUC, ES-accuracy, worst group AUC, the three gaps and who attains them.

    Args:
        overall: Counts of all samples, (1, 1).
        observed: Counts of the groups present, (1, G).
        names: Names of the groups present.
    """
    if not names:
        without = one_class = "no sample has a known group"
    else:
        without = f"one group only: '{names[0]}'" if len(names) == 1 else ""
        one_class = "; ".join(
            samples_of(name, observed, i)
            for i, name in enumerate(names)
            if np.isnan(observed.auc[0, i])
        )
    return [
        row("es_auc", "", equity_scaled(overall.auc, observed.auc)[0], one_class),
        row("es_accuracy", "", equity_scaled(overall.accuracy, observed.accuracy)[0], one_class),
        row("worst_group_auc", "", observed.worst_group_auc[0], one_class),
        row("auc_gap", "", observed.auc_gap[0], without or one_class),
        *_attained_by("auc_gap", observed.auc, names),
        row("dpd", "", observed.dpd[0], without),
        *_attained_by("dpd", observed.positive_rate, names),
        row("deodds", "", observed.deodds[0], without or _undefined_rates(observed, names)),
        *_deodds_attained_by(observed, names),
    ]


def permuted_rows(permuted: GroupCounts, names: Sequence[str]) -> list[MetricValue]:
    """Return each gap's mean over the permutations in which it can be estimated.

    Args:
        permuted: Counts of the groups present under P permutations, (P, G).
        names: Names of the groups present.
    """
    gaps = {"auc_gap": permuted.auc_gap, "dpd": permuted.dpd, "deodds": permuted.deodds}
    rows = []
    for metric, values in gaps.items():
        estimable = values[~np.isnan(values)]
        left_out = len(values) - len(estimable)
        if len(names) < 2:
            reason = f"one group only: '{names[0]}'" if names else "no sample has a known group"
        elif left_out:
            reason = f"{left_out} of {len(values)} permutations left out: a group had one class"
        else:
            reason = ""
        mean = float(estimable.mean()) if len(estimable) else float("nan")
        rows.append(MetricValue(f"{metric}_permuted", "", mean, reason))
    return rows


def _undefined_rates(observed: GroupCounts, names: Sequence[str]) -> str:
    return "; ".join(
        f"{rate} undefined: {samples_of(name, observed, i)}"
        for i, name in enumerate(names)
        for rate, value in (("TPR", observed.tpr), ("FPR", observed.fpr))
        if np.isnan(value[0, i])
    )


def _deodds_attained_by(observed: GroupCounts, names: Sequence[str]) -> list[MetricValue]:
    if np.isnan(observed.deodds[0]):
        return []
    if spread(observed.tpr)[0] >= spread(observed.fpr)[0]:
        return _attained_by("deodds_tpr", observed.tpr, names)
    return _attained_by("deodds_fpr", observed.fpr, names)


def _attained_by(gap: str, rate: FloatArray, names: Sequence[str]) -> list[MetricValue]:
    """Return who is lowest and who is highest; the first of ties. Nobody without a gap."""
    if np.isnan(spread(rate)[0]):
        return []
    low, high = int(rate[0].argmin()), int(rate[0].argmax())
    return [
        MetricValue(f"{gap}_low", names[low], float(rate[0, low])),
        MetricValue(f"{gap}_high", names[high], float(rate[0, high])),
    ]
