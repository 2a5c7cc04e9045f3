"""Levels of one arm over its seeds, and its paired differences to the baseline arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmark.arms import Arm
from benchmark.metrics.catalogue import METRICS
from benchmark.results import StoredRun
from benchmark.stats.paired import t_interval
from benchmark.values import RunValues

NO_SEED = -1
"""Stands for the seed of an arm that has none; such an arm has one run."""

_Cell = tuple[str, str, str, str]  # attribute, rule, metric, group


@dataclass(frozen=True)
class ArmValues:
    """The values of an arm's runs.

    Attributes:
        arm: The arm.
        main_rule: The rule of the main tables for this arm.
        own_rule: The rule of the variant's source.
        values: One entry for each finished run, attribute and rule.
    """

    arm: Arm
    main_rule: str
    own_rule: str
    values: Sequence[RunValues]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield tidy rows: one a seed, attribute, rule, metric and group.

        A run that diverged or failed is a row too, with its message as the reason.
        """
        for run in self.arm.runs:
            if run.state != "done":
                yield from self._lost(run)
        for found in self.values:
            common = {
                **names_of(self.arm),
                "attribute": found.attribute,
                "seed": found.run.config["seed"],
                "selection": found.rule,
                "epoch": found.selected.epoch,
                "threshold": found.threshold,
                "distinct_scores": found.distinct_scores,
                "run": found.run.id,
            }
            for m in found.metrics:
                yield {
                    **common,
                    "metric": m.metric,
                    "group": m.group,
                    "value": m.value,
                    "reason": m.reason,
                }
            if found.selected.epoch is None:
                reason = f"no epoch selected: {found.selected.reason}"
                yield {**common, "metric": "auc", "group": "", "value": np.nan, "reason": reason}

    def _lost(self, run: StoredRun) -> Iterator[dict[str, Any]]:
        """Yield a row for each attribute and rule of a run without a result."""
        for attribute in self.arm.evaluated:
            for rule in sorted({self.main_rule, self.own_rule}):
                yield {
                    **names_of(self.arm),
                    "attribute": attribute,
                    "seed": run.config["seed"],
                    "selection": rule,
                    "epoch": None,
                    "run": run.id,
                    "metric": "auc",
                    "group": "",
                    "value": np.nan,
                    "reason": f"{run.state}: {run.status.get('message', '')}",
                }

    @cached_property
    def cells(self) -> dict[_Cell, dict[int, tuple[float, str]]]:
        """Return (attribute, rule, metric, group) → seed → (value, reason if NaN)."""
        cells: dict[_Cell, dict[int, tuple[float, str]]] = {}
        for row in self.rows():
            if not row["metric"].endswith(("_low", "_high")):  # which group it is varies by seed
                key = (row["attribute"], row["selection"], row["metric"], row["group"])
                seed = NO_SEED if row["seed"] is None else row["seed"]
                cells.setdefault(key, {})[seed] = (row["value"], row["reason"])
        return cells


def summarise(
    values: ArmValues, baselines: Mapping[str, tuple[ArmValues | None, Sequence[str]]]
) -> list[dict[str, Any]]:
    """Return one row for each attribute, rule, metric and group of an arm.

    The difference is arm minus baseline under the same rule, seed by seed; where one of the
    two has no seed, its one value is compared with every seed of the other.

    Args:
        values: The arm.
        baselines: Attribute → the arm to compare with, None where there is none, and the
            names of the conditions on which the two differ.
    """
    arm = values.arm
    base_cells = {
        attribute: {} if baseline is None or baseline.arm is arm else baseline.cells
        for attribute, (baseline, _) in baselines.items()
    }
    rows = []
    for key, by_seed in values.cells.items():
        attribute, rule, metric, group = key
        baseline, confounded = baselines[attribute]
        numbers = [value for value, _ in by_seed.values() if np.isfinite(value)]
        reasons = sorted({reason for value, reason in by_seed.values() if np.isnan(value)})
        rows.append(
            {
                **names_of(arm),
                "attribute": attribute,
                "selection": rule,
                "main_rule": rule == values.main_rule,
                "own_rule": rule == values.own_rule,
                "metric": metric,
                "group": group,
                "direction": METRICS[metric].direction,
                "unit": METRICS[metric].unit,
                "n_seeds": len(numbers),
                "mean": float(np.mean(numbers)) if numbers else np.nan,
                "sd": float(np.std(numbers, ddof=1)) if len(numbers) > 1 else np.nan,
                "reason": "; ".join(reasons),
                "baseline": "" if baseline is None else baseline.arm.label,
                "is_baseline": baseline is not None and baseline.arm is arm,
                "trains": arm.trains,
                "n_runs": len(arm.done),
                "n_lost": len(arm.runs) - len(arm.done),
                **_difference(by_seed, base_cells[attribute].get(key, {})),
                "confounded": ", ".join(confounded),
            }
        )
    return rows


def names_of(arm: Arm) -> dict[str, Any]:
    """Return the columns that name an arm in every table."""
    return {
        "arm": arm.runs[0].id,
        "dataset": arm.dataset["name"],
        "test_set": arm.block[0][:12],
        "weights": arm.block[1][:12],
        "model": arm.model,
        "protocol": arm.protocol,
        "variant": arm.label,
        "trained_on": "+".join(arm.attributes),
    }


def _difference(
    ours: dict[int, tuple[float, str]], theirs: dict[int, tuple[float, str]]
) -> dict[str, Any]:
    """Return the columns of the paired difference, and how it was paired."""
    if NO_SEED in ours and NO_SEED in theirs:
        pairing, pairs = "single values", [(ours[NO_SEED][0], theirs[NO_SEED][0])]
    elif NO_SEED in ours:
        pairing = "one value against each baseline seed"
        pairs = [(ours[NO_SEED][0], value) for value, _ in theirs.values()]
    elif NO_SEED in theirs:
        pairing = "each seed against one baseline value"
        pairs = [(value, theirs[NO_SEED][0]) for value, _ in ours.values()]
    else:
        pairing = "by seed"
        pairs = [(ours[s][0], theirs[s][0]) for s in sorted(ours.keys() & theirs.keys())]
    found = t_interval([a - b for a, b in pairs if np.isfinite(a) and np.isfinite(b)])
    return {
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "difference_sd": found.sd,
        "n_pairs": found.n,
        "pairing": pairing if theirs else "",
    }
