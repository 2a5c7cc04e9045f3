"""Effects in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmark.ablation.design import TOTAL
from benchmark.metrics.catalogue import METRICS
from benchmark.report.cells import NOT_ESTIMABLE
from benchmark.report.model import Cell

HEADINGS = {"auc": "AUC", "es_auc": "ES-AUC", "dpd": "DPD", "deodds": "DEOdds"}
ARROWS = {"up": " ↑", "down": " ↓", "": ""}
VERBS = {
    "alone": "alone makes",
    "last": "as the last key makes",
    "step": "explains",
    "main": "makes, averaged over the other keys,",
    "shapley": "explains",
}
"""Term → the verb of its sentence; interactions are in the table alone."""


def metric_heading(metric: str) -> str:
    """Return the metric's name with the direction that is better."""
    return HEADINGS.get(metric, metric) + ARROWS[METRICS[metric].direction]


def effect_cell(row: Mapping[str, Any]) -> Cell:
    """Return `effect [low, high], p`, in percentage points."""
    text = _points(row)
    if math.isnan(row["effect"]):
        return Cell(text, hint=str(row["reason"]))
    if not math.isnan(row["se_orders"]):
        text += f" ± {100 * row['se_orders']:.2f}"
    p = row["p"] if row["term"] == TOTAL else row["p_adjusted"]
    return Cell(text if math.isnan(p) else f"{text}, p {_p(p)}", float(row["effect"]))


def statements(rows: pd.DataFrame) -> Iterator[str]:
    """Yield one line for each metric: the total, what is shown, and what is not.

    Args:
        rows: Of `Ablation.effects`, of one design and question.
    """
    for metric, part in rows.groupby("metric", sort=False):
        (total,) = records(part[part["term"] == TOTAL])
        of_keys = records(part[part["term"].isin([*VERBS]) & part["effect"].notna()])
        heading = metric_heading(str(metric))
        yield "; ".join([f"{heading}: {_total(total)}", *(_sentence(row) for row in of_keys)])


def records(rows: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return the rows, each as column → value."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _total(row: Mapping[str, Any]) -> str:
    if math.isnan(row["effect"]):
        return "the total difference is not estimable"
    text = f"in total {_points(row)}"
    if math.isnan(row["low"]) or row["sd"] == 0:
        return f"{text} points ({row['reason']})"
    noise = f"noise over {row['n_seeds']} seeds: SD {100 * row['sd']:.2f}"
    half = 100 * (row["high"] - row["low"]) / 2
    return f"{text} points ({noise}, so within ±{half:.2f} it is not told from 0)"


def _sentence(row: Mapping[str, Any]) -> str:
    who = f"{row['key']} {VERBS[row['term']]} {_points(row)}"
    if math.isnan(row["p_adjusted"]):
        why = "the same with every seed" if row["effect"] == 0 else row["reason"]
        return f"{who} ({why})"
    shown = row["p_adjusted"] <= 1 - row["confidence"]
    return f"{who} ({'shown' if shown else 'not told from noise'})"


def _points(row: Mapping[str, Any]) -> str:
    if math.isnan(row["effect"]):
        return NOT_ESTIMABLE
    text = f"{100 * row['effect']:+z.2f}"
    if not math.isnan(row["low"]):
        text += f" [{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"
    return text


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
