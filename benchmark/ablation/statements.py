"""Effects in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
        of_keys = effects_of_keys(part)
        heading = metric_heading(str(metric))
        yield "; ".join([f"{heading}: {_total(total)}", *(_sentence(row) for row in of_keys)])


def effects_of_keys(rows: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return the rows of single keys that could be estimated."""
    return records(rows[rows["term"].isin([*VERBS]) & rows["effect"].notna()])


def in_short(total: Mapping[str, Any], of_keys: Sequence[Mapping[str, Any]]) -> str:
    """Return the total difference, and the keys whose effect is shown.

    Args:
        total: The row of the total, of one design, question and metric.
        of_keys: The rows of single keys beside it.
    """
    if math.isnan(total["effect"]):
        return "the total difference is not estimable"
    p = "" if math.isnan(total["p"]) else f", p {_p(total['p'])}, not corrected over metrics"
    shown = [
        f"{row['key']} {VERBS[row['term']]} {_points(row)}" for row in of_keys if _is_shown(row)
    ]
    keys = f"shown of single keys: {', '.join(shown)}" if shown else "of no key is an effect shown"
    return f"{_points(total)} points in total{p}; {keys}"


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
    return f"{who} ({'shown' if _is_shown(row) else 'not told from noise'})"


def _is_shown(row: Mapping[str, Any]) -> bool:
    return bool(row["p_adjusted"] <= 1 - row["confidence"])


def _points(row: Mapping[str, Any]) -> str:
    if math.isnan(row["effect"]):
        return NOT_ESTIMABLE
    text = f"{100 * row['effect']:+z.2f}"
    if not math.isnan(row["low"]):
        text += f" [{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"
    return text


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
