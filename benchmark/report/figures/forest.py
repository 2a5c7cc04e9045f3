"""Paired differences with intervals and margins: one row a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import isnan, nan
from statistics import median
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.report.blocks import BLOCK, anchors
from benchmark.report.cells import points as difference_text
from benchmark.report.figures.lazy import Style, drawn, handle, new_canvas
from benchmark.report.figures.style import LIGHT, wrapped
from benchmark.report.figures.table import figure_table, percent, points
from benchmark.report.figures.view import View, in_block
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name
from benchmark.verdicts.judge import NO_VERDICT

if TYPE_CHECKING:
    from benchmark.report.figures.canvas import Canvas

Row = Mapping[str, Any]

MOST_ROWS = 40
"""Claims in one drawing; the rest are in the table."""

_SIGNS = {
    "better": ("better", "^", True),
    "worse": ("worse", "v", True),
    "equivalent": ("equivalent", "s", True),
    "undecided": ("undecided", "o", False),
    "not estimable": ("undecided", "x", True),
    NO_VERDICT: ("undecided", "d", False),
}
"""First word of a verdict → colour, marker, filled."""

CAPTION = (
    "Each mark is the paired difference of a variant to {baseline}, {side} being better; the "
    "line is its {level:g}% interval, not adjusted for the number of claims, as the verdicts are. "
    "The band is the margin: differences inside it do not matter. See which intervals leave the "
    "band, and how wide they are. An interval that covers 0 does not show that two methods are "
    "equal: only one within the band can, and then the verdict says so. {arrows}{more}"
)


def forest_figures(view: View) -> list[Figure]:
    """Return for each block and metric the claims of the primary family."""
    verdicts = view.found.verdicts
    if verdicts.empty:
        return []
    figures = []
    for block in view.blocks:
        names = block.rows.iloc[0][BLOCK]
        here = verdicts[(verdicts[BLOCK] == names).all(axis=1)]
        for metric, rows in here.groupby("metric", sort=False):
            figures.append(
                _figure(view, block.title, f"{block.anchor}--{anchors([str(metric)])[0]}", rows)
            )
    return figures


def _figure(view: View, block: str, anchor: str, rows: pd.DataFrame) -> Figure:
    id = f"forest-{anchor}"
    several = bool(rows.duplicated(["variant", "attribute", "trained_on"]).any())
    records = [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]
    drawn_rows = records[:MOST_ROWS]
    limit = limit_of(drawn_rows, records[0]["margin"])
    cut = any(_beyond(row, limit) for row in drawn_rows)
    up = records[0]["direction"] == "up"
    n_left = len(records) - len(drawn_rows)
    caption = CAPTION.format(
        baseline=view.found.baseline,
        side="right" if up else "left",
        level=100 * (1 - view.found.analysis.alpha),
        arrows="Arrowheads: the interval goes on; the table has its ends. " if cut else "",
        more=f"{n_left} further claims are in the table alone." if n_left else "",
    ).strip()
    body = [
        (
            row["variant"],
            row["protocol"],
            row["attribute"],
            row["verdict"] or "none",
            points(row.get("difference")),
            points(row.get("low")),
            points(row.get("high")),
            percent(row["margin"]),
            _n(row),
        )
        for row in records
    ]
    what = metric_name(records[0]["metric"])
    columns = (
        *("variant", "protocol", "attribute", "verdict", "difference #", "low #", "high #"),
        *("margin #", "n"),
    )
    table_caption = f"Differences in {what} to {view.found.baseline}, in percentage points."
    return Figure(
        id,
        in_block(f"{what}: difference to {view.found.baseline}", block),
        caption,
        partial(_draw, drawn_rows, view.found.baseline, limit, several),
        figure_table(id, table_caption, columns, body),
    )


def limit_of(rows: Sequence[Row], margin: float) -> float:
    """Return how far the axis reaches to each side, in points.

    Two seeds make intervals of thirteen standard deviations; the axis shows what is typical,
    and arrowheads stand for the rest.
    """
    sizes = [abs(100 * row["difference"]) for row in rows if not isnan(row.get("difference", nan))]
    ends = [
        max(abs(100 * row["low"]), abs(100 * row["high"]))
        for row in rows
        if not isnan(row.get("low", nan))
    ]
    typical = max([300 * margin, 1.35 * max(sizes, default=0), 1.5 * median(ends or [0])])
    return 1.06 * float(min(max([*ends, *sizes, 130 * margin]), typical)) or 1.0


@drawn
def _draw(rows: Sequence[Row], baseline: str, limit: float, several: bool) -> Canvas:
    canvas = new_canvas(1.05 + 0.29 * len(rows))
    ((axes,),) = canvas.panels()
    margin = 100 * rows[0]["margin"]
    axes.axvspan(-margin, margin, color=LIGHT["band"], zorder=0)
    axes.axvline(0, color=LIGHT["muted"], linewidth=0.8, zorder=1)
    for y, row in enumerate(rows):
        name, marker, filled = _sign(row)
        colour = LIGHT[name]
        x = 100 * row.get("difference", nan)
        if not isnan(row.get("low", nan)):
            low, high = (max(-limit, min(limit, 100 * row[end])) for end in ("low", "high"))
            axes.plot([low, high], [y, y], color=colour, linewidth=1.6, zorder=2)
            for end, at, sign in (("low", -limit, "<"), ("high", limit, ">")):
                if abs(100 * row[end]) > limit and (row[end] > 0) == (at > 0):
                    axes.plot([at], [y], marker=sign, color=colour, ms=5, clip_on=False)
        if isnan(x):
            axes.text(0, y, "not estimable", ha="center", va="center", color=LIGHT["muted"])
        else:
            face = colour if filled else LIGHT["surface"]
            style: Style = {"color": colour, "markerfacecolor": face, "mew": 1.4}
            canvas.marks(axes, [x], [y], [_hover(row)], marker=marker, ms=6.5, **style)
        words = f"{row['verdict'] or ('confounded' if row['confounded'] else 'no verdict')}"
        words += f"  (n = {_n(row)})" if _n(row) != "–" else ""
        axes.text(1.03, y, words, va="center", color=colour, fontsize=8, **_beside(axes))
    axes.set_xlim(-1.05 * limit, 1.05 * limit)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), _labels(rows, several))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    up = rows[0]["direction"] == "up"
    sides = "← worse   |   better →" if up else "← better   |   worse →"
    axes.set_xlabel(f"difference to {wrapped([baseline], 40)[0]} (percentage points)   {sides}")
    band = handle(color=LIGHT["band"], marker="s", ms=9)
    canvas.legend_of([band], [f"margin: ±{margin:g} points"])
    return canvas


def _beside(axes: Any) -> dict[str, Any]:
    return {"transform": axes.get_yaxis_transform(), "clip_on": False}


def _labels(rows: Sequence[Row], several: bool) -> list[str]:
    names = [
        row["variant"]
        + (f", {row['protocol']}" if several else "")
        + (f" · {row['attribute']}" if row["attribute"] != "all" else "")
        for row in rows
    ]
    return wrapped(names, 34)


def _sign(row: Row) -> tuple[str, str, bool]:
    verdict = str(row["verdict"])
    return next(
        (sign for word, sign in _SIGNS.items() if word and verdict.startswith(word)),
        _SIGNS[NO_VERDICT],
    )


def _hover(row: Row) -> str:
    difference = difference_text(row["difference"], row["low"], row["high"])
    verdict = row["verdict"] or "no verdict"
    return f"{row['variant']}, {row['attribute']}: {difference} points, {verdict}"


def _beyond(row: Row, limit: float) -> bool:
    low, high = row.get("low", nan), row.get("high", nan)
    return not isnan(low) and max(-100 * low, 100 * high) > limit


def _n(row: Row) -> str:
    n = row.get("n")
    return n if isinstance(n, str) and n else "–"
