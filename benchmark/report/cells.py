"""Numbers as table cells, and tables as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

NOT_ESTIMABLE = "n.e."


def level_cell(rows: pd.DataFrame, metric: str, group: str) -> str:
    """Return `mean ± SD` in percent, for a gap with its value under permuted labels."""
    row = _row(rows, metric, group)
    if row is None or math.isnan(row["mean"]):
        return NOT_ESTIMABLE
    text = f"{100 * row['mean']:.2f}"
    if not math.isnan(row["sd"]):
        text += f" ± {100 * row['sd']:.2f}"
    chance = _row(rows, f"{metric}_permuted", group)
    if chance is not None and not math.isnan(chance["mean"]):
        text += f" [{100 * chance['mean']:.1f}]"
    return text


def difference_cell(rows: pd.DataFrame, metric: str, group: str) -> str:
    """Return `difference [low, high] (n)` in percentage points."""
    row = _row(rows, metric, group)
    if row is None or math.isnan(row["difference"]):
        return NOT_ESTIMABLE
    text = f"{100 * row['difference']:+z.2f}"
    if not math.isnan(row["low"]):
        text += f" [{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"
    return f"{text} ({int(row['n_pairs'])})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table and an empty line after it."""
    yield "| " + " | ".join(escape(column) for column in columns) + " |"
    yield "|" + " --- |" * len(columns)
    for row in rows:
        yield "| " + " | ".join(escape(cell) for cell in row) + " |"
    yield ""


def escape(text: str) -> str:
    """Return text in one line that neither ends a cell nor opens a tag."""
    for sign, entity in {"&": "&amp;", "<": "&lt;", "|": "&#124;"}.items():
        text = text.replace(sign, entity)
    return " ".join(text.split())


def _row(rows: pd.DataFrame, metric: str, group: str) -> pd.Series | None:
    found = rows[(rows["metric"] == metric) & (rows["group"] == group)]
    return None if found.empty else found.iloc[0]
