"""Training curves: loss terms, distances, AUC and gaps over epochs, on validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmark.report.figures.courses import Courses
from benchmark.report.figures.lazy import Style, blank, drawn, handle, log_ticks, new_canvas
from benchmark.report.figures.stored import mean_and_range
from benchmark.report.figures.style import Look, wrapped
from benchmark.report.figures.table import figure_table, plain
from benchmark.report.figures.view import Block, Entry, Panel, View, count_text, in_block
from benchmark.report.model import Cell, Figure
from benchmark.report.verdict_table import metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

MOST_CURVES = 8
"""Variants in one panel of curves, the baseline included."""

MOST_BANDS = 4
MOST_MARKS = 24
MOST_COLUMNS = 12
"""Epochs in the table behind curves."""

SPLITS = {"val": "validation", "test": "test"}
METRICS_SHOWN = ("auc", "auc_gap", "deodds")

CURVES_CAPTION = (
    "Lines are means over seeds{bands}, on validation left and on test right. The distance is that "
    "of each group's scores to everyone's, summed over groups. See whether curves "
    "have settled, and whether validation, which may select the epoch, goes with test. Do not "
    "pick an epoch by the right-hand side: that is what the rule test-auc does, and its numbers "
    "are optimistic.{more}"
)
TERMS_CAPTION = (
    "Lines are means over seeds{bands} of each term of the loss, without its weight. See whether a "
    "term falls at all. Terms of different variants can be different distances: do not compare "
    "their heights between variants.{more}"
)


@dataclass(frozen=True)
class Line:
    """One variant's curve.

    Attributes:
        name: Of the variant.
        look: How it is drawn.
        is_baseline: Whether others are compared with it.
        epochs, mean, low, high: (E,); the range is over seeds.
        n: Seeds at each epoch.
    """

    name: str
    look: Look
    is_baseline: bool
    epochs: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    n: Sequence[int]


Chart = tuple[str, str, float, Sequence[Line]]
"""Row of panels, column, factor of the values as drawn, lines."""


def training_figures(view: View, courses: Courses) -> list[Figure]:
    """Return for each block the loss terms, and for each attribute its curves."""
    figures = []
    for block in view.blocks:
        figures += [f for f in [_terms(block, courses)] if f]
        figures += [f for panel in block.panels if (f := _curves(panel, courses))]
    return figures


def _trained(panels: Sequence[Panel]) -> list[Entry]:
    """Return the arms with a training to show, each once."""
    entries = {entry.id: entry for panel in panels for entry in panel.shown if entry.arm.trains}
    return sorted(entries.values(), key=lambda entry: not entry.is_baseline)


def _curves(panel: Panel, courses: Courses) -> Figure | None:
    entries = _trained([panel])
    charts: list[Chart] = []
    rows = {metric: f"{metric_name(metric)} (%)" for metric in METRICS_SHOWN}
    for metric, row in rows.items():
        for split, column in SPLITS.items():
            lines = [
                _line(e, courses.metric(e.id, split, panel.attribute, metric))
                for e in entries[:MOST_CURVES]
            ]
            charts.append((row, column, 100, [line for line in lines if line.epochs]))
    for split, column in SPLITS.items():
        lines = [
            _line(e, [*courses.distance(e.id, split, panel.attribute).values()])
            for e in entries[:MOST_CURVES]
        ]
        row = "distance Σ ½W₂²"
        charts.append((row, column, 1, [line for line in lines if line.epochs]))
    return _figure(
        f"training-{panel.anchor}",
        in_block(f"Over epochs, {panel.attribute}", panel.block),
        CURVES_CAPTION,
        charts,
        len(entries) - MOST_CURVES,
    )


def _terms(block: Block, courses: Courses) -> Figure | None:
    entries = _trained(block.panels)
    drawn_entries = entries[:MOST_CURVES]
    names = courses.names([entry.id for entry in drawn_entries], "term")
    charts: list[Chart] = []
    for k, name in enumerate(names):
        lines = [_line(entry, courses.term(entry.id, "term", name)) for entry in drawn_entries]
        title = f"term “{name}”"
        charts.append((f"{k // 2}", title, 1, [line for line in lines if line.epochs]))
    return _figure(
        f"terms-{block.anchor}",
        in_block("Loss terms over epochs", block.title),
        TERMS_CAPTION,
        charts,
        len(entries) - MOST_CURVES,
    )


def _line(entry: Entry, curves: Sequence[Mapping[int, float]]) -> Line:
    epochs, mean, low, high, n = mean_and_range(curves)
    rows = (row.tolist() for row in (mean, low, high, n))
    return Line(entry.name, entry.look, entry.is_baseline, epochs, *rows)


def _figure(
    id: str, title: str, caption: str, charts: Sequence[Chart], n_more: int
) -> Figure | None:
    """Return the figure; None where no arm has more than one epoch."""
    lines = [line for *_, found in charts for line in found]
    if not any(len(line.epochs) > 1 for line in lines):
        return None
    banded = len({line.name for line in lines}) <= MOST_BANDS
    more = (
        f" {n_more} further variants are not drawn; their runs hold the curves."
        if n_more > 0
        else ""
    )
    bands = ", bands their range" if banded and any(max(line.n) > 1 for line in lines) else ""
    epochs = sorted({epoch for line in lines for epoch in line.epochs})
    step = -(-len(epochs) // MOST_COLUMNS)
    columns = sorted({*epochs[::step], epochs[-1]})
    body = [
        (
            column if row.isdigit() else f"{row}, {column}",
            line.name,
            plain(max(line.n), "d"),
            *(_cell(line, epoch, factor) for epoch in columns),
        )
        for row, column, factor, found in charts
        for line in found
    ]
    note = "mean over seeds, and lowest and highest in brackets"
    if step > 1:
        note += f"; every {step}. epoch, the drawing has all"
    names = ("curve", "variant", "n #", *(f"epoch {epoch} #" for epoch in columns))
    return Figure(
        id,
        title,
        caption.format(bands=bands, more=more),
        partial(_draw, charts, banded),
        figure_table(id, "The values of the curves.", names, body, (note,)),
    )


def _cell(line: Line, epoch: int, factor: float) -> Cell:
    if epoch not in line.epochs:
        return Cell("–")
    k = line.epochs.index(epoch)
    mean, low, high = (f"{factor * row[k]:.4g}" for row in (line.mean, line.low, line.high))
    text = mean if line.n[k] < 2 else f"{mean} [{low}, {high}]"
    return Cell(text, line.mean[k])


@drawn
def _draw(charts: Sequence[Chart], banded: bool) -> Canvas:
    rows = list(dict.fromkeys(row for row, *_ in charts))
    columns = max(sum(row == name for row, *_ in charts) for name in rows)
    canvas = new_canvas(0.6 + 1.5 * len(rows) + (0.5 if rows[0].isdigit() else 0))
    panels = canvas.panels(len(rows), columns, sharex=True)
    every = [line for *_, lines in charts for line in lines]
    longest = {line.name: max(line.epochs) for line in every}
    shares = max(longest.values()) > 3 * min(longest.values())
    for name, axes_row in zip(rows, panels, strict=True):
        here = [chart for chart in charts if chart[0] == name]
        in_row = [line for *_, lines in here for line in lines]
        for axes, (row, column, factor, lines) in zip(axes_row, here, strict=False):
            for line in lines:
                _curve(canvas, axes, line, factor, longest[line.name] if shares else 1, banded)
            if not lines:
                blank(axes, "not recorded, or not estimable")
            if row.isdigit():
                axes.set_title(column)
            elif axes is axes_row[0]:
                axes.set_ylabel(row)
            if name == rows[0] and not row.isdigit():
                axes.set_title(column)
            if factor == 1 and _spans_decades(lines if row.isdigit() else in_row):
                axes.set_yscale("log")
                log_ticks(axes.yaxis)
            if name == rows[-1]:
                axes.set_xlabel("part of the training" if shares else "epoch")
            if not shares:
                _whole_epochs(axes, max(longest.values()))
        for axes in axes_row[len(here) :]:
            axes.set_visible(False)
    looks = {line.name: line.look for line in every}
    counts = [count_text(sorted({k for x in every if x.name == v for k in x.n})) for v in looks]
    canvas.legend_of(
        [handle(color=k.colour, marker=k.marker, linestyle="-", ms=4) for k in looks.values()],
        [f"{name} ({n})" for name, n in zip(wrapped([*looks], 26), counts, strict=True)],
    )
    return canvas


def _curve(canvas: Canvas, axes: Axes, line: Line, factor: float, whole: int, banded: bool) -> None:
    x = [epoch / whole for epoch in line.epochs]
    mean, low, high = ([factor * v for v in row] for row in (line.mean, line.low, line.high))
    style: Style = {"color": line.look.colour}
    # The baseline is a broad line behind the others: where a variant is equal to it, both show.
    broad: Style = {"linewidth": 3.2, "alpha": 0.5, "zorder": 1.9}
    axes.plot(x, mean, **(broad if line.is_baseline else {"linewidth": 1.2}), **style)
    if banded and max(line.n) > 1:
        axes.fill_between(x, low, high, alpha=0.16, linewidth=0, **style)
    step = -(-len(x) // MOST_MARKS)
    texts = [
        f"{line.name}, epoch {epoch}: {m:.4g}" + (f" ({a:.4g} to {b:.4g})" if n > 1 else "")
        for epoch, m, a, b, n in zip(line.epochs, mean, low, high, line.n, strict=True)
    ]
    marker: Style = {"marker": line.look.marker, "ms": 3.4 if len(x) <= 12 else 2, "mew": 0}
    canvas.marks(axes, x[::step], mean[::step], texts[::step], **style, **marker, clip_on=True)


def _spans_decades(lines: Sequence[Line]) -> bool:
    values = [value for line in lines for value in (*line.low, *line.high)]
    return bool(values) and min(values) > 0 and max(values) > 30 * min(values)


def _whole_epochs(axes: Axes, last: int) -> None:
    step = max(1, -(-last // 10))
    axes.set_xticks([e for e in range(0, last + 1, step) if e > 0 or last == 0] or [last])
