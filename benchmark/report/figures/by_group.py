"""ROC and calibration of each group, variant beside variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmark.metrics.inputs import FloatArray
from benchmark.report.figures.courses import Courses
from benchmark.report.figures.lazy import Style, drawn, handle, new_canvas
from benchmark.report.figures.shapes import GRID, Shape
from benchmark.report.figures.style import LIGHT, looks, wrapped
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.figures.view import Entry, Panel, View, in_block
from benchmark.report.model import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

MOST_VARIANTS = 4
MOST_GROUPS = 8
SHOWN_RATES = (0.1, 0.25, 0.5)

CAPTION = (
    "Each line is a group of the test set at the selected epoch, the mean over seeds of curves and "
    "of bins. Top: ROC; bottom: calibration after Platt scaling on validation, in bins of equal "
    "mass, above the diagonal where positives are commoner than predicted. See whether groups are "
    "ranked equally well, and whether a probability means the same for all. Curves of small groups "
    "are ragged by chance: mind the counts before reading a difference into them.{more}"
)


@dataclass(frozen=True)
class Curve:
    """One group under one variant.

    Attributes:
        group: Its name.
        n: Seeds.
        tpr: (101,) at `GRID`, mean over seeds; None where the group has one class.
        predicted, observed: (B,), means over seeds of each bin; empty for a small group.
    """

    group: str
    n: int
    tpr: FloatArray | None
    predicted: FloatArray
    observed: FloatArray


def group_curve_figures(view: View, courses: Courses) -> list[Figure]:
    """Return for each block and attribute the groups' ROC and calibration; none of many classes."""
    figures = []
    for block in view.blocks:
        for panel in block.panels:
            # Those that train on groups first: they are what the comparison is about.
            entries = sorted(panel.shown, key=lambda e: (not e.is_baseline, not e.arm.attributes))
            found = {e: curves for e in entries if (curves := _curves(courses, panel, e))}
            if found:
                figures.append(_figure(view, panel, found))
    return figures


def _curves(courses: Courses, panel: Panel, entry: Entry) -> list[Curve]:
    by_group: dict[str, list[Shape]] = {}
    for curves in courses.curves[entry.id].values():
        for (attribute, group), shape in curves.shapes.items():
            if attribute == panel.attribute:
                by_group.setdefault(group, []).append(shape)
    found = []
    for group, shapes in by_group.items():
        rates = [shape.tpr for shape in shapes if shape.tpr is not None]
        # The same test set and so the same bins, but for ties, which may merge two.
        width = min(len(shape.predicted) for shape in shapes)
        same = [shape for shape in shapes if len(shape.predicted) == width]
        found.append(
            Curve(
                group,
                len(shapes),
                np.mean(rates, axis=0) if rates else None,
                np.mean([shape.predicted for shape in same], axis=0),
                np.mean([shape.observed for shape in same], axis=0),
            )
        )
    return found


def _figure(view: View, panel: Panel, found: Mapping[Entry, Sequence[Curve]]) -> Figure:
    id = f"group-curves-{panel.anchor}"
    counts = _counts(view, panel, [*found])
    body = [
        row
        for entry, curves in found.items()
        for curve in curves
        for row in [_row(view, panel, entry, curve, counts)]
    ]
    rates = (f"TPR at FPR {100 * rate:g}% #" for rate in SHOWN_RATES)
    columns = (
        *("variant", "group", "n #", "positive #", "seeds #", "AUC ↑ #", *rates),
        *("Brier ↓ #", "ECE ↓ #", "calibration bins: predicted → observed"),
    )
    shown = dict(list(found.items())[:MOST_VARIANTS])
    more = []
    if len(found) > len(shown):
        more.append(f"{len(found) - len(shown)} further variants are in the table alone.")
    if max(map(len, found.values())) > MOST_GROUPS:
        more.append(f"The {MOST_GROUPS} largest groups are drawn.")
    return Figure(
        id,
        in_block(f"ROC and calibration, {panel.attribute}", panel.block),
        CAPTION.replace("{more}", "".join(f" {text}" for text in more)),
        partial(_draw, {e.name: curves for e, curves in shown.items()}, counts),
        figure_table(id, f"Groups of {panel.attribute} on test, in percent.", columns, body),
    )


