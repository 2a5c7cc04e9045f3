"""From stored predictions to metric values: one run, one attribute, one selection rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import SPLITS
from benchmark.errors import FairbenchError
from benchmark.metrics.calibration import Platt, fit_platt
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.inputs import IntArray
from benchmark.metrics.intersections import group_codes, members
from benchmark.metrics.multiclass import evaluate_classes
from benchmark.metrics.threshold import threshold_for
from benchmark.metrics.value import MetricValue
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.results import StoredRun
from benchmark.selection import SELECTIONS, Selected, SplitScores, select_epoch


@dataclass(frozen=True)
class RunValues:
    """The test metrics of one run at the epoch that a rule selects.

    Attributes:
        run: The run.
        attribute: Whose groups are compared.
        rule: The selection rule.
        selected: Its epoch, or the reason why there is none.
        threshold: The decision threshold that was used; NaN without an epoch, and for a label
            with more than two classes, which has none.
        distinct_scores: Distinct test scores at that epoch; few of them mean ties.
        metrics: On the test set; empty without an epoch.
    """

    run: StoredRun
    attribute: str
    rule: str
    selected: Selected
    threshold: float = np.nan
    distinct_scores: int = 0
    metrics: tuple[MetricValue, ...] = ()


def run_values(
    run: StoredRun, attributes: Iterable[str], rules: Iterable[str], threshold_rule: str
) -> list[RunValues]:
    """Return the values of a run for every attribute and rule.

    Args:
        run: A run that is done.
        attributes: Attributes of its dataset, or intersections of them such as `race×gender`.
        rules: Keys of `benchmark.selection.SELECTIONS`.
        threshold_rule: A key of `benchmark.metrics.threshold.THRESHOLDS`, applied to the
            validation scores of the selected epoch. `0.5`, the published one, stands for the
            class with the highest score where there are more than two.

    Raises:
        FairbenchError: predictions that cannot be read or are not what a run writes, or another
            threshold rule for a label with more than two classes.
    """
    path, again = run.path / "predictions.parquet", f"delete {run.path} and run again"
    splits = read_predictions(run.path)
    groups = run.config["dataset"]["attributes"]
    wanted = {attribute: members(attribute, groups) for attribute in attributes}
    stored = [name for names in wanted.values() for name in names]
    for name in SPLITS[1:]:
        if name == "val" and name not in splits and "imported" in run.config["identity"]:
            continue
        if name not in splits or not splits[name].codes.keys() >= set(stored):
            raise FairbenchError(f"{path}: no {name} predictions with {', '.join(stored)}; {again}")
    if (classes := several_classes(run)) and threshold_rule != "0.5":
        raise FairbenchError(
            f"{run.path}: threshold rule '{threshold_rule}' is for two classes and the label has "
            f"{len(classes)}; use '0.5', with which the highest score decides"
        )
    if "val" not in splits and threshold_rule != "0.5":
        raise FairbenchError(
            f"{run.path}: threshold rule '{threshold_rule}' is chosen on validation, and no "
            "validation scores were imported; use '0.5'"
        )
    try:
        return _values(run, splits.get("val"), splits["test"], wanted, rules, threshold_rule)
    except ValueError as error:  # a score that is not finite, a label or code out of range
        raise FairbenchError(f"{path}: {error}; {again}") from error


def _values(
    run: StoredRun,
    val: SplitPredictions | None,
    test: SplitPredictions,
    attributes: Iterable[str],
    rules: Iterable[str],
    threshold_rule: str,
) -> list[RunValues]:
    rules = tuple(rules)
    classes = several_classes(run)

    @cache
    def groups_of(attribute: str) -> tuple[tuple[IntArray, tuple[str, ...]], IntArray | None]:
        groups = run.config["dataset"]["attributes"]
        of_val = None if val is None else group_codes(attribute, val.codes, groups)[0]
        return group_codes(attribute, test.codes, groups), of_val

    @cache
    def select(rule: str, attribute: str | None) -> Selected:
        (of_test, groups), of_val = groups_of(attribute) if attribute else ((None, ()), None)
        return select_epoch(
            rule,
            test.epochs.tolist(),
            val=None if val is None else SplitScores(val.score, val.label, of_val, classes),
            test=SplitScores(test.score, test.label, of_test, classes),
            groups=groups,
        )

    @cache  # one for all attributes
    def decision(epoch: int) -> tuple[float, Platt | None]:
        if classes:
            return np.nan, None
        if val is None:
            return 0.5, None
        score = _at(val, epoch)
        return threshold_for(threshold_rule, val.label, score), fit_platt(val.label, score)

    @cache  # two rules often select one epoch
    def at_epoch(attribute: str, epoch: int) -> tuple[float, int, tuple[MetricValue, ...]]:
        score = _at(test, epoch)
        threshold, platt = decision(epoch)
        codes, groups = groups_of(attribute)[0]
        if classes:
            rows = evaluate_classes(test.label, score, codes, groups, classes)
        else:
            rows = evaluate(test.label, score, codes, groups, threshold=threshold, platt=platt)
        return threshold, len(np.unique(score, axis=0 if classes else None)), tuple(rows)

    found = []
    for attribute in attributes:
        for rule in rules:
            by_groups = rule not in SELECTIONS or SELECTIONS[rule].needs_attribute
            selected = select(rule, attribute if by_groups else None)
            if selected.epoch is None:
                found.append(RunValues(run, attribute, rule, selected))
            else:
                values = at_epoch(attribute, selected.epoch)
                found.append(RunValues(run, attribute, rule, selected, *values))
    return found


def several_classes(run: StoredRun) -> tuple[str, ...]:
    """Return the class names of a label with more than two; empty for a binary label."""
    classes: Sequence[str] = run.config["dataset"]["classes"]
    return tuple(classes) if len(classes) > 2 else ()


def _at(split: SplitPredictions, epoch: int) -> NDArray[np.float32]:
    """Return the scores after an epoch, (N,) or (N, C)."""
    row: NDArray[np.float32] = split.score[int(np.flatnonzero(split.epochs == epoch)[0])]
    return row
