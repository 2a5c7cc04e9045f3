"""Levels and spread of metrics by the training and test size of groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmark.arms import Arm
from benchmark.stats.multiplicity import adjust
from benchmark.stats.paired import paired_t
from benchmark.stats.spread import Spread, size_slope, spread
from benchmark.summary import names_of

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

METRICS = ("auc", "es_auc", "worst_group_auc", "auc_gap", "dpd", "deodds")
BY_GROUP = "group_auc"

NAMES = ["dataset", "test_set", "weights", "model", "variant", "trained_on"]
SPREAD_COLUMNS = [
    *NAMES,
    *["ladder", "arm", "smaller", "train_share", "attribute", "metric", "group", "n_smaller"],
    *["n_train", "n_test", "n_seeds", "mean", "sd", "sd_low", "sd_high", "is_reference"],
    *["n_pairs", "difference", "low", "high", "p", "p_adjusted", "family", "reason"],
]
SLOPE_COLUMNS = [
    *[*NAMES, "ladder", "attribute", "metric", "group", "against", "sizes", "slope", "se"],
    *["low", "high", "reason"],
]


@dataclass(frozen=True)
class Ladder:
    """Arms that differ in the share of training groups alone.

    Attributes:
        arms: From the largest training size of the groups that vary to the smallest.
        smaller: The groups that vary, `attribute/group`.
    """

    arms: Sequence[Arm]
    smaller: Sequence[str]

    @property
    def attribute(self) -> str:
        """Whose groups vary; one, as `train_share` takes groups of one attribute."""
        return self.smaller[0].partition("/")[0]


def ladders(found: Comparison) -> list[Ladder]:
    """Return the ladders of a comparison; arms whose training groups do not vary are in none."""
    alike: dict[str, list[Arm]] = {}
    for arm in found.arms:
        if arm.trains and arm.done:
            rest = {k: v for k, v in arm.conditions.items() if k != "train_share"}
            objective = arm.runs[0].config["objective"]
            key = [arm.block, arm.label, arm.attributes, rest, objective]
            alike.setdefault(json.dumps(key, sort_keys=True, default=str), []).append(arm)
    made = []
    for arms in alike.values():
        shares = [_shares(arm) for arm in arms]
        names = sorted({group for one in shares for group in one})
        varied = [g for g in names if len({one.get(g, 1.0) for one in shares}) > 1]
        if varied and len({group.partition("/")[0] for group in varied}) == 1:
            sizes = {arm.runs[0].id: _smaller_size(arm, arms, varied) for arm in arms}
            order = sorted(arms, key=lambda arm: -sizes[arm.runs[0].id])
            made.append(Ladder(order, varied))
    return made


def spreads(found: Comparison, steps: Sequence[Ladder]) -> pd.DataFrame:
    """Return one row for each arm of a ladder, metric and group.

    `n_smaller` is the training size of the groups that vary, `n_train` and `n_test` of the row's
    own group. `sd` is over seeds, with its χ² interval; `difference` is to the ladder's largest
    arm, paired by seed, with Student's t; Holm runs over all differences of the table.
    """
    rows = [
        row
        for number, ladder in enumerate(steps)
        for arm in ladder.arms
        for row in _of_arm(found, ladder, arm, number)
    ]
    table = pd.DataFrame(rows, columns=SPREAD_COLUMNS)
    table["p_adjusted"] = adjust(table["p"].to_numpy(float))
    table["family"] = int(table["p"].notna().sum())
    return table


def slopes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the slopes of log SD on log size, one row for each metric and kind of size.

    Against `training size` along a ladder, where arms are trained apart; against `test size`
    over the groups of the largest arm, whose groups share runs and patients: no interval. None
    has a test: it would rest on values being normal, which gaps at a threshold are not.

    Args:
        table: What `spreads` returns.
    """
    rows: list[dict[str, Any]] = []
    metric = ["attribute", "metric", "group"]
    varied = table[table["attribute"] == table["smaller"].str.partition("/")[0]]
    for _, part in varied.groupby(["ladder", *metric], sort=False):
        along = {**_first(part, metric), **_slope(part, "n_smaller")}
        rows.append({**along, "against": "training size"})
    whole = table[table["is_reference"] & (table["metric"] == BY_GROUP)]
    for _, part in whole.groupby(["ladder"], sort=False):
        across = {**_first(part, []), **_slope(part, "n_test"), "against": "test size"}
        across |= {"attribute": "", "metric": BY_GROUP, "group": ""}
        rows.append(across | dict.fromkeys(("se", "low", "high"), nan))
    return pd.DataFrame(rows, columns=SLOPE_COLUMNS)


def _first(part: pd.DataFrame, more: Sequence[str]) -> dict[str, Any]:
    first = part.iloc[0]
    return {name: first[name] for name in (*NAMES, "ladder", *more)}


