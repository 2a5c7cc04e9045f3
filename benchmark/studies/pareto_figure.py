"""The plane of AUC and each fairness metric, arms numbered, with their front."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.figures.lazy import blank, drawn, handle, new_canvas
from benchmark.report.figures.style import LIGHT
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name
from benchmark.studies.fronts import PERFORMANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Means over seeds, numbered as in the tables below, with 95% Student t intervals over "
    "seeds. Dashed: the front of the means. See which arms are far from it. Do not take an arm for "
    "better because the line passes through it: among equal arms some are always on the front, "
    "and the tables say how often noise alone puts each there."
)


def pareto_figure(rows: pd.DataFrame, *, id: str, title: str) -> Figure:
    """Return the fronts of one set of arms, a panel for each fairness metric.

    Args:
        rows: Of `fronts`, of one set of arms over seeds, with `number`.
        id: Of the figure.
        title: Of the figure.
    """
    body = [
        (
            plain(row["number"], "d"),
            str(row["variant"]),
            metric_name(str(row["fairness"])),
            percent(row["auc"]),
            percent(row["value"]),
            "yes" if row["on_front"] else "no",
        )
        for row in rows.to_dict("records")
    ]
    names = ("# #", "variant", "metric", f"{metric_name(PERFORMANCE)} #", "value #", "on the front")
    table = figure_table(id, "Means over seeds in percent, and who is on the front.", names, body)
    return Figure(id, title, CAPTION, partial(_draw, rows), table)


@drawn
def _draw(rows: pd.DataFrame) -> Canvas:
    metrics = [str(name) for name in rows["fairness"].drop_duplicates()]
    down = -(-len(metrics) // 2)
    canvas = new_canvas(0.5 + 2.7 * down)
    panels = [axes for row in canvas.panels(down, 2) for axes in row]
    for axes, metric in zip(panels, metrics, strict=False):
        _panel(canvas, axes, rows[(rows["fairness"] == metric) & rows["value"].notna()], metric)
    for axes in panels[len(metrics) :]:
        axes.set_visible(False)
    looks = [_look(on_front=True), _look(on_front=False)]
    canvas.legend_of([handle(**look) for look in looks], ["on the front of the means", "not on it"])
    return canvas


def _look(*, on_front: bool) -> dict[str, str]:
    return {
        "color": LIGHT["series-1"] if on_front else LIGHT["muted"],
        "marker": "o",
        "markerfacecolor": LIGHT["series-1"] if on_front else LIGHT["surface"],
    }


def _panel(canvas: Canvas, axes: Axes, rows: pd.DataFrame, metric: str) -> None:
    axes.set_xlabel(f"{metric_name(PERFORMANCE)} (%)")
    axes.set_ylabel(f"{metric_name(metric)} (%)")
    if rows.empty:
        blank(axes, "not estimable")
        return
    front = rows[rows["on_front"]].sort_values(["auc", "value"])
    line = (100 * front["auc"]).tolist(), (100 * front["value"]).tolist()
    axes.plot(*line, color=LIGHT["ink"], linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    for row in rows.to_dict("records"):
        look = _look(on_front=bool(row["on_front"]))
        x, y = 100 * row["auc"], 100 * row["value"]
        ends = {
            name: 100 * row[name] for name in ("auc_low", "auc_high", "value_low", "value_high")
        }
        if all(end == end for end in ends.values()):
            across, along = (
                [ends["auc_low"], ends["auc_high"]],
                [ends["value_low"], ends["value_high"]],
            )
            axes.plot(across, [y, y], color=look["color"], linewidth=0.7, alpha=0.6)
            axes.plot([x, x], along, color=look["color"], linewidth=0.7, alpha=0.6)
        text = (
            f"{row['number']}: {row['variant']}: {metric_name(PERFORMANCE)} {x:.2f}%, "
            f"{metric_name(metric)} {y:.2f}%, on the front in {row['share']:.0%} of resamples"
        )
        canvas.marks(axes, [x], [y], [text], ms=5, clip_on=True, **look)
        axes.annotate(
            str(row["number"]),
            (x, y),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7.5,
            color=LIGHT["ink"],
        )
    axes.margins(0.12)
