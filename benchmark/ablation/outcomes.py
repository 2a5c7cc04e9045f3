"""Metrics of stored runs, cell by cell: the level of the variant, and its gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan

import pandas as pd

from benchmark.ablation.cells import PlannedCell, PlannedRun
from benchmark.ablation.design import Cell
from benchmark.ablation.keys import AblationKey
from benchmark.errors import FairbenchError
from benchmark.kept_values import kept_values
from benchmark.results import RunStore, StoredRun
from benchmark.values import RunValues

METRICS = (
    "auc",
    "es_auc",
    "worst_group_auc",
    "auc_gap",
    "accuracy",
    "es_accuracy",
    "dpd",
    "deodds",
)
"""The metrics that have one value for an attribute."""

QUESTIONS: Mapping[str, str] = {
    "level": "What does a key do to the metric of the variant itself?",
    "gain": "What does a key do to the metric of the variant minus that of {baseline}, trained "
    "under the same protocol keys and selected by the same rule?",
}
"""Question → its words."""


def cell_values(
    cells: Mapping[Cell, PlannedCell],
    keys: Sequence[AblationKey],
    store: RunStore,
    *,
    attribute: str,
    metrics: Sequence[str],
    threshold: str,
) -> pd.DataFrame:
    """Return one row for each possible cell, seed and metric.

    Columns: `cell` (`from`, `to` or a mark for each key, see `cell_name`), `rule`, `seed`,
    `metric`, `level` and `baseline` (fractions), `gain` = level − baseline, `variant_run`,
    `baseline_run`, their selected epochs, and `reason` where a value is NaN.

    Raises:
        FairbenchError: a run that is not there, or predictions that cannot be read.
    """
    stored = {run.id: run for run in store.read()}
    rules = sorted({planned.rule for planned in cells.values() if not planned.impossible})
    read: dict[str, Mapping[str, RunValues | str]] = {}

    def values_of(run: PlannedRun, rule: str) -> RunValues | str:
        if run.id not in read:  # cells share runs
            read[run.id] = _values_of(stored, run, attribute, rules, threshold)
        return read[run.id][rule]

    rows = []
    for cell, planned in cells.items():
        for seed, run in planned.variant.items():
            base = planned.baseline[seed]
            ours, theirs = values_of(run, planned.rule), values_of(base, planned.rule)
            for metric in metrics:
                level, why = _value(ours, metric)
                reference, why_not = _value(theirs, metric)
                reasons = [f"variant: {why}"] if why else []
                reasons += [f"baseline: {why_not}"] if why_not else []
                rows.append(
                    {
                        "cell": cell_name(cell, keys),
                        "rule": planned.rule,
                        "seed": seed,
                        "metric": metric,
                        "level": level,
                        "baseline": reference,
                        "gain": level - reference,
                        "variant_run": run.id,
                        "variant_epoch": _epoch(ours),
                        "baseline_run": base.id,
                        "baseline_epoch": _epoch(theirs),
                        "reason": "; ".join(reasons),
                    }
                )
    return pd.DataFrame(rows).astype({"variant_epoch": "Int64", "baseline_epoch": "Int64"})


def cell_name(cell: Cell, keys: Sequence[AblationKey]) -> str:
    """Return `from`, or the names of the keys that are changed."""
    changed = [key.name for key, is_to in zip(keys, cell, strict=True) if is_to]
    return ", ".join(changed) if changed else "from"


def _values_of(
    stored: Mapping[str, StoredRun],
    run: PlannedRun,
    attribute: str,
    rules: Sequence[str],
    threshold: str,
) -> Mapping[str, RunValues | str]:
    """Return rule → the values of a run, or why it has none."""
    if run.id not in stored:
        raise FairbenchError(f"run {run.id} ({run.config.label}) is not there; run it first")
    found = stored[run.id]
    if found.state != "done":
        return dict.fromkeys(rules, f"{found.state}: {found.status.get('message', '')}")
    return {
        values.rule: values
        if values.selected.epoch is not None
        else f"no epoch selected: {values.selected.reason}"
        for values in kept_values(found, [attribute], rules, threshold)
    }


def _value(values: RunValues | str, metric: str) -> tuple[float, str]:
    """Return the value of a metric, NaN with a reason."""
    if isinstance(values, str):
        return nan, values
    (found,) = (m for m in values.metrics if m.metric == metric and not m.group)
    return found.value, (found.reason or "no value") if isnan(found.value) else ""


def _epoch(values: RunValues | str) -> int | None:
    return None if isinstance(values, str) else values.selected.epoch
