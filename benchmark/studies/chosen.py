"""The rows of a comparison that its selection rule makes, found by run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from benchmark.arms import Arm
from benchmark.results import StoredRun

if TYPE_CHECKING:
    from benchmark.comparison import Comparison


class ChosenRows:
    """Rows of `Comparison.per_seed` for whole attributes, by run, attribute, rule and metric.

    Args:
        found: The comparison.
        metrics: Which are wanted.
    """

    def __init__(self, found: Comparison, metrics: Collection[str]) -> None:
        main = found.summary.loc[found.summary["main_rule"], ["arm", "attribute", "selection"]]
        self._rules = {(a, b): rule for a, b, rule in main.drop_duplicates().to_numpy().tolist()}
        rows = found.per_seed[found.per_seed["metric"].isin(metrics)]
        rows = rows[rows["group"] == ""]
        keys = ("run", "attribute", "selection", "metric")
        self._rows = {tuple(row[key] for key in keys): row for row in rows.to_dict("records")}

    def rule(self, arm: Arm, attribute: str) -> str:
        """Return the comparison's rule for an arm, its own where the comparison says `own`."""
        return str(self._rules[arm.runs[0].id, attribute])

    def row(self, run: StoredRun, attribute: str, rule: str, metric: str) -> Mapping[Any, Any]:
        """Return a row; an empty one where a run has no result or no epoch."""
        return self._rows.get((run.id, attribute, rule, metric), {})
