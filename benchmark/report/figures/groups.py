"""Whom the test set holds, and what gaps chance alone makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from benchmark.report.figures.lazy import Style, blank, drawn, handle, new_canvas
from benchmark.report.figures.style import LIGHT, Look, wrapped
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.figures.view import Block, Panel, View, count_text, in_block
from benchmark.report.model import Cell, Figure
from benchmark.report.verdict_table import metric_name
from benchmark.verdicts.analysis import MARGINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

GAPS = ("auc_gap", "dpd", "deodds")

COUNTS_CAPTION = (
    "Samples of the test set; a group is marked small where one patient of its smaller class moves "
    "its TPR or FPR by more than {margin:g} points, the margin of DEOdds. See which groups can "
    "carry a gap at all. A large gap of a small group is as likely when nothing is unfair."
)
CHANCE_CAPTION = (
    "Marks are seeds and, larger, their mean; the grey bar is the mean of the same gap when group "
    "labels are permuted, so that groups do not matter. See which gaps stand out from their bar. "
    "A gap within its bar shows nothing, and a gap beyond it is not tested here: variants are "
    "compared by the verdicts alone.{left_out}"
)


@dataclass(frozen=True)
class Group:
    """One group of the test set; `positive` is NaN for a label with more than two classes."""

    name: str
    n: float
    positive: float

    @property
    def step(self) -> float:
        """By how much one patient of the smaller class moves TPR or FPR; inf without one."""
        fewest = self.n if isnan(self.positive) else min(self.positive, self.n - self.positive)
        return 1 / fewest if fewest else float("inf")


def count_figures(view: View) -> list[Figure]:
    """Return for each block the groups of its test set."""
    margin = view.found.analysis.margins.get("deodds", MARGINS["deodds"])
    figures = []
    for block in view.blocks:
        found = {panel.attribute: _groups(panel) for panel in block.panels}
        found = {attribute: groups for attribute, groups in found.items() if groups}
        if found:
            figures.append(_count_figure(block, found, margin))
    return figures


def chance_figures(view: View) -> list[Figure]:
    """Return for each block and attribute every gap beside its value under permuted labels."""
    figures = []
    for block in view.blocks:
        for panel in block.panels:
            found = _gaps(view, panel)
            if any(gap.seeds for gap in found):
                figures.append(_chance_figure(panel, found))
    return figures


def _groups(panel: Panel) -> list[Group]:
    rows = panel.rows[panel.rows["group"] != ""]
    sizes, positives = (
        rows[rows["metric"] == metric].drop_duplicates("group").set_index("group")["mean"]
        for metric in ("n", "n_positive")
    )
    return [
        Group(str(name), float(n), float(positives.get(name, nan))) for name, n in sizes.items()
    ]


def _count_figure(block: Block, found: Mapping[str, Sequence[Group]], margin: float) -> Figure:
    id = f"group-counts-{block.anchor}"
    body = [
        (
            attribute,
            group.name,
            plain(group.n, ".0f"),
            plain(group.positive, ".0f"),
            Cell("–") if group.step == float("inf") else percent(group.step),
            _warning(group, margin) or "–",
        )
        for attribute, groups in found.items()
        for group in groups
    ]
    columns = ("attribute", "group", "n #", "positive #", "one patient (points) #", "warning")
    return Figure(
        id,
        in_block("Groups of the test set", block.title),
        COUNTS_CAPTION.format(margin=100 * margin),
        partial(_draw_counts, found, margin),
        figure_table(id, "Samples of the test set by group.", columns, body),
    )


def _warning(group: Group, margin: float) -> str:
    if not group.n:
        return "no samples"
    if group.step == float("inf"):
        return "one class only"
    return f"small: 1 patient = {100 * group.step:.1f} points" if group.step > margin else ""


@drawn
def _draw_counts(found: Mapping[str, Sequence[Group]], margin: float) -> Canvas:
    heights = [len(groups) for groups in found.values()]
    canvas = new_canvas(0.85 + sum(0.24 * h + 0.34 for h in heights))
    panels = canvas.panels(len(found), 1, sharex=True, height_ratios=[h + 0.6 for h in heights])
    for (axes,), (attribute, groups) in zip(panels, found.items(), strict=True):
        for y, group in enumerate(groups):
            positive = 0.0 if isnan(group.positive) else group.positive
            parts = [(0.0, positive, "equivalent", "positive")]
            parts.append((positive, group.n - positive, "grid", "negative"))
            for left, width, colour, what in parts:
                if width:
                    (bar,) = axes.barh(
                        [y], [width], left=[left], height=0.68, color=LIGHT[colour], linewidth=0
                    )
                    what = "samples" if isnan(group.positive) else what
                    canvas.name_marks(bar, [f"{attribute}, {group.name}: {width:.0f} {what}"])
            warning = _warning(group, margin)
            text = f"  {group.n:.0f}" + (f"   ⚠ {warning}" if warning else "")
            colour = LIGHT["worse" if warning else "ink"]
            axes.text(group.n, y, text, va="center", fontsize=8, color=colour)
        axes.set_yticks(range(len(groups)), wrapped([group.name for group in groups], 30, 1))
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.set_title(wrapped([attribute], 60)[0])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
    most = max(group.n for groups in found.values() for group in groups)
    warned = any(_warning(g, margin) for groups in found.values() for g in groups)
    panels[-1][0].set_xlim(0, most * (1.45 if warned else 1.12))
    panels[-1][0].set_xlabel("samples of the test set")
    entries = [handle(color=LIGHT[c], marker="s", ms=8) for c in ("equivalent", "grid")]
    canvas.legend_of(entries, ["positive (class 1)", "negative"])
    return canvas


@dataclass(frozen=True)
class Gap:
    """One variant's gap: by seed as shown, and its mean under permuted labels, fractions."""

    metric: str
    name: str
    look: Look
    seeds: Sequence[tuple[str, float]]
    chance: float

    @property
    def mean(self) -> float:
        """Over seeds; NaN without one."""
        return float(np.mean([v for _, v in self.seeds])) if self.seeds else nan


