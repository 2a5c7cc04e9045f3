"""Distance against gap, arm by arm, over the course of training."""

from __future__ import annotations

from functools import partial
from math import log10
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.report.figures.lazy import blank, drawn, handle, new_canvas
from benchmark.report.figures.style import MAX_ARMS, Look, looks, wrapped
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name
from benchmark.studies.courses import DISTANCES, GAPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Small marks are single runs at their selected epoch, large ones the arm's mean over seeds; "
    "the line is the mean's way over the epochs. If lowering the distance lowered the gap, marks "
    "and lines would rise from lower left to upper right. Do not read a cause from it, nor a trend "
    "from arms that differ less than their seeds.{left_out}"
)
_KEYS = ["arm", "variant", "trained_on"]


def mechanism_figure(points: pd.DataFrame, id: str, title: str, baseline: str) -> Figure:
    """Return the figure of one attribute: gaps in rows, distances in columns.

    Args:
        points: Rows of `courses` of one cell and attribute.
        id: Of the figure.
        title: The attribute, with what tells it apart from other figures.
        baseline: The variant drawn in grey.
    """
    arms = points["arm"].drop_duplicates().tolist()
    shown = points[points["arm"].isin(arms[:MAX_ARMS])]
    more = len(arms) - MAX_ARMS
    left_out = f" {more} more arms are not drawn." if more > 0 else ""
    means = points.groupby([*_KEYS, "epoch"], sort=False)
    body = [
        (
            *(str(row[name]) for name in ("variant", "trained_on")),
            plain(row["epoch"], ".0f"),
            plain(row["n"], ".0f"),
            *(plain(row[name], ".3g") for name in DISTANCES),
            *(percent(row[name]) for name in GAPS),
        )
        for row in means[[*DISTANCES, *GAPS]]
        .mean()
        .assign(n=means.size())
        .reset_index()
        .to_dict("records")
    ]
    headings = (
        *("variant", "trained on", "epoch #", "runs #"),
        *(f"distance of {meaning} #" for meaning in DISTANCES.values()),
        *(f"{metric_name(gap)} #" for gap in GAPS),
    )
    table = figure_table(id, "Means over seeds after each epoch; gaps in percent.", headings, body)
    return Figure(
        id,
        f"Distance and gap: {title}",
        CAPTION.format(left_out=left_out),
        partial(_draw, shown, baseline),
        table,
    )


@drawn
def _draw(points: pd.DataFrame, baseline: str) -> Canvas:
    arms = points.drop_duplicates("arm")
    names = dict(zip(arms["arm"].map(str), arms["variant"].map(str), strict=True))
    order = sorted(names, key=lambda arm: names[arm] != baseline)
    found = looks(order, [arm for arm in order if names[arm] == baseline])
    canvas = new_canvas(0.8 + 2.4 * len(GAPS))
    panels = canvas.panels(len(GAPS), len(DISTANCES), sharex="col", sharey="row")
    for row, gap in zip(panels, GAPS, strict=True):
        row[0].set_ylabel(f"{metric_name(gap)} (%)")
        for axes, distance in zip(row, DISTANCES, strict=True):
            kept = points.dropna(subset=[distance, gap])
            kept = kept[kept[distance] > 0]
            if kept.empty:
                blank(axes, "not estimable in any run")
            for arm in order:
                _arm(canvas, axes, kept[kept["arm"] == arm], distance, gap, found[arm])
            axes.margins(0.1)
    for axes, meaning in zip(panels[-1], DISTANCES.values(), strict=True):
        axes.set_xlabel(f"log₁₀ distance of {meaning}")
    canvas.legend_of(
        [handle(color=found[arm].colour, marker=found[arm].marker) for arm in order],
        wrapped([names[arm] for arm in order], 30),
    )
    return canvas


def _arm(
    canvas: Canvas, axes: Axes, part: pd.DataFrame, distance: str, gap: str, look: Look
) -> None:
    if part.empty:
        return
    name = part["variant"].iloc[0]
    course = part.assign(log=part[distance].map(log10)).groupby("epoch")[["log", gap]].mean()
    axes.plot(
        course["log"].tolist(),
        (100 * course[gap]).tolist(),
        color=look.colour,
        linewidth=1,
        alpha=0.7,
        zorder=2,
    )
    chosen = part[part["selected"]]
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "clip_on": True}
    texts = [
        f"{name}, seed {row['seed']}, epoch {row['epoch']}: distance {row[distance]:.3g}, "
        f"{metric_name(gap)} {100 * row[gap]:.2f}%"
        for row in chosen.to_dict("records")
    ]
    x, y = chosen[distance].map(log10).tolist(), (100 * chosen[gap]).tolist()
    canvas.marks(axes, x, y, texts, **style, ms=3.2, mew=0, alpha=0.6)
    if x:
        at = [sum(x) / len(x)], [sum(y) / len(y)]
        text = f"{name}, mean of {len(x)}: {metric_name(gap)} {at[1][0]:.2f}%"
        canvas.marks(axes, *at, [text], **style, ms=7.5, zorder=4)
