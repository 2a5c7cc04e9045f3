"""Headings of columns: those of one metric by group share one, and long ones take two lines."""

from __future__ import annotations

import re

from benchmark.report.latex.characters import MISSING, escape
from benchmark.report.model import Column

_BY_GROUP = re.compile(r"(?P<metric>\S+) (?P<group>.+) (?P<arrow>[↑↓])")
_WIDTHS = {
    **dict.fromkeys("iIjl.,:;'|!()[]ft ", 0.32),
    **dict.fromkeys("mwMW%&@−–±×≈<>=+", 0.85),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ_↑↓→↳#", 0.75),
}


def text_width(text: str) -> float:
    """Return about how wide text is in LaTeX's fonts, in em."""
    # A character that prints as its code point is eight signs wide.
    other = {c: 4.5 for c in set(text) if not c.isascii() and MISSING in escape(c)}
    return sum(_WIDTHS.get(c) or other.get(c, 0.53) for c in text)


def above_and_below(column: Column) -> tuple[str, str]:
    """Return `AUC ↑` and `asian` for the heading `AUC asian ↑`; else nothing and the heading."""
    found = _BY_GROUP.fullmatch(column.heading) if column.numeric else None
    if found is None:
        return "", column.heading
    return f"{found['metric']} {found['arrow']}", found["group"]


def heading_lines(heading: str, width: float) -> tuple[str, ...]:
    """Return a heading in one line, or in two where it is wider than its column.

    Args:
        heading: As shown.
        width: Of the cells below it, in em.
    """
    words = re.split(r" (?![↑↓])", heading)  # an arrow stays with its metric
    if text_width(heading) <= width or len(words) < 2:
        return (heading,)
    cuts = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    return min(cuts, key=lambda cut: max(map(text_width, cut)))


def heading_tex(heading: str, width: float, *, numeric: bool) -> str:
    """Return a heading as a cell, above the middle of a column of numbers."""
    lines = [escape(line) for line in heading_lines(heading, width)]
    text = lines[0]
    if len(lines) > 1:
        side = "c" if numeric else "l"
        rows = " \\\\ ".join(lines)
        text = f"\\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{rows}\\end{{tabular}}"
    return f"\\multicolumn{{1}}{{c}}{{{text}}}" if numeric else text