def _slope(part: pd.DataFrame, size: str) -> dict[str, Any]:
    kept = part[part["sd"].notna() & (part[size] > 0)]
    drawn = [
        Spread(int(n), float(sd), nan, nan)
        for n, sd in zip(kept["n_seeds"], kept["sd"], strict=True)
    ]
    found = size_slope(kept[size].astype(float).tolist(), drawn)
    names = ("sizes", "slope", "se", "low", "high", "reason")
    return {name: getattr(found, name) for name in names}


def _shares(arm: Arm) -> Mapping[str, float]:
    shares: Mapping[str, float] = arm.dataset.get("train_share", {})
    return shares


def _smaller_size(arm: Arm, arms: Sequence[Arm], groups: Sequence[str]) -> int:
    return sum(train_size(arm, arms, *group.split("/", 1)) for group in groups)


def train_size(arm: Arm, arms: Sequence[Arm], attribute: str, group: str) -> int:
    """Return how many training samples a group has in an arm.

    Args:
        arm: One that was trained on the whole data set has no count of its own.
        arms: Others of the same data set, of which one has a smaller training split: what they
            were taken from is the whole.
        attribute: The group's attribute.
        group: The group.
    """
    if "train_groups" in arm.dataset:
        return sum(arm.dataset["train_groups"][attribute][group])
    whole = next(a.dataset["train_groups_whole"] for a in arms if "train_groups" in a.dataset)
    return sum(whole[attribute][group])


def _of_arm(found: Comparison, ladder: Ladder, arm: Arm, number: int) -> Iterator[dict[str, Any]]:
    reference = ladder.arms[0]
    rows = _rows(found, arm)
    ours, theirs = _values(rows), _values(_rows(found, reference))
    common = {
        **{k: v for k, v in names_of(arm).items() if k in (*NAMES, "arm")},
        "ladder": number,
        "smaller": ", ".join(ladder.smaller),
        "train_share": arm.conditions["train_share"],
        "n_smaller": _smaller_size(arm, ladder.arms, ladder.smaller),
        "is_reference": arm is reference,
    }
    # Other attributes' groups show what test size does; smaller training groups are not theirs.
    for attribute in arm.evaluated if arm is reference else (ladder.attribute,):
        wanted = [(BY_GROUP, group) for group in arm.dataset["attributes"][attribute]]
        if attribute == ladder.attribute:
            wanted = [*((metric, "") for metric in METRICS), *wanted]
        for metric, group in wanted:
            key = (attribute, metric, group)
            values = ours.get(key, {})
            known = [v for v in values.values() if np.isfinite(v)]
            scatter = spread(known)
            row = {
                **common,
                "attribute": attribute,
                "metric": metric,
                "group": group,
                "n_train": train_size(arm, ladder.arms, attribute, group) if group else nan,
                "n_test": next(iter(ours.get((attribute, "n", group), {}).values()), nan),
                "n_seeds": scatter.n,
                "mean": float(np.mean(known)) if known else nan,
                "sd": scatter.sd,
                "sd_low": scatter.low,
                "sd_high": scatter.high,
                "reason": "; ".join(filter(None, [scatter.reason, *_reasons(rows, *key)])),
            }
            yield row if arm is reference else {**row, **_difference(values, theirs.get(key, {}))}


def _rows(found: Comparison, arm: Arm) -> pd.DataFrame:
    """Return the arm's rows by its main rule."""
    rule = found.selection if found.selection != "own" else arm.own_selection
    per_seed = found.per_seed
    return per_seed[(per_seed["arm"] == arm.runs[0].id) & (per_seed["selection"] == rule)]


def _values(rows: pd.DataFrame) -> dict[tuple[str, str, str], dict[int, float]]:
    """Return (attribute, metric, group) → seed → value."""
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    columns = (rows[name].tolist() for name in ("attribute", "metric", "group", "seed", "value"))
    for attribute, metric, group, seed, value in zip(*columns, strict=True):
        values.setdefault((attribute, metric, group), {})[seed] = value
    return values


def _reasons(rows: pd.DataFrame, attribute: str, metric: str, group: str) -> list[str]:
    here = (rows["attribute"] == attribute) & (rows["metric"] == metric) & (rows["group"] == group)
    return sorted(set(rows.loc[here & rows["value"].isna(), "reason"]))


def _difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> dict[str, Any]:
    both = sorted(ours.keys() & theirs.keys())
    pairs = [(ours[s], theirs[s]) for s in both if np.isfinite(ours[s] - theirs[s])]
    if not pairs:
        return {"n_pairs": 0}
    a, b = np.array(pairs).T
    test = paired_t(a, b)
    return {
        "n_pairs": len(pairs),
        "difference": test.estimate,
        "low": test.low,
        "high": test.high,
        "p": test.p,
    }
