"""The table behind a figure: its numbers as cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan

from benchmark.report.cells import NOT_ESTIMABLE, number_cell
from benchmark.report.model import Cell, Column, Table


def figure_table(
    id: str,
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    notes: Sequence[str] = (),
) -> Table:
    """Return a table; what is not a cell is text.

    Args:
        id: The figure's; the table's is `<id>-table`.
        caption: What the table shows, in a sentence.
        columns: Headings; one that ends in `#` is of numbers, and is printed without it.
        rows: Cells and texts, as many each as there are columns.
        notes: Sentences below the table.
    """
    made = tuple(
        Column(_key(heading), heading.removesuffix("#").rstrip(), heading.endswith("#"))
        for heading in columns
    )
    body = tuple(tuple(e if isinstance(e, Cell) else Cell(str(e)) for e in row) for row in rows)
    for row in body:
        if len(row) != len(made):
            raise ValueError(f"a row has {len(row)} cells; the table has {len(made)} columns")
    return Table(f"{id}-table", caption, made, body, tuple(notes))


def percent(value: float | None) -> Cell:
    """Return a fraction, printed in percent."""
    return _scaled(value, ".2f")


def points(value: float | None) -> Cell:
    """Return a difference of fractions, printed in percentage points with its sign."""
    return _scaled(value, "+z.2f")


def plain(value: float | None, form: str = ".3g") -> Cell:
    """Return a number as it is."""
    return number_cell(value, "{:" + form + "}")


def _scaled(value: float | None, form: str) -> Cell:
    if value is None or isnan(value):
        return Cell(NOT_ESTIMABLE)
    return Cell(format(100 * value, form), float(value))


def _key(heading: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in heading.lower()).split()) or "x"
