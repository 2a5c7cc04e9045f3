"""What the groups of a claim allow: how fine a gap can be, and whether decisions say anything."""

from __future__ import annotations

from math import nan

from benchmark.values import RunValues
from benchmark.verdicts.claims import AT_THRESHOLD, OVERALL, Claim, value_of

BY_CLASS = frozenset({"deodds", "auc", "es_auc", "worst_group_auc", "auc_gap", "tpr", "fpr"})
"""Metrics in which a sample counts within its class; in the others within its group."""


def smallest_group(claim: Claim) -> float:
    """Return the samples of the smallest group present; of the whole test set for AUC and such.

    NaN where no run has a result.
    """
    point = _any_run(claim)
    return nan if point is None else min(_sizes(point, claim.metric, ("n",)), default=nan)


def resolution(claim: Claim) -> float:
    """Return how much one patient of the smallest group moves the metric: 1 / n.

    n is the group's size where the metric is of positive rates or accuracies, and the smaller
    of its two classes where it is of TPR, FPR or AUC. A margin below it cannot be resolved.
    NaN where no run has a result, or the label has more than two classes.
    """
    point = _any_run(claim)
    counted = ("n_positive", "n_negative") if claim.metric in BY_CLASS else ("n",)
    sizes = [] if point is None else _sizes(point, claim.metric, counted)
    return 1 / min(sizes) if sizes else nan


def degenerate_runs(claim: Claim) -> str:
    """Return whose decisions are degenerate in how many runs; "" if nobody's, or none matter."""
    if claim.metric not in AT_THRESHOLD:
        return ""
    found = []
    sides = [(claim.arm, claim.ours)]
    sides += [] if claim.baseline is None else [(claim.baseline, claim.theirs)]
    for values, points in sides:
        flagged = sum(value_of(point, "degenerate")[0] > 0 for point in points.values())
        if flagged:
            found.append(f"{values.arm.label} {flagged} of {len(points)}")
    return ", ".join(found)


def _any_run(claim: Claim) -> RunValues | None:
    """Return a run with metrics: all share the test set, so its counts are those of all."""
    points = (*claim.ours.values(), *claim.theirs.values())
    return next((point for point in points if point.metrics), None)


def _sizes(point: RunValues, metric: str, counted: tuple[str, ...]) -> list[float]:
    """Return the sizes above zero of the groups, or of all samples if the metric is of all."""
    return [
        found.value
        for found in point.metrics
        if found.metric in counted and (found.group == "") == (metric in OVERALL) and found.value
    ]
