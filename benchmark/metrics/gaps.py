"""Rows that compare the groups of one attribute, each with the reason if it has no value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.counts import GroupCounts, equity_scaled, smallest, spread
from benchmark.metrics.inputs import FloatArray
from benchmark.metrics.one_vs_rest import OneVsRest
from benchmark.metrics.value import MetricValue, row

NOBODY = "no sample has a known group"

Counts = GroupCounts | OneVsRest
"""Of a label with two classes, or with more."""


def samples_of(name: str, counts: Counts, column: int) -> str:
    """Return "group 'other' has 3 positive and 0 negative samples"; no group if name is ""."""
    who = f"group '{name}' has " if name else ""
    return who + (counts.samples(column) if counts.n[0, column] else "no samples")


def attribute_rows(overall: Counts, observed: Counts, names: Sequence[str]) -> list[MetricValue]:
    """Return ES-AUC, ES-accuracy, worst group AUC, the three gaps and who attains them.

    Args:
        overall: Counts of all samples, (1, 1).
        observed: Counts of the groups present, (1, G).
        names: Names of the groups present.
    """
    without = one_group(names)
    one_class = "; ".join(
        samples_of(name, observed, i)
        for i, name in enumerate(names)
        if np.isnan(observed.auc[0, i])
    )
    no_level = one_class if names else NOBODY
    return [
        row("es_auc", "", equity_scaled(overall.auc, observed.auc)[0], no_level),
        row("es_accuracy", "", equity_scaled(overall.accuracy, observed.accuracy)[0], no_level),
        row("worst_group_auc", "", smallest(observed.auc)[0], no_level),
        row("auc_gap", "", spread(observed.auc)[0], without or one_class),
        *_attained_by("auc_gap", observed.auc, names),
        row("dpd", "", observed.dpd[0], without),
        *_attained_by("dpd", observed.at_dpd.positive_rate, names),
        row("deodds", "", observed.deodds[0], without or undefined_rates(observed, names)),
        *_deodds_attained_by(observed, names),
    ]


def degenerate_anywhere(observed: Counts) -> MetricValue:
    """Return 1 if a group present is degenerate, else 0."""
    groups = observed.degenerate[0]
    return row("degenerate", "", groups.max() if len(groups) else np.nan, NOBODY)


def permuted_rows(permuted: Counts, names: Sequence[str]) -> list[MetricValue]:
    """Return each gap's mean over the permutations in which it can be estimated.

    Args:
        permuted: Counts of the groups present under P permutations, (P, G).
        names: Names of the groups present.
    """
    gaps = {"auc_gap": spread(permuted.auc), "dpd": permuted.dpd, "deodds": permuted.deodds}
    return [
        permuted_row(f"{metric}_permuted", "", values, names, permuted.INCOMPLETE)
        for metric, values in gaps.items()
    ]


def permuted_row(
    metric: str, group: str, values: FloatArray, names: Sequence[str], incomplete: str
) -> MetricValue:
    """Return the mean of a gap (P,) over the permutations in which it can be estimated.

    Args:
        metric: Of the row.
        group: Of the row.
        values: NaN where a permutation has no such gap.
        names: Names of the groups present.
        incomplete: Why a permutation has none.
    """
    estimable = values[~np.isnan(values)]
    left_out = len(values) - len(estimable)
    reason = one_group(names)
    if not reason and left_out:
        reason = f"{left_out} of {len(values)} permutations left out: {incomplete}"
    mean = float(estimable.mean()) if len(estimable) else float("nan")
    return MetricValue(metric, group, mean, reason)


def one_group(names: Sequence[str]) -> str:
    """Return why there is no gap between the groups present; "" where there are two or more."""
    if len(names) > 1:
        return ""
    return f"one group only: '{names[0]}'" if names else NOBODY


def undefined_rates(observed: Counts, names: Sequence[str]) -> str:
    """Return every undefined rate of the groups present, with the group's counts."""
    return "; ".join(
        f"{rate} undefined: {samples_of(name, observed, i)}"
        for i, name in enumerate(names)
        for rate in observed.undefined_rates(i)
    )


def _deodds_attained_by(observed: Counts, names: Sequence[str]) -> list[MetricValue]:
    if np.isnan(observed.deodds[0]):
        return []
    counts = observed.at_deodds
    if spread(counts.tpr)[0] >= spread(counts.fpr)[0]:
        return _attained_by("deodds_tpr", counts.tpr, names)
    return _attained_by("deodds_fpr", counts.fpr, names)


def _attained_by(gap: str, rate: FloatArray, names: Sequence[str]) -> list[MetricValue]:
    """Return who is lowest and who is highest; the first of ties. Nobody without a gap."""
    if np.isnan(spread(rate)[0]):
        return []
    low, high = int(rate[0].argmin()), int(rate[0].argmax())
    return [
        MetricValue(f"{gap}_low", names[low], float(rate[0, low])),
        MetricValue(f"{gap}_high", names[high], float(rate[0, high])),
    ]
