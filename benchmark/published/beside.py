"""Published numbers beside ours: could both come from one distribution?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan

import numpy as np
import pandas as pd

from benchmark.arms import Arm
from benchmark.metrics.catalogue import METRICS
from benchmark.published.cells import Cell
from benchmark.published.matching import about_the_data_of, match, no_match
from benchmark.stats.multiplicity import adjust
from benchmark.stats.selection_effect import best_of_k
from benchmark.stats.summaries import Interval, prediction_interval_for_mean, welch_from_summary

CONFIDENCE = 0.95


@dataclass(frozen=True)
class BesideOurs:
    """Published numbers and ours.

    Attributes:
        table: One row for each published number, arm and selection rule; fractions. `ours`,
            `ours_sd`, `ours_n` over our seeds; `prediction_low`, `prediction_high`: where the
            mean of `published_n` runs like ours would lie, and `within`: whether the published
            one does; `difference` (ours minus published) with its Welch interval and `p`,
            `p_adjusted` (Holm over the table); `reach`: how many of our seeds are at least as
            good as the published mean; `best_of_k`: the expected best of `published_n` of our
            seeds; `reason`: why a number is missing.
        without: Arm → why no published number stands beside it; on datasets with any.
    """

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    without: Mapping[str, str] = field(default_factory=dict)


def beside_ours(
    arms: Iterable[Arm], per_seed: pd.DataFrame, cells: Sequence[Cell], threshold: str
) -> BesideOurs:
    """Return the published numbers that are about these arms, with ours.

    Args:
        arms: Of a comparison.
        per_seed: Its values by seed.
        cells: Published numbers.
        threshold: The comparison's threshold rule.
    """
    rows: list[dict[str, object]] = []
    without: dict[str, str] = {}
    rows_of = per_seed.groupby("arm", sort=False).indices
    for arm in (arm for arm in arms if arm.done):
        here = about_the_data_of(arm, cells)
        if not here:
            continue
        reason = no_match(arm, here)
        if reason:
            trained = f" on {'+'.join(arm.attributes)}" if arm.attributes else ""
            without[f"{arm.label}{trained} ({arm.protocol})"] = reason
            continue
        values = per_seed.iloc[rows_of[arm.runs[0].id]]
        rows += _merged(row for c in match(arm, here, threshold) for row in _rows(c, values))
    table = pd.DataFrame(rows)
    if not table.empty:
        table["p_adjusted"] = adjust(table["p"].to_numpy(dtype=np.float64))
    return BesideOurs(table, without)


def _rows(cell: Cell, values: pd.DataFrame) -> Iterable[dict[str, object]]:
    """Yield one row for each selection rule under which the arm has the metric."""
    at = values[(values["attribute"] == cell.attribute) & (values["metric"] == cell.metric)]
    at = at[(at["group"] == cell.group) & at["value"].notna()]
    for rule, found in at.groupby("selection", sort=False):
        first = found.iloc[0]
        yield {
            "source": cell.source,
            "table": cell.table,
            "published_protocol": cell.protocol,
            **{name: first[name] for name in ("dataset", "model", "arm", "variant")},
            **{name: first[name] for name in ("trained_on", "protocol")},
            "selection": rule,
            "attribute": cell.attribute,
            "metric": cell.metric,
            "group": cell.group,
            "direction": METRICS[cell.metric].direction,
            **_compared(cell, found["value"].to_numpy(dtype=np.float64)),
        }


def _compared(cell: Cell, ours: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, object]:
    n, mean = len(ours), float(ours.mean())
    sd = float(ours.std(ddof=1)) if n > 1 else nan
    up = METRICS[cell.metric].direction == "up"
    reasons = []
    predicted, low, high, p = Interval(nan, nan), nan, nan, nan
    best = nan
    if cell.n is None:
        reasons.append("the number of published runs is not printed")
    else:
        predicted = prediction_interval_for_mean(mean, sd, n, cell.n, CONFIDENCE)
        welch = welch_from_summary(mean, sd, n, cell.mean, cell.sd, cell.n, CONFIDENCE)
        low, high, p = welch.low, welch.high, welch.p
        found = best_of_k(ours, cell.n, higher_is_better=up)
        best = found.expected
        if n < 2:
            reasons.append("one run of ours has no standard deviation")
        else:
            reasons += [predicted.reason, welch.reason, found.reason]
    within = "" if isnan(predicted.low) else _yes(predicted.low <= cell.mean <= predicted.high)
    return {
        "published": cell.mean,
        "published_sd": cell.sd,
        "published_n": nan if cell.n is None else cell.n,
        "ours": mean,
        "ours_sd": sd,
        "ours_n": n,
        "prediction_low": predicted.low,
        "prediction_high": predicted.high,
        "within": within,
        "difference": mean - cell.mean,
        "low": low,
        "high": high,
        "p": p,
        "reach": int((ours >= cell.mean).sum() if up else (ours <= cell.mean).sum()),
        "best_of_k": best,
        "reason": "; ".join(dict.fromkeys(filter(None, reasons))),
    }


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _merged(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows with an AUC over all samples once, where attributes share its numbers."""
    found: dict[tuple[str, ...], dict[str, object]] = {}
    for row in rows:
        apart = {"attribute"} if row["metric"] == "auc" else set()
        key = tuple(str(value) for name, value in row.items() if name not in apart)
        if key in found:
            found[key]["attribute"] = f"{found[key]['attribute']}, {row['attribute']}"
        else:
            found[key] = row
    return list(found.values())
