"""Level and spread of metrics over the training size of the groups that were made smaller."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.report.figures.lazy import blank, drawn, handle, new_canvas
from benchmark.report.figures.style import MAX_ARMS, Look, looks, wrapped
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Left: means over seeds, with whiskers of one standard deviation. Right: the standard "
    "deviation itself, with its 95% interval. See whether a group's own AUC falls, and its spread "
    "grows, as the group shrinks to the left. Intervals of a standard deviation over a few seeds "
    "are wide: do not read a trend where they overlap.{left_out}"
)


def imbalance_figure(table: pd.DataFrame, id: str, smaller: str) -> Figure:
    """Return the figure of the ladders of some groups: AUC, the groups' AUC, DPD and DEOdds.

    Args:
        table: Rows of `spreads` on the attribute of these groups, of these ladders alone.
        id: Of the figure.
        smaller: The groups, `attribute/group` joined by commas.
    """
    groups = [name.strip().partition("/")[2] for name in smaller.split(",")]
    shown = ("auc", "dpd", "deodds")
    kept = table[
        table["metric"].isin(shown)
        | ((table["metric"] == "group_auc") & table["group"].isin(groups))
    ]
    ladders = kept["ladder"].drop_duplicates().tolist()
    more = len(ladders) - MAX_ARMS
    kept = kept[kept["ladder"].isin(ladders[:MAX_ARMS])]
    body = [
        (
            _name(row),
            _title(row["metric"], row["group"]),
            plain(row["n_smaller"], ".0f"),
            plain(row["n_seeds"], ".0f"),
            *(percent(row[name]) for name in ("mean", "sd", "sd_low", "sd_high")),
        )
        for row in kept.to_dict("records")
    ]
    headings = ("variant", "metric", "size #", "n #", "mean #", "SD #", "SD low #", "SD high #")
    caption = f"Means and standard deviations over seeds in percent, by training size of {smaller}."
    return Figure(
        id,
        f"Training size of {smaller}",
        CAPTION.format(left_out=f" {more} more variants are not drawn." if more > 0 else ""),
        partial(_draw, kept),
        figure_table(id, caption, headings, body),
    )


def _name(row: dict[Any, Any]) -> str:
    return f"{row['variant']} on {row['trained_on']}" if row["trained_on"] else str(row["variant"])


def _title(metric: str, group: str) -> str:
    return f"group AUC ↑, {group}" if group else metric_name(metric)


@drawn
def _draw(table: pd.DataFrame) -> Canvas:
    parts = list(table.groupby(["metric", "group"], sort=False))
    firsts = table.drop_duplicates("ladder").to_dict("records")
    names = {row["ladder"]: _name({str(k): v for k, v in row.items()}) for row in firsts}
    found = looks([str(number) for number in names])
    canvas = new_canvas(0.7 + 1.75 * len(parts))
    panels = canvas.panels(len(parts), 2, sharex=True)
    for (left, right), ((metric, group), part) in zip(panels, parts, strict=True):
        title = _title(str(metric), str(group))
        left.set_title(title)
        left.set_ylabel("mean (%)")
        right.set_ylabel("SD (points)")
        for number, name in names.items():
            rows = part[part["ladder"] == number].sort_values("n_smaller")
            _course(canvas, left, rows, "mean", name, found[str(number)])
            _course(canvas, right, rows, "sd", name, found[str(number)])
        if part["mean"].isna().all():
            blank(left, "not estimable in any run")
        right.set_ylim(bottom=0)
    for axes in panels[-1]:
        axes.set_xlabel("training samples")
        axes.set_xscale("log", base=2)
        sizes = sorted(set(table["n_smaller"].astype(int)))
        axes.set_xticks(sizes, [str(n) for n in sizes])
        axes.minorticks_off()
    canvas.legend_of(
        [handle(color=look.colour, marker=look.marker) for look in found.values()],
        wrapped([*names.values()], 30),
    )
    return canvas


def _course(
    canvas: Canvas, axes: Axes, rows: pd.DataFrame, column: str, name: str, look: Look
) -> None:
    rows = rows[rows[column].notna()]
    x, y = rows["n_smaller"].astype(float).tolist(), (100 * rows[column]).tolist()
    axes.plot(x, y, color=look.colour, linewidth=1, zorder=2)
    ends = ("sd_low", "sd_high") if column == "sd" else ()
    for row, at, middle in zip(rows.to_dict("records"), x, y, strict=True):
        low, high = (
            (100 * row[end] for end in ends)
            if ends
            else (
                middle - 100 * row["sd"],
                middle + 100 * row["sd"],
            )
        )
        if low == low:
            axes.plot([at, at], [low, high], color=look.colour, linewidth=0.9, zorder=2)
    texts = [
        f"{name}, {row['n_smaller']:.0f} training samples: {100 * row[column]:.2f}"
        for row in rows.to_dict("records")
    ]
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "clip_on": True}
    canvas.marks(axes, x, y, texts, **style, ms=5)
