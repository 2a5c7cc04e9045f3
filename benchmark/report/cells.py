"""Numbers as table cells, and tables as Markdown.

The value of a cell is the number of the tidy tables: metrics are fractions there, and percent
or points in the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from benchmark.report.model import Cell

NOT_ESTIMABLE = "n.e."

MISSING = "–"
"""Stands where there is nothing to show."""

Row = Mapping[Hashable, Any]
"""A row of a tidy table."""

ByMetric = Mapping[tuple[str, str], Row]
"""(metric, group) → the row of `Comparison.summary`, of one arm, attribute and rule."""


def level_cell(
    rows: ByMetric, metric: str, group: str, mark: str = "", strong: bool = False
) -> Cell:
    """Return `mean ± SD` in percent, for a gap with its value under permuted labels.

    Args:
        rows: Of one arm, attribute and rule.
        metric: Its key.
        group: "" for a metric of all groups.
        mark: Stands behind the numbers.
        strong: Whether it is printed bold.
    """
    row = rows.get((metric, group))
    if row is None or math.isnan(row["mean"]):
        return Cell(NOT_ESTIMABLE, hint="" if row is None else str(row.get("reason", "")))
    text = f"{100 * row['mean']:.2f}"
    if not math.isnan(row["sd"]):
        text += f" ± {100 * row['sd']:.2f}"
    chance = rows.get((f"{metric}_permuted", group))
    if chance is not None and not math.isnan(chance["mean"]):
        text += f" [{100 * chance['mean']:.1f}]"
    return Cell(f"{text} {mark}".rstrip(), float(row["mean"]), strong)


def difference_cell(rows: ByMetric, metric: str, group: str, strong: bool = False) -> Cell:
    """Return `difference [low, high] (n)` in percentage points."""
    row = rows.get((metric, group))
    if row is None or math.isnan(row["difference"]):
        return Cell(NOT_ESTIMABLE)
    text = points(row["difference"], row["low"], row["high"])
    return Cell(f"{text} ({int(row['n_pairs'])})", float(row["difference"]), strong)


def points(difference: float, low: float, high: float) -> str:
    """Return `difference [low, high]` in percentage points; without an interval if it is NaN."""
    text = f"{100 * difference:+z.2f}"
    return text if math.isnan(low) else f"{text} [{100 * low:+z.2f}, {100 * high:+z.2f}]"


def number_cell(value: float | None, text: str) -> Cell:
    """Return a number's cell by its format, such as `{:.3f}`; a dash for one that is missing."""
    if value is None or math.isnan(value):
        return Cell(MISSING)
    return Cell(text.format(value), float(value))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table and an empty line after it."""
    yield from table_lines(map(escape, columns), [map(escape, row) for row in rows])


def table_lines(columns: Iterator[str], rows: Sequence[Iterator[str]]) -> Iterator[str]:
    """Yield a Markdown table of texts that are escaped, and an empty line after it."""
    headings = list(columns)
    yield "| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


_ENTITIES = {
    "&": "&amp;",
    "<": "&lt;",
    "|": "&#124;",
    "$": "&#36;",  # mathematics on GitHub
    "\\": "&#92;",
}
_MARKUP = re.compile(r"[&<|$\\*`]|(?<=\])\(|(?<![^\W_])_|_(?![^\W_])|~")


def escape(text: str) -> str:
    """Return text in one line that neither ends a cell, nor opens a tag, nor is set otherwise."""
    escaped = _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), text)
    return " ".join(escaped.split())
