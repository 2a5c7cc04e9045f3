"""The values of a dose series: one for each run and metric, the baseline among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.arms import Arm, closest_baseline
from benchmark.results import StoredRun
from benchmark.studies.chosen import ChosenRows
from benchmark.studies.doses import DoseSeries
from benchmark.summary import names_of

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

METRICS = ("distance", "auc", "dpd", "deodds")
"""`distance` is Σ over groups of ½·W₂² between the group's test scores s·⟨I, T⟩ and everyone's;
in squared units of the score. The others are fractions."""

NAMES = ["dataset", "test_set", "weights", "model", "protocol", "trained_on"]
SERIES = [*NAMES, "series", "key", "dose_name", "attribute"]
"""Columns that tell series apart."""

VALUE_COLUMNS = [
    *[*SERIES, "dose", "arm", "run", "seed", "state", "selection", "epoch", "metric", "value"],
    "reason",
]


def response_values(found: Comparison, series: Sequence[DoseSeries]) -> pd.DataFrame:
    """Return one row for each series, attribute, dose, run and metric.

    The baseline of a series is among its rows, with a missing dose. A run without result is a
    row for every metric, with its state and the reason.

    Args:
        found: The comparison, whose rule selects the epochs.
        series: Of its arms.
    """
    stored = _Stored(found)
    rows = [
        {**series_names(one, attribute), "dose": dose, **row}
        for one in series
        for attribute in one.first.evaluated
        for dose, arm in with_baseline(found, one, attribute)
        for row in stored.rows(arm, attribute, stored.chosen.rule(one.first, attribute))
    ]
    table = pd.DataFrame(rows, columns=VALUE_COLUMNS)
    return table.astype({"seed": "Int64", "epoch": "Int64", "dose": float, "value": float})


def series_names(series: DoseSeries, attribute: str) -> dict[str, Any]:
    """Return the columns that tell a series apart."""
    names = names_of(series.first)
    return {
        **{name: names[name] for name in NAMES},
        "series": series.name,
        "key": series.key,
        "dose_name": series.dose_name,
        "attribute": attribute,
    }


def baseline_of(
    found: Comparison, series: DoseSeries, attribute: str
) -> tuple[Arm | None, Sequence[str]]:
    """Return the closest baseline of a series, and the conditions on which it differs."""
    baselines = [arm for arm in found.arms if arm.label == found.baseline and arm.done]
    return closest_baseline(series.first, attribute, baselines)


def with_baseline(
    found: Comparison, series: DoseSeries, attribute: str
) -> Iterator[tuple[float, Arm]]:
    """Yield the baseline with a missing dose, unless it is in the series, then doses and arms."""
    base, _ = baseline_of(found, series, attribute)
    if base is not None and all(base is not arm for arm in series.arms.values()):
        yield nan, base
    yield from series.arms.items()


class _Stored:
    """Rows of runs, with the distances that they recorded."""

    def __init__(self, found: Comparison) -> None:
        self.chosen = ChosenRows(found, METRICS)
        self._distances: dict[str, Mapping[tuple[int, str], float]] = {}

    def rows(self, arm: Arm, attribute: str, rule: str) -> Iterator[dict[str, Any]]:
        """Yield a row for each run and metric."""
        for run in arm.runs:
            auc = self.chosen.row(run, attribute, rule, "auc")  # a run without result has this one
            shared = {
                "arm": arm.runs[0].id,
                "run": run.id,
                "seed": run.config["seed"],
                "state": run.state,
                "selection": rule,
                "epoch": auc.get("epoch"),
            }
            for metric in METRICS:
                if metric == "distance" and run.state == "done":
                    value, reason = self._distance(run, attribute, auc.get("epoch"))
                else:
                    row = self.chosen.row(run, attribute, rule, metric)
                    value = row.get("value", nan)
                    reason = (row or auc).get("reason", "")
                yield {**shared, "metric": metric, "value": value, "reason": reason}

    def _distance(self, run: StoredRun, attribute: str, epoch: Any) -> tuple[float, str]:
        if epoch is None or pd.isna(epoch):
            return nan, "no epoch selected"
        if run.id not in self._distances:
            table = pd.read_parquet(run.path / "epochs.parquet")
            table = table[table["kind"] == "distance"]
            names = zip(table["epoch"], table["name"], strict=True)
            self._distances[run.id] = dict(zip(names, table["value"], strict=True))
        of_groups = [
            value
            for (at, name), value in self._distances[run.id].items()
            if at == epoch and name.startswith(f"test/{attribute}/")
        ]
        if not of_groups:
            return nan, "no distances were recorded"
        return float(sum(of_groups)), ""
