"""The accuracy–fairness plane: seed clouds, means, and the Pareto front of the means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics.catalogue import METRICS
from benchmark.report.cells import NOT_ESTIMABLE
from benchmark.report.figures.lazy import Style, blank, drawn, handle, log_ticks, new_canvas
from benchmark.report.figures.style import BASELINE_LOOK, LIGHT, MAX_ARMS, Look, wrapped
from benchmark.report.figures.table import figure_table, plain
from benchmark.report.figures.view import View, count_text, in_block, left_out
from benchmark.report.model import Cell, Figure
from benchmark.report.verdict_table import metric_name
from benchmark.summary import NO_SEED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Small marks are seeds, large ones their means; better is where the arrow points. The dashed "
    "line joins the means that no other mean beats on both axes. See whether clouds overlap: where "
    "they do, the seed moves a variant as far as the method does. Being on the line is no verdict; "
    "of several equal methods, chance puts one there.{left_out}"
)


@dataclass(frozen=True)
class Axis:
    """What an axis measures.

    Attributes:
        label: With unit, and with the direction that is better where there is one.
        factor: By which values are multiplied as they are drawn and printed.
        form: How they are printed.
        better: 1 if more is better, -1 if less is, 0 if it is no merit.
        log: Whether the axis is logarithmic.
    """

    label: str
    factor: float = 1.0
    form: str = ".3g"
    better: int = 0
    log: bool = False

    def text(self, value: float) -> str:
        """Return a value as it is printed."""
        return format(self.factor * value, self.form)


def metric_axis(metric: str) -> Axis:
    """Return the axis of a metric of `METRICS`, in percent."""
    better = {"up": 1, "down": -1}.get(METRICS[metric].direction, 0)
    return Axis(f"{metric_name(metric)} (%)", 100.0, ".2f", better)


@dataclass(frozen=True)
class Cloud:
    """What one method does on one attribute.

    Attributes:
        name: Of the method.
        look: How it is drawn.
        seeds: (seed as shown, x, y) of each run with both.
        mean: (x, y), NaN without a run.
        on_front: Whether no other mean is at least as good on both axes and better on one.
    """

    name: str
    look: Look
    seeds: Sequence[tuple[str, float, float]]
    mean: tuple[float, float]
    on_front: bool = False


def plane_figures(view: View) -> list[Figure]:
    """Return for each block the plane of AUC and of a gap, a panel an attribute."""
    axes = metric_axis("auc"), metric_axis(view.gap)
    figures = []
    for block in view.blocks:
        found = {
            panel.attribute: with_front(
                [
                    cloud_of(
                        entry.name,
                        entry.look,
                        view.values(entry.id, panel.attribute, entry.rule, "auc"),
                        view.values(entry.id, panel.attribute, entry.rule, view.gap),
                    )
                    for entry in panel.entries
                ],
                *axes,
            )
            for panel in block.panels
        }
        if any(cloud.seeds for clouds in found.values() for cloud in clouds):
            figures.append(
                plane_figure(
                    found,
                    *axes,
                    id=f"plane-{block.anchor}",
                    title=in_block("Accuracy and fairness", block.title),
                    caption=CAPTION,
                )
            )
    return figures


def plane_figure(
    clouds: Mapping[str, Sequence[Cloud]], x: Axis, y: Axis, *, id: str, title: str, caption: str
) -> Figure:
    """Return a plane of two quantities, one panel an attribute.

    Args:
        clouds: Attribute → the methods on it; `with_front` says which are on the front.
        x: What the horizontal axis measures.
        y: What the vertical one measures.
        id: Of the figure.
        title: Of the figure.
        caption: What to see, and what not to conclude; `{left_out}` is replaced by who is not
            drawn.
    """
    fronts = bool(x.better and y.better)
    body = [
        (
            attribute,
            cloud.name,
            plain(len(cloud.seeds), "d"),
            *(_cell(axis, value) for axis, value in zip((x, y), cloud.mean, strict=True)),
            *(["yes" if cloud.on_front else "no"] if fronts else []),
        )
        for attribute, all_clouds in clouds.items()
        for cloud in all_clouds
    ]
    columns = ["attribute", "variant", "n #", f"{x.label} #", f"{y.label} #"]
    columns += ["on the line"] if fronts else []
    drawn_clouds = {name: found[:MAX_ARMS] for name, found in clouds.items()}
    more = max((len(found) - MAX_ARMS for found in clouds.values()), default=0)
    return Figure(
        id,
        title,
        caption.replace("{left_out}", left_out(more)),
        partial(_draw, drawn_clouds, x, y),
        figure_table(id, "Means over seeds.", columns, body),
    )


def with_front(clouds: Sequence[Cloud], x: Axis, y: Axis) -> list[Cloud]:
    """Return the clouds with `on_front` by what is better on the two axes."""
    signs = (x.better, y.better)
    means = np.array([cloud.mean for cloud in clouds], dtype=float).reshape(-1, 2) * signs
    found = []
    for cloud, mean in zip(clouds, means, strict=True):
        beaten = (means >= mean).all(axis=1) & (means > mean).any(axis=1)
        found.append(replace(cloud, on_front=not np.isnan(mean).any() and not beaten.any()))
    return found


def cloud_of(name: str, look: Look, x: Mapping[int, float], y: Mapping[int, float]) -> Cloud:
    """Return a cloud of the seeds that have both quantities.

    Args:
        name: Of the method.
        look: How it is drawn.
        x: Seed → value; `NO_SEED` for weights without one.
        y: The same of the other axis.
    """
    shared = sorted(x.keys() & y.keys())
    seeds = [("no seed" if s == NO_SEED else f"seed {s}", x[s], y[s]) for s in shared]
    if not seeds:
        return Cloud(name, look, seeds, (nan, nan))
    means = np.mean([values for _, *values in seeds], axis=0)
    return Cloud(name, look, seeds, (float(means[0]), float(means[1])))


def _cell(axis: Axis, value: float) -> Cell:
    return Cell(NOT_ESTIMABLE) if isnan(value) else Cell(axis.text(value), value)


@drawn
def _draw(clouds: Mapping[str, Sequence[Cloud]], x: Axis, y: Axis) -> Canvas:
    across = min(2, len(clouds))
    down = -(-len(clouds) // across)
    canvas = new_canvas(0.75 + 2.55 * down + (0.8 if across == 1 else 0))
    panels = [axes for row in canvas.panels(down, across) for axes in row]
    attributes = list(clouds)
    for axes, attribute in zip(panels, attributes, strict=False):
        _panel(canvas, axes, clouds[attribute], x, y)
        axes.set_title(wrapped([attribute], 36)[0])
        axes.set_xlabel(x.label)
        axes.set_ylabel(y.label)
    for axes in panels[len(attributes) :]:
        axes.set_visible(False)
    looks: dict[str, tuple[Look, list[int]]] = {}
    for all_clouds in clouds.values():
        for cloud in all_clouds:
            looks.setdefault(cloud.name, (cloud.look, []))[1].append(len(cloud.seeds))
    names = wrapped([*looks], 22)
    canvas.legend_of(
        [handle(color=look.colour, marker=look.marker) for look, _ in looks.values()],
        [f"{name} ({count_text(n)})" for name, (_, n) in zip(names, looks.values(), strict=True)],
    )
    return canvas


def _panel(canvas: Canvas, axes: Axes, clouds: Sequence[Cloud], x: Axis, y: Axis) -> None:
    seen = [cloud for cloud in clouds if cloud.seeds]
    if not seen:
        blank(axes, "not estimable in any run")
        return
    if not any(_shown(x, y, a, b) for cloud in seen for _, a, b in cloud.seeds):
        blank(axes, "0 in every run, which a logarithmic axis cannot show")
        return
    front = sorted(cloud.mean for cloud in seen if cloud.on_front)
    axes.plot(
        [x.factor * a for a, _ in front],
        [y.factor * b for _, b in front],
        color=LIGHT["ink"],
        linewidth=0.9,
        linestyle=(0, (4, 2)),
        zorder=2,
    )
    for cloud in seen:
        style: Style = {"color": cloud.look.colour, "marker": cloud.look.marker, "clip_on": True}
        points = [(seed, a, b) for seed, a, b in cloud.seeds if _shown(x, y, a, b)]
        texts = [f"{cloud.name}, {seed}: {_both(x, y, (a, b))}" for seed, a, b in points]
        few = len(points) <= 20
        canvas.marks(
            axes,
            [x.factor * a for _, a, _ in points],
            [y.factor * b for _, _, b in points],
            texts,
            **style,
            ms=3.2,
            mew=0,
            alpha=0.6 if few else 0.4,
        )
        text = f"{cloud.name}, mean of {len(cloud.seeds)}: {_both(x, y, cloud.mean)}"
        # Broader than others: where a variant is equal to the baseline, both show.
        size = 11 if cloud.look.colour == BASELINE_LOOK.colour else 7.5
        at = [x.factor * cloud.mean[0]], [y.factor * cloud.mean[1]]
        if _shown(x, y, *cloud.mean):
            edge = LIGHT["surface"]
            canvas.marks(axes, *at, [text], **style, ms=size, mec=edge, mew=0.9, zorder=4)
    axes.margins(0.1)
    for axis, scale, numbers in (
        (x, axes.set_xscale, axes.xaxis),
        (y, axes.set_yscale, axes.yaxis),
    ):
        if axis.log:
            scale("log")
            log_ticks(numbers)
    if x.better and y.better:
        arrow = {(1, 1): "↗", (1, -1): "↘", (-1, 1): "↖", (-1, -1): "↙"}
        text = f"better {arrow[x.better, y.better]}"
        look: Style = {"color": LIGHT["muted"], "fontsize": 8, "transform": axes.transAxes}
        axes.text(1, 1.025, text, ha="right", va="bottom", **look)


def _shown(x: Axis, y: Axis, a: float, b: float) -> bool:
    """Return whether a point has a place: 0 has none on a logarithmic axis."""
    return (a > 0 or not x.log) and (b > 0 or not y.log)


def _both(x: Axis, y: Axis, at: tuple[float, float]) -> str:
    return f"{x.label} {x.text(at[0])}, {y.label} {y.text(at[1])}"
