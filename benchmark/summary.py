"""Levels of one arm over its seeds, and its paired differences to the baseline arm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isnan, nan
from typing import Any

import pandas as pd

from benchmark.arms import Arm
from benchmark.metrics.catalogue import METRICS
from benchmark.metrics.value import MetricValue
from benchmark.stats.paired import t_intervals
from benchmark.tidy import TidyBlocks
from benchmark.values import RunValues

NO_SEED = -1
"""Stands for the seed of an arm that has none; such an arm has one run."""

_Cell = tuple[str, str, str, str]  # attribute, rule, metric, group
_BySeed = dict[int, tuple[float, str]]  # seed → value, reason if NaN

_NAMES = ["arm", "dataset", "test_set", "weights", "model", "protocol", "variant", "trained_on"]
_PER_SEED = [
    *_NAMES,
    *["attribute", "seed", "selection", "epoch", "threshold", "distinct_scores", "run"],
    *["metric", "group", "value", "reason"],
]
_SUMMARY = [
    *_NAMES,
    *["attribute", "selection", "main_rule", "own_rule", "metric", "group", "direction", "unit"],
    *["n_seeds", "mean", "sd", "reason", "baseline", "is_baseline", "trains", "n_runs", "n_lost"],
    *["difference", "low", "high", "difference_sd", "n_pairs", "pairing", "confounded"],
]


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

    def blocks(self) -> Iterator[tuple[dict[str, Any], Sequence[MetricValue]]]:
        """Yield what the rows of a run, attribute and rule share, and a value for each row.

        A run that diverged or failed is one row, with its message as the reason.
        """
        for run in self.arm.runs:
            if run.state == "done":
                continue
            reason = f"{run.state}: {run.status.get('message', '')}"
            for attribute in self.arm.evaluated:
                for rule in sorted({self.main_rule, self.own_rule}):
                    shared = _shared(attribute, run.config["seed"], rule, run.id)
                    yield shared, (MetricValue("auc", "", nan, reason),)
        for found in self.values:
            seed, epoch = found.run.config["seed"], found.selected.epoch
            shared = _shared(found.attribute, seed, found.rule, found.run.id)
            shared |= {
                "epoch": epoch,
                "threshold": found.threshold,
                "distinct_scores": found.distinct_scores,
            }
            rows = found.metrics
            if epoch is None:
                reason = f"no epoch selected: {found.selected.reason}"
                rows = (*rows, MetricValue("auc", "", nan, reason))
            yield shared, rows

    @cached_property
    def cells(self) -> dict[_Cell, _BySeed]:
        """Return (attribute, rule, metric, group) → seed → (value, reason if NaN)."""
        cells: dict[_Cell, _BySeed] = {}
        for shared, rows in self.blocks():
            attribute, rule = shared["attribute"], shared["selection"]
            seed = NO_SEED if shared["seed"] is None else shared["seed"]
            for m in rows:
                if not m.metric.endswith(("_low", "_high")):  # which group it is varies by seed
                    by_seed = cells.setdefault((attribute, rule, m.metric, m.group), {})
                    by_seed[seed] = m.value, m.reason
        return cells


def _shared(attribute: str, seed: int | None, rule: str, run: str) -> dict[str, Any]:
    """Return what the rows of a run without a result share."""
    return {
        "attribute": attribute,
        "seed": seed,
        "selection": rule,
        "epoch": None,
        "threshold": nan,
        "distinct_scores": nan,
        "run": run,
    }


def per_seed_table(arms: Iterable[ArmValues]) -> pd.DataFrame:
    """Return tidy rows: one an arm, attribute, rule, seed, metric and group."""
    found = TidyBlocks(_PER_SEED, integers=("seed", "epoch"))
    for values in arms:
        names = names_of(values.arm)
        for shared, rows in values.blocks():
            found.add(
                {**names, **shared},
                {
                    "metric": [m.metric for m in rows],
                    "group": [m.group for m in rows],
                    "value": [m.value for m in rows],
                    "reason": [m.reason for m in rows],
                },
            )
    return found.table()


def summary_table(
    compared: Iterable[tuple[ArmValues, Mapping[str, tuple[ArmValues | None, Sequence[str]]]]],
) -> pd.DataFrame:
    """Return one row for each arm, attribute, rule, metric and group.

    The difference is arm minus baseline under the same rule, seed by seed; where one of the
    two has no seed, its one value is compared with every seed of the other.

    Args:
        compared: Each arm with: attribute → the arm to compare with, None where there is none,
            and the names of the conditions on which the two differ.
    """
    found = TidyBlocks(_SUMMARY)
    for values, baselines in compared:
        arm = values.arm
        of_arm = {
            **names_of(arm),
            "trains": arm.trains,
            "n_runs": len(arm.done),
            "n_lost": len(arm.runs) - len(arm.done),
        }
        rows = list(_rows(values, baselines))
        own = (name for name in _SUMMARY if name not in of_arm)
        found.add(of_arm, {name: [row[name] for row in rows] for name in own})
    return found.table()


def _rows(
    values: ArmValues, baselines: Mapping[str, tuple[ArmValues | None, Sequence[str]]]
) -> Iterator[dict[str, Any]]:
    """Yield what is not the same in all rows of an arm."""
    arm = values.arm
    of_attribute, base_cells = {}, {}
    for attribute, (baseline, confounded) in baselines.items():
        itself = baseline is not None and baseline.arm is arm
        base_cells[attribute] = {} if baseline is None or itself else baseline.cells
        of_attribute[attribute] = {
            "baseline": "" if baseline is None else baseline.arm.label,
            "is_baseline": itself,
            "confounded": ", ".join(confounded),
        }
    levels = t_intervals(
        [[v for v, _ in by_seed.values() if isfinite(v)] for by_seed in values.cells.values()]
    )
    pairings, differences = [], []
    for key, by_seed in values.cells.items():
        pairing, pairs = _paired(by_seed, base_cells[key[0]].get(key, {}))
        pairings.append(pairing)
        differences.append([a - b for a, b in pairs if isfinite(a) and isfinite(b)])
    table = zip(values.cells.items(), levels, pairings, t_intervals(differences), strict=True)
    for ((attribute, rule, metric, group), by_seed), level, pairing, difference in table:
        yield {
            "attribute": attribute,
            "selection": rule,
            "main_rule": rule == values.main_rule,
            "own_rule": rule == values.own_rule,
            "metric": metric,
            "group": group,
            "direction": METRICS[metric].direction,
            "unit": METRICS[metric].unit,
            "n_seeds": level.n,
            "mean": level.mean,
            "sd": level.sd,
            "reason": "; ".join(sorted({why for value, why in by_seed.values() if isnan(value)})),
            **of_attribute[attribute],
            "difference": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "difference_sd": difference.sd,
            "n_pairs": difference.n,
            "pairing": pairing,
        }


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


def _paired(ours: _BySeed, theirs: _BySeed) -> tuple[str, list[tuple[float, float]]]:
    """Return how two sides meet ("" if one is empty), and the pairs of their values."""
    if not theirs:
        return "", []
    if NO_SEED in ours and NO_SEED in theirs:
        return "single values", [(ours[NO_SEED][0], theirs[NO_SEED][0])]
    if NO_SEED in ours:
        pairing = "one value against each baseline seed"
        return pairing, [(ours[NO_SEED][0], value) for value, _ in theirs.values()]
    if NO_SEED in theirs:
        pairing = "each seed against one baseline value"
        return pairing, [(value, theirs[NO_SEED][0]) for value, _ in ours.values()]
    shared = sorted(ours.keys() & theirs.keys())
    return "by seed", [(ours[seed][0], theirs[seed][0]) for seed in shared]