def _gaps(view: View, panel: Panel) -> list[Gap]:
    found = []
    for metric in GAPS:
        for entry in panel.entries:
            key = (entry.id, panel.attribute, entry.rule)
            values = view.values(*key, metric)
            chance = view.values(*key, f"{metric}_permuted")
            seeds = [(f"seed {s}" if s >= 0 else "no seed", v) for s, v in sorted(values.items())]
            mean = float(np.mean([*chance.values()])) if chance else nan
            found.append(Gap(metric, entry.name, entry.look, seeds, mean))
    return found


def _chance_figure(panel: Panel, found: Sequence[Gap]) -> Figure:
    id = f"chance-{panel.anchor}"
    body = [
        (
            metric_name(gap.metric),
            gap.name,
            plain(len(gap.seeds), "d"),
            percent(gap.mean),
            percent(gap.chance),
        )
        for gap in found
    ]
    columns = ("gap", "variant", "n #", "mean #", "by chance #")
    shown = {entry.name for entry in panel.shown}
    return Figure(
        id,
        in_block(f"Gaps and chance, {panel.attribute}", panel.block),
        CHANCE_CAPTION.format(left_out=panel.left_out),
        partial(_draw_chance, [gap for gap in found if gap.name in shown]),
        figure_table(id, "Gaps in percent, and under permuted group labels.", columns, body),
    )


@drawn
def _draw_chance(found: Sequence[Gap]) -> Canvas:
    names = list(dict.fromkeys(gap.name for gap in found))
    canvas = new_canvas(0.85 + 0.3 * len(names))
    (row,) = canvas.panels(1, len(GAPS), sharey=True)
    for axes, metric in zip(row, GAPS, strict=True):
        gaps = [gap for gap in found if gap.metric == metric]
        if not any(gap.seeds for gap in gaps):
            blank(axes, "not estimable")
        for y, gap in enumerate(gaps):
            _gap(canvas, axes, y, gap)
        axes.set_title(f"{metric_name(metric)} (%)")
        axes.set_xlim(left=0)
    counts = [count_text([len(g.seeds) for g in found if g.name == name]) for name in names]
    labels = [f"{w} ({n})" for w, n in zip(wrapped(names, 28), counts, strict=True)]
    row[0].set_yticks(range(len(names)), labels)
    row[0].set_ylim(len(names) - 0.5, -0.5)
    for axes in row:
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
    bar = handle(color=LIGHT["grid"], marker="s", ms=9)
    canvas.legend_of([bar], ["by chance: mean under permuted group labels"])
    return canvas


def _gap(canvas: Canvas, axes: Axes, y: int, gap: Gap) -> None:
    if not isnan(gap.chance):
        (bar,) = axes.barh([y], [100 * gap.chance], height=0.62, color=LIGHT["grid"], linewidth=0)
        canvas.name_marks(bar, [f"{gap.name}, by chance: {100 * gap.chance:.2f}%"])
    style: Style = {"color": gap.look.colour, "marker": gap.look.marker}
    if gap.seeds:
        x = [100 * value for _, value in gap.seeds]
        texts = [f"{gap.name}, {seed}: {100 * value:.2f}%" for seed, value in gap.seeds]
        canvas.marks(axes, x, [y] * len(x), texts, ms=3.4, mew=0, alpha=0.5, **style)
        text = f"{gap.name}, mean: {100 * gap.mean:.2f}%"
        edge: Style = {"mec": LIGHT["surface"], "mew": 0.7}
        canvas.marks(axes, [100 * gap.mean], [y], [text], ms=6.5, **edge, **style)
