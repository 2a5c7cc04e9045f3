"""A key's value against what it does: one line a metric, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import log10
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.report.figures.lazy import Style, drawn, handle, new_canvas
from benchmark.report.figures.style import BASELINE_LOOK, LIGHT, Look, looks, wrapped
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.model import Cell, Figure
from benchmark.report.verdict_table import metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

DASHED = (0, (4, 2))

CAPTION = (
    "Each small mark is a seed, the line joins means over seeds; dashed: the baseline's mean, with "
    "its range over seeds as a band. See whether the response is monotone and whether it leaves "
    "the baseline's band. Do not read a best value off it: the best of several means is partly "
    "luck, and it was not chosen on validation."
)


def dose_response_figure(
    points: pd.DataFrame,
    *,
    id: str,
    title: str,
    dose: str = "λ",
    caption: str = CAPTION,
) -> Figure:
    """Return one panel for each metric and attribute: the metric over the doses.

    Args:
        points: Tidy, a row a run and metric: `variant`, `attribute`, `metric` (a key of
            `METRICS`, or another name such as `distance`), `dose` (a number ≥ 0; NaN for the
            baseline, which has none), `seed` (missing where there is none) and `value` (a
            fraction of what is in `METRICS`, shown in percent; anything else as it is; NaN where
            there is none).
        id: Of the figure.
        title: Of the figure.
        dose: What the doses are, as the axis says it.
        caption: What to see, and what not to conclude.

    Raises:
        ValueError: a column is missing, or a dose is negative.
    """
    lacking = {"variant", "attribute", "metric", "dose", "seed", "value"} - set(points.columns)
    if lacking:
        raise ValueError(f"points have no column {', '.join(sorted(lacking))}")
    if (points["dose"] < 0).any():
        raise ValueError(f"a dose is {points['dose'].min():g}; expected 0 or more")
    rows = []
    keys = ["attribute", "metric", "variant", "dose"]
    for (attribute, metric, variant, at), part in points.groupby(keys, sort=False, dropna=False):
        values = part["value"].dropna()
        rows.append(
            (
                str(attribute),
                _name(str(metric)),
                str(variant),
                plain(float(str(at))),
                plain(len(values), "d"),
                _cell(str(metric), values.mean()),
                _cell(str(metric), values.std()),
                _cell(str(metric), values.min()),
                _cell(str(metric), values.max()),
            )
        )
    names = ["attribute", "metric", "variant", f"{dose} #", "n #"]
    names += ["mean #", "SD #", "min #", "max #"]
    summary = f"Means over seeds by {dose}: metrics in percent, a distance as it is."
    table = figure_table(id, summary, names, rows)
    return Figure(id, title, caption, partial(_draw, points, dose), table)


def _name(metric: str) -> str:
    return metric_name(metric) if metric in METRICS else metric


def _cell(metric: str, value: float) -> Cell:
    return percent(value) if metric in METRICS else plain(value)


@drawn
def _draw(points: pd.DataFrame, dose: str) -> Canvas:
    attributes = [str(a) for a in points["attribute"].drop_duplicates()]
    metrics = [str(m) for m in points["metric"].drop_duplicates()]
    is_base = points["dose"].isna()
    bases = points.loc[is_base, "variant"].map(str).drop_duplicates().tolist()
    variants = points.loc[~is_base, "variant"].map(str).drop_duplicates().tolist()
    doses = [float(d) for d in sorted(points["dose"].dropna().unique())]
    look = looks(variants)
    canvas = new_canvas(0.55 + 1.9 * len(metrics))
    panels = canvas.panels(len(metrics), len(attributes), sharex=True, sharey="row")
    for row, metric in zip(panels, metrics, strict=True):
        row[0].set_ylabel(_name(metric) + (" (%)" if metric in METRICS else ""))
        for axes, attribute in zip(row, attributes, strict=True):
            here = points[(points["metric"] == metric) & (points["attribute"] == attribute)]
            here = here.dropna(subset="value")
            scale = 100.0 if metric in METRICS else 1.0
            here = here.assign(value=scale * here["value"])
            _baseline(axes, here.loc[here["dose"].isna(), "value"].tolist())
            for variant in variants:
                part = here[here["dose"].notna() & (here["variant"] == variant)]
                _response(canvas, axes, part, look[variant], dose, doses)
    at = [position(d, doses) for d in doses]
    room = 0.06 * (max(at, default=1) - min(at, default=0) or 1)
    for axes, attribute in zip(panels[0], wrapped(attributes, 40), strict=True):
        axes.set_title(attribute)
    for axes in panels[-1]:
        axes.set_xlabel(dose)
        if at:
            axes.set_xticks(at, [f"{d:g}" for d in doses])
            axes.set_xlim(min(at) - room, max(at) + room)
    entries = [handle(color=look[v].colour, marker=look[v].marker, linestyle="-") for v in variants]
    seeds = [_seeds(points[points["variant"] == v]) for v in variants]
    labels = [f"{name} ({n})" for name, n in zip(wrapped(variants, 34), seeds, strict=True)]
    if bases:
        entries.append(handle(color=BASELINE_LOOK.colour, linestyle=DASHED))
        labels.append(f"{wrapped(bases, 34)[0]}: mean and range over seeds")
    canvas.legend_of(entries, labels)
    return canvas


def _seeds(points: pd.DataFrame) -> str:
    """Return "n = 3", or "n = 2–3" where doses differ."""
    n = points.dropna(subset="value").groupby(["attribute", "metric", "dose"]).size()
    if n.empty:
        return "n = 0"
    return f"n = {n.max()}" if n.min() == n.max() else f"n = {n.min()}–{n.max()}"


def _baseline(axes: Axes, values: Sequence[float]) -> None:
    if values:
        axes.axhspan(min(values), max(values), color=LIGHT["band"], zorder=0)
        mean = sum(values) / len(values)
        axes.axhline(mean, color=BASELINE_LOOK.colour, linestyle=DASHED, linewidth=1.2)


def _response(
    canvas: Canvas, axes: Axes, part: pd.DataFrame, look: Look, dose: str, doses: Sequence[float]
) -> None:
    """Draw one variant: marks of seeds, and the line of means."""
    texts = [
        f"{row['variant']}, {dose} = {row['dose']:g}"
        + ("" if pd.isna(row["seed"]) else f", seed {int(row['seed'])}")
        + (f": {row['value']:.2f}%" if row["metric"] in METRICS else f": {row['value']:.3g}")
        for row in part.to_dict("records")
    ]
    style: Style = {"color": look.colour, "marker": look.marker}
    x = [position(d, doses) for d in part["dose"]]
    y = part["value"].tolist()
    canvas.marks(axes, x, y, texts, **style, markersize=4, alpha=0.75, mew=0)
    means = part.groupby("dose", sort=True)["value"].mean()
    at = [position(float(d), doses) for d in means.index]
    axes.plot(at, means.to_numpy(), color=look.colour, zorder=2.5)


def position(dose: float, doses: Sequence[float]) -> float:
    """Return where a dose stands on a logarithmic axis; 0 stands a decade below the smallest.

    Args:
        dose: One of `doses`.
        doses: All doses of the axis.
    """
    if dose > 0:
        return log10(dose)
    return min((log10(d) for d in doses if d > 0), default=1.0) - 1
