"""From stored predictions to metric values: one run, one attribute, one selection rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmark.data.dataset import SPLITS
from benchmark.errors import FairbenchError
from benchmark.metrics.calibration import fit_platt
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.threshold import threshold_for
from benchmark.metrics.value import MetricValue
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.results import StoredRun
from benchmark.selection import Selected, SplitScores, select_epoch


@dataclass(frozen=True)
class RunValues:
    """The test metrics of one run at the epoch that a rule selects.

    Attributes:
        run: The run.
        attribute: Whose groups are compared.
        rule: The selection rule.
        selected: Its epoch, or the reason why there is none.
        threshold: The decision threshold that was used; NaN without an epoch.
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
        attributes: Attributes of its dataset.
        rules: Keys of `benchmark.selection.SELECTIONS`.
        threshold_rule: A key of `benchmark.metrics.threshold.THRESHOLDS`, applied to the
            validation scores of the selected epoch.

    Raises:
        FairbenchError: predictions that cannot be read or are not what a run writes.
    """
    path, again = run.path / "predictions.parquet", f"delete {run.path} and run again"
    attributes = tuple(attributes)
    splits = read_predictions(run.path)
    for name in SPLITS[1:]:
        if name not in splits or not splits[name].codes.keys() >= set(attributes):
            raise FairbenchError(
                f"{path}: no {name} predictions with {', '.join(attributes)}; {again}"
            )
    try:
        return _values(run, splits["val"], splits["test"], attributes, rules, threshold_rule)
    except ValueError as error:  # a score that is not finite, a label or code out of range
        raise FairbenchError(f"{path}: {error}; {again}") from error


def _values(
    run: StoredRun,
    val: SplitPredictions,
    test: SplitPredictions,
    attributes: Iterable[str],
    rules: Iterable[str],
    threshold_rule: str,
) -> list[RunValues]:
    rules = tuple(rules)

    @cache  # two rules often select one epoch
    def at_epoch(attribute: str, epoch: int) -> tuple[float, int, tuple[MetricValue, ...]]:
        val_score, test_score = _at(val, epoch), _at(test, epoch)
        threshold = threshold_for(threshold_rule, val.label, val_score)
        rows = evaluate(
            test.label,
            test_score,
            test.codes[attribute],
            run.config["dataset"]["attributes"][attribute],
            threshold=threshold,
            platt=fit_platt(val.label, val_score),
        )
        return threshold, len(np.unique(test_score)), tuple(rows)

    found = []
    for attribute in attributes:
        for rule in rules:
            selected = _select(run, rule, val, test, attribute)
            if selected.epoch is None:
                found.append(RunValues(run, attribute, rule, selected))
            else:
                values = at_epoch(attribute, selected.epoch)
                found.append(RunValues(run, attribute, rule, selected, *values))
    return found


def _select(
    run: StoredRun, rule: str, val: SplitPredictions, test: SplitPredictions, attribute: str
) -> Selected:
    return select_epoch(
        rule,
        val.epochs.tolist(),
        val=SplitScores(val.score, val.label, val.codes[attribute]),
        test=SplitScores(test.score, test.label, test.codes[attribute]),
        groups=run.config["dataset"]["attributes"][attribute],
    )


def _at(split: SplitPredictions, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    row: np.ndarray[tuple[int], np.dtype[np.float32]]
    row = split.score[int(np.flatnonzero(split.epochs == epoch)[0])]
    return row
