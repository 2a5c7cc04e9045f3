"""Baseline and variant, joined seed by seed: three seeds look like three seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from benchmark.report.figures.lazy import Style, blank, drawn, handle, lines, new_canvas
from benchmark.report.figures.style import BASELINE_LOOK, LIGHT, wrapped
from benchmark.report.figures.table import figure_table, percent, points
from benchmark.report.figures.view import BySeed, Entry, Panel, View, in_block
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name
from benchmark.summary import NO_SEED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Each line is one seed: {baseline} on the left of a pair, the variant on the right, trained on "
    "the same batches in the same order; the short bar is the mean. See whether lines go the same "
    "way, and how many there are. A variant or baseline without a seed is one value, joined to "
    "every seed of the other. Do not compare heights of marks between pairs instead of the lines "
    "within them.{left_out}"
)


class Pair(NamedTuple):
    """Two runs: their seeds as shown, and their values as fractions."""

    base_seed: str
    seed: str
    before: float
    after: float


@dataclass(frozen=True)
class Pairs:
    """One variant against its baseline on one metric."""

    entry: Entry
    ends: Sequence[Pair]


def slope_figures(view: View) -> list[Figure]:
    """Return for each block and attribute the primary metrics, seed by seed."""
    figures = []
    for block in view.blocks:
        for panel in block.panels:
            found = {
                metric: [_pairs(view, panel, entry, metric) for entry in _compared(panel)]
                for metric in view.found.analysis.primary
            }
            if any(pair.ends for pairs in found.values() for pair in pairs):
                figures.append(_figure(view, panel, found))
    return figures


def _compared(panel: Panel) -> list[Entry]:
    return [entry for entry in panel.shown if not entry.is_baseline]


def _pairs(view: View, panel: Panel, entry: Entry, metric: str) -> Pairs:
    ours = view.values(entry.id, panel.attribute, entry.rule, metric)
    theirs = view.baseline_values(entry, panel.attribute, metric)
    return Pairs(entry, list(_ends(theirs, ours)))


def _ends(theirs: BySeed, ours: BySeed) -> Iterator[Pair]:
    """Yield pairs as `compare` pairs them: by seed, or one value with every seed."""
    if NO_SEED in ours or NO_SEED in theirs:
        pairs = [(a, b) for a in sorted(theirs) for b in sorted(ours)]
    else:
        pairs = [(seed, seed) for seed in sorted(ours.keys() & theirs.keys())]
    for a, b in pairs:
        yield Pair(_seed(a), _seed(b), theirs[a], ours[b])


def _seed(seed: int) -> str:
    return "no seed" if seed == NO_SEED else f"seed {seed}"


def _figure(view: View, panel: Panel, found: dict[str, list[Pairs]]) -> Figure:
    id = f"slopes-{panel.anchor}"
    baseline = view.found.baseline
    body = [
        (
            metric_name(metric),
            pairs.entry.name,
            pair.base_seed if pair.seed == "no seed" else pair.seed,
            percent(pair.before),
            percent(pair.after),
            points(pair.after - pair.before),
        )
        for metric, all_pairs in found.items()
        for pairs in all_pairs
        for pair in pairs.ends
    ]
    columns = ("metric", "variant", "pair", f"{baseline} #", "variant value #", "difference #")
    caption = f"Each pair of runs on {panel.attribute}: metrics in percent, difference in points."
    return Figure(
        id,
        in_block(f"Seed by seed, {panel.attribute}", panel.block),
        CAPTION.format(baseline=baseline, left_out=panel.left_out),
        partial(_draw, found, baseline),
        figure_table(id, caption, columns, body),
    )


@drawn
def _draw(found: dict[str, list[Pairs]], baseline: str) -> Canvas:
    entries = [pairs.entry for pairs in next(iter(found.values()))]
    longest = max(len(entry.name) for entry in entries)
    turned = len(entries) > 4 and longest > 70 / len(entries)
    canvas = new_canvas(0.45 + 1.95 * len(found) + (1.0 if turned else 0.3))
    panels = canvas.panels(len(found), 1, sharex=True)
    for (axes,), (metric, all_pairs) in zip(panels, found.items(), strict=True):
        for k, pairs in enumerate(all_pairs):
            _slopes(canvas, axes, k, pairs, baseline)
        axes.set_ylabel(f"{metric_name(metric)} (%)")
        axes.grid(visible=False, axis="x")
        if not any(pairs.ends for pairs in all_pairs):
            blank(axes, "not estimable in any pair of runs")
    width, lines, before_n = (34, 1, " ") if turned else (max(12, 84 // len(entries)), 2, "\n")
    names = wrapped([entry.name for entry in entries], width, lines)
    counts = [max(len(pairs[k].ends) for pairs in found.values()) for k in range(len(entries))]
    labels = [f"{name}{before_n}(n = {n})" for name, n in zip(names, counts, strict=True)]
    last = panels[-1][0]
    look: Style = {"rotation": 38, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    last.set_xticks(range(len(entries)), labels, **look)
    last.set_xlim(-0.55, len(entries) - 0.45)
    last.tick_params(axis="x", length=0)
    canvas.legend_of(
        [handle(color=BASELINE_LOOK.colour, marker=BASELINE_LOOK.marker, markersize=5)],
        [f"left of each pair: {wrapped([baseline], 40)[0]} with the same seed"],
    )
    return canvas


def _slopes(canvas: Canvas, axes: Axes, k: int, pairs: Pairs, baseline: str) -> None:
    """Draw one variant's pairs around position k."""
    if not pairs.ends:
        axes.text(k, 0.5, "n.e.", ha="center", color=LIGHT["muted"], **_within(axes))
        return
    left, right = k - 0.24, k + 0.24
    look = pairs.entry.look
    few = len(pairs.ends) <= 12
    line: Style = {"color": look.colour, "linewidth": 1.0 if few else 0.6}
    joins = [[(left, 100 * pair.before), (right, 100 * pair.after)] for pair in pairs.ends]
    lines(axes, joins, alpha=0.75 if few else 0.35, **line)
    # A side without seeds is one value in every pair, and one mark.
    theirs = list(dict.fromkeys((pair.base_seed, pair.before) for pair in pairs.ends))
    ours = list(dict.fromkeys((pair.seed, pair.after) for pair in pairs.ends))
    for x, name, marks, style in (
        (left, baseline, theirs, BASELINE_LOOK),
        (right, pairs.entry.name, ours, look),
    ):
        y = [100 * value for _, value in marks]
        texts = [f"{name}, {seed}: {100 * value:.2f}%" for seed, value in marks]
        size = 4.5 if few else 3
        canvas.marks(
            axes, [x] * len(y), y, texts, color=style.colour, marker=style.marker, ms=size, mew=0
        )
        side = -0.07 if x == left else 0.07
        mean = sum(y) / len(y)
        ends = [x + side - 0.035, x + side + 0.035]
        axes.plot(ends, [mean, mean], color=LIGHT["ink"], linewidth=1.8, solid_capstyle="butt")


def _within(axes: Axes) -> Style:
    return {"transform": axes.get_xaxis_transform(), "va": "center", "fontsize": 8}
