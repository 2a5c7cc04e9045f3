"""How a table fits a page: which columns wrap, whether it lies on its side, and in which parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt

from benchmark.report.latex.headings import above_and_below, heading_lines, text_width
from benchmark.report.model import Table

PORTRAIT, LANDSCAPE = 60.0, 90.0
"""Widths of the text of an A4 page with margins of 2 cm, in em of 8 points (`\\footnotesize`)."""

SCALED = 1.12
"""By how much a table in a float may be wider than the line: it is set that much smaller."""

FEW_PARTS = 3
"""Parts, up to which an upright table is preferred to one on its side."""

GAP = 0.9
"""Between two columns, in the same unit."""

SMALLER = 0.9
"""Size of what stands below a number, in sizes of the number."""

NARROW = 9.0
"""A column of text up to this width never wraps."""


@dataclass(frozen=True)
class Arrangement:
    """How a table is set.

    Attributes:
        landscape: Whether it has a page on its side.
        stacked: Whether what stands in brackets goes below its number.
        parts: The columns of each part, by position; what names a row is in every part.
        wrapped: Position of a column that wraps → its share of the line.
        widths: Position → width of the widest cell, in em.
    """

    landscape: bool
    stacked: bool
    parts: tuple[tuple[int, ...], ...]
    wrapped: dict[int, float]
    widths: dict[int, float]


def arrange(table: Table, *, breaks: bool = False) -> Arrangement:
    """Return the first arrangement in which nothing is wider than the page.

    In order: upright; brackets below their numbers; a few parts, if all but the names are
    numbers; on its side; as many parts as it takes.

    Args:
        table: The table.
        breaks: It breaks across pages, and so cannot be scaled.
    """
    every = tuple(range(len(table.columns)))
    shortest = _shortest(table)
    scaled = 1.0 if breaks else SCALED
    stackings = (False, True) if _has_brackets(table) else (False,)
    cells = {stacked: _cell_widths(table, stacked) for stacked in stackings}
    widths = {stacked: _with_headings(table, cells[stacked]) for stacked in stackings}

    def whole(landscape: bool) -> Arrangement | None:
        line = scaled * (LANDSCAPE if landscape else PORTRAIT)
        for stacked in stackings:
            wrapped = _fit(widths[stacked], shortest, line)
            if wrapped is not None:
                return Arrangement(landscape, stacked, (every,), wrapped, cells[stacked])
        return None

    stacked = stackings[-1]
    names = _names(table, widths[stacked], shortest)
    parts, wrapped = _in_parts(table, names, widths[stacked], shortest)
    in_parts = Arrangement(False, stacked, parts, wrapped, cells[stacked])
    few = len(parts) <= FEW_PARTS and all(c.numeric for c in table.columns[len(names) :])
    return whole(landscape=False) or (in_parts if few else whole(landscape=True) or in_parts)


def stacked_text(text: str) -> tuple[str, str]:
    """Return a cell's number and what stands in brackets behind it, which may be empty."""
    number, bracket, rest = text.partition(" [")
    return number, bracket.strip() + rest


def _names(table: Table, widths: dict[int, float], shortest: dict[int, float]) -> tuple[int, ...]:
    """Return the columns that name a row: those before the first number, if they leave room."""
    numeric = [column.numeric for column in table.columns]
    named = max(1, numeric.index(True)) if any(numeric) else 1
    if _total([shortest.get(j, widths[j]) for j in range(named)]) > PORTRAIT / 2:
        named = 1
    return tuple(range(named))


def _in_parts(
    table: Table,
    names: tuple[int, ...],
    widths: dict[int, float],
    shortest: dict[int, float],
) -> tuple[tuple[tuple[int, ...], ...], dict[int, float]]:
    """Return parts that each begin with the names and fit an upright page, and shares."""

    def fit(columns: Sequence[int]) -> dict[int, float] | None:
        return _fit({j: widths[j] for j in (*names, *columns)}, shortest, PORTRAIT)

    parts: list[list[int]] = []
    others = range(len(names), len(table.columns))
    for _, run in groupby(others, key=lambda j: above_and_below(table.columns[j])[0] or j):
        metric = [*run]  # kept together if they fit
        for columns in [metric] if fit(metric) is not None else [[j] for j in metric]:
            if parts and fit([*parts[-1], *columns]) is not None:
                parts[-1] += columns
            else:
                parts.append(columns)
    shares: dict[int, float] = {}
    for part in parts:
        found = fit(part)
        if found is None:  # one column beside the names, with words longer than half a line
            found = {j: 0.4 for j in (*names, *part) if j in shortest}
        shares |= {j: min(share, shares.get(j, 1)) for j, share in found.items()}
    return tuple((*names, *part) for part in parts), shares


def _has_brackets(table: Table) -> bool:
    return any(
        stacked_text(cell.text)[1]
        for row in table.rows
        for cell, column in zip(row, table.columns, strict=True)
        if column.numeric
    )


def _cell_widths(table: Table, stacked: bool) -> dict[int, float]:
    found = dict.fromkeys(range(len(table.columns)), 0.0)
    for row in table.rows:
        for j, cell in enumerate(row):
            number, bracket = cell.text, ""
            if stacked and table.columns[j].numeric:
                number, bracket = stacked_text(cell.text)
            found[j] = max(found[j], text_width(number), SMALLER * text_width(bracket))
    return found


def _with_headings(table: Table, cells: dict[int, float]) -> dict[int, float]:
    found = {}
    for j, column in enumerate(table.columns):
        lines = heading_lines(above_and_below(column)[1], cells[j])
        found[j] = max(cells[j], *map(text_width, lines))
    return found


def _shortest(table: Table) -> dict[int, float]:
    """Return position → width of the longest word, for columns of text that may wrap."""
    found = {}
    for j, column in enumerate(table.columns):
        texts = [column.heading, *(row[j].text for row in table.rows)]
        if not column.numeric and max(map(text_width, texts)) > NARROW:
            found[j] = max(text_width(word) for text in texts for word in _words(text))
    return found


def _words(text: str) -> list[str]:
    """Return what stays on one line: `escape` lets dotted names break."""
    for sign in "._/=":
        text = text.replace(sign, f"{sign} ")
    return text.split() or [""]


def _fit(
    widths: dict[int, float], shortest: dict[int, float], line: float
) -> dict[int, float] | None:
    """Return the columns that wrap with their shares of the line; None if it is too short."""
    total = _total([*widths.values()])
    if total <= line:
        return {}
    free = sorted((j for j in widths if j in shortest), key=lambda j: widths[j])
    room = line - total + sum(widths[j] for j in free)
    # Columns with more text have more of the line, though not in proportion: the widest give way.
    shares: dict[int, float] = {}
    for k, j in enumerate(free):
        weight = sqrt(widths[j]) / sum(sqrt(widths[i]) for i in free[k:])
        shares[j] = max(min(widths[j], weight * room), shortest[j])
        room -= shares[j]
    if not free or room < -0.01:
        return None
    return {j: share / line for j, share in shares.items() if share < widths[j]}


def _total(widths: Sequence[float]) -> float:
    return sum(widths) + GAP * max(len(widths) - 1, 0)
