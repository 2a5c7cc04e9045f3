"""The verdicts as a table: one row for each claim of the primary family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan

import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.report.blocks import BLOCK
from benchmark.report.cells import MISSING, NOT_ESTIMABLE, Row, number_cell, points
from benchmark.report.model import Cell, Column, Table
from benchmark.stats.verdict import Verdict

NAMES = {
    "auc": "AUC",
    "dpd": "DPD",
    "deodds": "DEOdds",
    "es_auc": "ES-AUC",
    "auc_gap": "AUC gap",
    "worst_group_auc": "worst-group AUC",
    "es_accuracy": "ES accuracy",
    "group_auc": "group AUC",
    "group_accuracy": "group accuracy",
    "positive_rate": "positive rate",
    "tpr": "TPR",
    "fpr": "FPR",
    "brier": "Brier score",
    "ece": "ECE",
    "class_auc": "class AUC",
    "class_dpd": "class DPD",
    "class_deodds": "class DEOdds",
    "class_positive_rate": "class positive rate",
    "class_tpr": "class TPR",
    "class_fpr": "class FPR",
}
"""Metrics whose printed name is not their key; tables of the papers print them so."""

ARROWS = {"up": "↑", "down": "↓"}

MARKS = {
    Verdict.BETTER: "▲",
    Verdict.BETTER_NEGLIGIBLE: "△",
    Verdict.WORSE: "▼",
    Verdict.WORSE_NEGLIGIBLE: "▽",
    Verdict.EQUIVALENT: "=",
    Verdict.UNDECIDED: "?",
}
"""Verdict → its sign beside a level."""

DEGENERATE = "‡"
CONFOUNDED = "†"

CAPTION = "Every claim of the primary family with its verdict and what it rests on."


def verdict_table(verdicts: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """Return the verdict table.

    Args:
        verdicts: `Comparison.verdicts`, with at least one claim.
        notes: Its legend.
    """
    columns = verdict_columns(verdicts)
    rows = [verdict_cells(row, columns) for row in verdicts.to_dict("records")]
    return Table("verdicts", CAPTION, columns, tuple(rows), tuple(notes))


def verdict_columns(verdicts: pd.DataFrame) -> tuple[Column, ...]:
    """Return the columns of the verdict table; what tells no two rows apart has none."""
    apart = ["dataset", "model"] if len(verdicts[BLOCK].drop_duplicates()) > 1 else []
    row = [*BLOCK, "variant", "attribute", "metric"]
    apart += ["protocol"] if verdicts.duplicated(row).any() else []
    rule = ["selection"] if len(set(verdicts["selection"])) > 1 else []
    names = ["variant", *apart, "attribute", "metric", *rule, "verdict"]
    return (
        *(Column(name, HEADINGS.get(name, name), filtered=True) for name in names),
        *(Column(name, HEADINGS.get(name, name), numeric=True) for name in NUMBERS),
        Column("n", "n", numeric=True),
        Column("test", "test"),
    )


def verdict_cells(row: Row, columns: Sequence[Column]) -> tuple[Cell, ...]:
    """Return one claim as cells: points for differences, adjusted p, effect with interval.

    Args:
        row: Of `Comparison.verdicts`.
        columns: From `verdict_columns`.
    """
    return tuple(CELLS.get(column.key, _text_cell(column.key))(row) for column in columns)


def metric_name(metric: str) -> str:
    """Return a metric as it is printed, with the direction that is better."""
    return f"{NAMES.get(metric, metric)} {ARROWS.get(METRICS[metric].direction, '')}".rstrip()


def p_text(p: float | None) -> str:
    """Return a p-value with three decimals; a dash where no test exists."""
    return p_cell(p).text


def p_cell(p: float | None) -> Cell:
    """Return the cell of a p-value."""
    return number_cell(p, "<0.001" if p is not None and p < 0.001 else "{:.3f}")


def _difference(row: Row) -> Cell:
    difference = row.get("difference")
    if difference is None or isnan(difference):
        return Cell(NOT_ESTIMABLE if row["verdict"] else MISSING)
    return Cell(points(difference, row["low"], row["high"]), float(difference))


def _effect(row: Row) -> Cell:
    effect = row.get("effect")
    if effect is None or isnan(effect):
        return Cell(MISSING)
    text = f"{effect:+z.2f}"
    if not isnan(row["effect_low"]):
        text += f" [{row['effect_low']:+z.2f}, {row['effect_high']:+z.2f}]"
    return Cell(text, float(effect))


def _verdict(row: Row) -> Cell:
    if not row["verdict"]:
        return Cell(f"none {CONFOUNDED}" if row["confounded"] else "none")
    text = f"{row['verdict']} {DEGENERATE}" if row.get("degenerate") else str(row["verdict"])
    return Cell(text, strong=row["verdict"] == "better")


def _n(row: Row) -> Cell:
    n = row.get("n")
    if not isinstance(n, str) or not n:
        return Cell(MISSING)
    return Cell(n, float(n) if n.isdigit() else None)


def _text_cell(name: str) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        value = row.get(name)
        return Cell(value if isinstance(value, str) and value else MISSING)

    return cell


HEADINGS = {
    "selection": "rule",
    "p_adjusted": "p differs",
    "p_equivalence_adjusted": "p equivalent",
}
NUMBERS = ("difference", "margin", "p_adjusted", "p_equivalence_adjusted", "effect")
CELLS: dict[str, Callable[[Row], Cell]] = {
    "metric": lambda row: Cell(metric_name(row["metric"])),
    "verdict": _verdict,
    "difference": _difference,
    "margin": lambda row: Cell(f"±{100 * row['margin']:g}", float(row["margin"])),
    "p_adjusted": lambda row: p_cell(row.get("p_adjusted")),
    "p_equivalence_adjusted": lambda row: p_cell(row.get("p_equivalence_adjusted")),
    "effect": _effect,
    "n": _n,
}
"""Column → its cell of a claim; the others hold the text of the frame."""
