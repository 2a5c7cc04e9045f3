"""Claims: what a family tests. One arm against its baseline, one metric, one set of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.catalogue import METRICS
from benchmark.summary import NO_SEED, ArmValues
from benchmark.values import RunValues

OVERALL = frozenset({"auc", "accuracy", "tpr", "fpr", "brier", "ece"})
"""Metrics over all samples: equal in every attribute, so several attributes are one claim."""

AT_THRESHOLD = frozenset({"accuracy", "es_accuracy", "dpd", "deodds", "tpr", "fpr"})
"""Metrics of decisions, which a degenerate predictor makes meaningless."""


@dataclass(frozen=True)
class Claim:
    """One arm against its baseline on one metric.

    Attributes:
        arm, baseline: The two sides; no baseline where the block has none.
        confounded: Conditions on which the two differ; a claim with any gets no verdict.
        attributes: Whose groups it is about: one, or all for which the metric is the same.
        metric: A key of `METRICS`.
        rule: The selection rule of both sides.
        ours, theirs: Seed (`NO_SEED` without one) → what the run gave under that rule.
        primary: False for a claim that is only tested because another needs its result.
    """

    arm: ArmValues
    baseline: ArmValues | None
    confounded: tuple[str, ...]
    attributes: tuple[str, ...]
    metric: str
    rule: str
    ours: Mapping[int, RunValues]
    theirs: Mapping[int, RunValues]
    primary: bool = True

    @property
    def attribute(self) -> str:
        """The attribute, or `all` where the metric is the same for all that were looked at."""
        several = len(self.attributes) > 1 and set(self.attributes) == set(self.arm.arm.evaluated)
        return "all" if several else "+".join(self.attributes)

    @property
    def sign(self) -> int:
        """1 if more of the metric is better, -1 if less is."""
        return 1 if METRICS[self.metric].direction == "up" else -1

    def values(self) -> tuple[dict[int, float], dict[int, float]]:
        """Return seed → value of both sides, without those that have none."""
        return self._finite(self.ours), self._finite(self.theirs)

    def missing(self) -> str:
        """Return why runs have no value, with the counts; "" if all have one."""
        reasons = {
            reason
            for points in (self.ours, self.theirs)
            for point in points.values()
            for value, reason in [value_of(point, self.metric)]
            if np.isnan(value)
        }
        return "; ".join(sorted(reasons))

    def _finite(self, points: Mapping[int, RunValues]) -> dict[int, float]:
        values = {seed: value_of(point, self.metric)[0] for seed, point in points.items()}
        return {seed: value for seed, value in sorted(values.items()) if np.isfinite(value)}


def claims_of(
    values: ArmValues,
    baselines: Mapping[str, tuple[ArmValues | None, Sequence[str]]],
    metrics: Sequence[str],
    primary: Sequence[str],
) -> list[Claim]:
    """Return the claims about one arm, under the main selection rule.

    A metric over all samples is the same number in every attribute unless the rule selects
    other epochs for it: such attributes are one claim, so that a family is not inflated by
    counting one hypothesis several times.

    Args:
        values: The arm; a baseline itself has no claims.
        baselines: Attribute → the arm to compare with and the conditions that differ.
        metrics: Keys of `METRICS`, each of one value an attribute.
        primary: Those of them that belong to the family.
    """
    found: dict[tuple[object, ...], Claim] = {}
    for metric in metrics:
        for attribute in values.arm.evaluated:
            baseline, confounded = baselines[attribute]
            if baseline is not None and baseline.arm is values.arm:
                continue
            ours = _points(values, attribute, values.main_rule)
            theirs = {} if baseline is None else _points(baseline, attribute, values.main_rule)
            one: tuple[object, ...] = (metric, attribute)
            if metric in OVERALL:
                one = (metric, tuple(confounded), *_identity(ours), None, *_identity(theirs))
            before = found.get(one)
            found[one] = Claim(
                arm=values,
                baseline=baseline,
                confounded=tuple(confounded),
                attributes=(*(before.attributes if before else ()), attribute),
                metric=metric,
                rule=values.main_rule,
                ours=ours,
                theirs=theirs,
                primary=metric in primary,
            )
    return list(found.values())


def value_of(point: RunValues, metric: str, group: str = "") -> tuple[float, str]:
    """Return a run's value of a metric, and why it is NaN."""
    for found in point.metrics:
        if found.metric == metric and found.group == group:
            return found.value, found.reason
    why = point.selected.reason if point.selected.epoch is None else f"no value of {metric}"
    return float("nan"), why


def _points(values: ArmValues, attribute: str, rule: str) -> dict[int, RunValues]:
    return {
        NO_SEED if point.run.config["seed"] is None else int(point.run.config["seed"]): point
        for point in values.values
        if point.attribute == attribute and point.rule == rule
    }


def _identity(points: Mapping[int, RunValues]) -> Iterator[object]:
    """Yield what makes two sets of runs the same evidence: the runs and their epochs."""
    for seed, point in sorted(points.items()):
        yield seed, point.run.id, point.selected.epoch, point.threshold
