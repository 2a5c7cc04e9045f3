"""The rows of a table as HTML. A full grid has tens of thousands of cells, so each is short."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import isfinite
from typing import TYPE_CHECKING

from benchmark.report.html.tone import tone
from benchmark.report.model import Cell, Column, Table

if TYPE_CHECKING:
    from markupsafe import Markup

VERDICT = "verdict"
"""The key of a column whose cells are marked as verdicts."""


WIDE = 9
"""Columns; a table of more is printed small."""

SHORT = 24
"""Characters of a cell that is kept on one line."""


def column_classes(table: Table) -> str:
    """Return `n3` if the third column is of numbers, `s3` if it is short, `wide` if it has many.

    On a table of a hundred rows they take less room than classes of each cell.
    """
    classes = ["wide"] if len(table.columns) > WIDE else []
    for index, column in enumerate(table.columns):
        short = all(len(row[index].text) <= SHORT for row in table.rows)
        classes += [f"n{index + 1}"] if column.numeric else []
        classes += [f"s{index + 1}"] if short or column.numeric else []
    return " ".join(classes)


def table_rows(table: Table) -> Markup:
    """Return the table's rows, escaped; end tags that HTML lets one leave out are left out."""
    from markupsafe import Markup

    return Markup("".join(_lines(table)))


def _lines(table: Table) -> Iterator[str]:
    for row in table.rows:
        yield "<tr>"
        for index, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
            # A row is named by its first cell.
            tag = "th scope=row" if index == 0 and not column.numeric else "td"
            text = escape(cell.text)
            strong = f"<strong>{text}</strong>" if cell.strong else text
            yield f"<{tag}{_attributes(column, cell)}>{strong}"
        yield "\n"


def _attributes(column: Column, cell: Cell) -> str:
    text = f" class={tone(cell.text)}" if column.key == VERDICT else ""
    if cell.value is not None and (key := _sort_key(cell.value, cell.text)):
        text += f" data-value={key}"
    if cell.hint:
        text += f' title="{escape(cell.hint)}"'
    return text


def _sort_key(value: float, text: str) -> str:
    """Return a number as a script reads it; "" where the text says it, or there is none."""
    if not isfinite(value):
        return "" if value != value else "Infinity" if value > 0 else "-Infinity"
    number = repr(float(value))
    return "" if number.removesuffix(".0") == text else number
