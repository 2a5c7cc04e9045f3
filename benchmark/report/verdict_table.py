"""The verdict table as rows of text, for Markdown and for the terminal."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import isnan
from typing import Any

import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.report.cells import NOT_ESTIMABLE

Row = Mapping[Hashable, Any]
"""A row of `Comparison.verdicts`."""

NAMES = {"auc": "AUC", "dpd": "DPD", "deodds": "DEOdds", "es_auc": "ES-AUC"}
"""Metrics whose printed name is not their key; tables of the papers print them so."""

ARROWS = {"up": "↑", "down": "↓"}

BLOCK = ["dataset", "model", "test_set", "weights"]
"""Rows that differ in these are never compared and never share a table."""

DEGENERATE = "‡"
CONFOUNDED = "†"


def verdict_columns(verdicts: pd.DataFrame) -> list[str]:
    """Return the headings of the verdict table; what tells no two rows apart has no column."""
    apart = ["dataset", "model"] if len(verdicts[BLOCK].drop_duplicates()) > 1 else []
    row = [*BLOCK, "variant", "attribute", "metric"]
    apart += ["protocol"] if verdicts.duplicated(row).any() else []
    return [
        "variant",
        *apart,
        "attribute",
        "metric",
        "verdict",
        "difference",
        "margin",
        "p differs",
        "p equivalent",
        "effect",
        "n",
        "test",
    ]


def verdict_cells(row: Row, columns: list[str]) -> list[str]:
    """Return one claim as cells: points for differences, adjusted p, effect with interval.

    Args:
        row: Of `Comparison.verdicts`.
        columns: From `verdict_columns`.
    """
    cells = {
        **{name: str(row[name]) for name in ("variant", "dataset", "model", "protocol")},
        "attribute": row["attribute"],
        "metric": metric_name(row["metric"]),
        "margin": f"±{100 * row['margin']:g}",
        "difference": _difference(row),
        "p differs": p_text(row.get("p_adjusted")),
        "p equivalent": p_text(row.get("p_equivalence_adjusted")),
        "effect": _effect(row),
        "n": _text(row.get("n")),
        "test": _text(row.get("test")),
        "verdict": _verdict(row),
    }
    return [cells[name] for name in columns]


def metric_name(metric: str) -> str:
    """Return a metric as it is printed, with the direction that is better."""
    return f"{NAMES.get(metric, metric)} {ARROWS.get(METRICS[metric].direction, '')}".rstrip()


def p_text(p: float | None) -> str:
    """Return a p-value with three decimals; a dash where no test exists."""
    if p is None or isnan(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _difference(row: Row) -> str:
    difference = row.get("difference")
    if difference is None or isnan(difference):
        return NOT_ESTIMABLE if row["verdict"] else "–"
    text = f"{100 * difference:+z.2f}"
    if isnan(row["low"]):
        return text
    return f"{text} [{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"


def _effect(row: Row) -> str:
    effect = row.get("effect")
    if effect is None or isnan(effect):
        return "–"
    text = f"{effect:+z.2f}"
    if isnan(row["effect_low"]):
        return text
    return f"{text} [{row['effect_low']:+z.2f}, {row['effect_high']:+z.2f}]"


def _verdict(row: Row) -> str:
    if not row["verdict"]:
        return f"none {CONFOUNDED}" if row["confounded"] else "none"
    return f"{row['verdict']} {DEGENERATE}" if row.get("degenerate") else str(row["verdict"])


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else "–"