def _counts(view: View, panel: Panel, entries: Sequence[Entry]) -> dict[str, tuple[int, int]]:
    """Return group → (samples, positives); equal for all runs on one test set."""
    found: dict[str, tuple[int, int]] = {}
    for entry in entries:
        for group in panel.rows["group"].drop_duplicates():
            key = (entry.id, panel.attribute, entry.rule)
            n = view.values(*key, "n", group)
            positive = view.values(*key, "n_positive", group)
            if n and positive and group:
                found.setdefault(group, (int(max(n.values())), int(max(positive.values()))))
    return found


def _row(
    view: View, panel: Panel, entry: Entry, curve: Curve, counts: Mapping[str, tuple[int, int]]
) -> list[object]:
    def mean(metric: str) -> float:
        values = view.values(entry.id, panel.attribute, entry.rule, metric, curve.group)
        return float(np.mean([*values.values()])) if values else float("nan")

    n, positive = counts.get(curve.group, (0, 0))
    at = [int(np.flatnonzero(np.isclose(GRID, rate))[0]) for rate in SHOWN_RATES]
    return [
        entry.name,
        curve.group,
        plain(n, "d"),
        plain(positive, "d"),
        plain(curve.n, "d"),
        percent(mean("group_auc")),
        *(percent(None if curve.tpr is None else float(curve.tpr[k])) for k in at),
        percent(mean("brier")),
        percent(mean("ece")),
        ", ".join(
            f"{100 * p:.0f} → {100 * o:.0f}"
            for p, o in zip(curve.predicted, curve.observed, strict=True)
        )
        or "too few samples",
    ]


@drawn
def _draw(found: Mapping[str, Sequence[Curve]], counts: Mapping[str, tuple[int, int]]) -> Canvas:
    groups = sorted({c.group for curves in found.values() for c in curves}, key=[*counts].index)
    largest = sorted(groups, key=lambda g: -counts[g][0])[:MOST_GROUPS]
    groups = [group for group in groups if group in largest]
    look = looks(groups)
    width = 7.0 if len(found) > 2 else 2.6 * len(found) + 0.6
    canvas = new_canvas(0.9 + 2 * width / len(found) * 0.86, width)
    panels = canvas.panels(2, len(found), sharex=True, sharey=True)
    for (name, curves), roc, calibration in zip(found.items(), *panels, strict=True):
        roc.set_title(wrapped([name], max(14, 80 // len(found)))[0])
        for axes in (roc, calibration):
            axes.plot([0, 100], [0, 100], color=LIGHT["muted"], linewidth=0.7, linestyle=":")
            axes.set_aspect("equal")
            axes.set_xticks([0, 50, 100])
            axes.set_yticks([0, 50, 100])
        for curve in curves:
            if curve.group in look:
                colour, marker = look[curve.group].colour, look[curve.group].marker
                _group(canvas, roc, calibration, name, curve, colour, marker)
        roc.set_xlabel("FPR (%)")
        calibration.set_xlabel("predicted (%)")
        roc.tick_params(labelbottom=True)
    panels[0][0].set_ylabel("TPR (%)")
    panels[1][0].set_ylabel("observed (%)")
    names = wrapped(groups, 26)
    canvas.legend_of(
        [handle(color=look[g].colour, marker=look[g].marker, linestyle="-") for g in groups],
        [
            f"{name} (n = {counts[g][0]}, {counts[g][1]} positive)"
            for name, g in zip(names, groups, strict=True)
        ],
    )
    return canvas


def _group(
    canvas: Canvas,
    roc: Axes,
    calibration: Axes,
    name: str,
    curve: Curve,
    colour: str,
    marker: str,
) -> None:
    style: Style = {"color": colour, "linewidth": 1.1}
    marks: Style = {"marker": marker, "color": colour, "ms": 3.6, "mew": 0}
    if curve.tpr is not None:
        roc.plot(100 * GRID, 100 * curve.tpr, **style)
        at = [int(np.flatnonzero(np.isclose(GRID, rate))[0]) for rate in SHOWN_RATES]
        x, y = (100 * GRID[at]).tolist(), (100 * curve.tpr[at]).tolist()
        texts = [
            f"{name}, {curve.group}: TPR {b:.1f}% at FPR {a:g}%" for a, b in zip(x, y, strict=True)
        ]
        canvas.marks(roc, x, y, texts, **marks)
    x, y = (100 * curve.predicted).tolist(), (100 * curve.observed).tolist()
    calibration.plot(x, y, alpha=0.8, **style)
    texts = [
        f"{name}, {curve.group}: predicted {a:.1f}%, observed {b:.1f}%"
        for a, b in zip(x, y, strict=True)
    ]
    canvas.marks(calibration, x, y, texts, **marks)
