"""Selection rules side by side: what each would report of the same runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmark.report.figures.courses import Courses
from benchmark.report.figures.lazy import Style, drawn, handle, new_canvas
from benchmark.report.figures.stored import Curves
from benchmark.report.figures.style import LIGHT, Look, wrapped
from benchmark.report.figures.table import figure_table, percent, plain
from benchmark.report.figures.view import Panel, View, count_text, in_block
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CRITERIA: Mapping[str, tuple[str, str] | None] = {
    "last": None,
    "val-auc": ("val", "auc"),
    "val-es-auc": ("val", "es_auc"),
    "val-worst-group-auc": ("val", "worst_group_auc"),
    "test-auc": ("test", "auc"),
}
"""Rule → the split and metric that it maximises; None for the last epoch."""

CAPTION = (
    "What the test set gives at the epoch that each rule selects, mean over seeds, from the same "
    "runs. See how much of a difference between variants the rule alone can make. test-auc looks "
    "at the test set that it then reports, so its AUC is never below that of any other rule: it is "
    "shown to compare with published tables, not to be believed.{left_out}"
)


@dataclass(frozen=True)
class Reported:
    """What one variant reports under each rule.

    Attributes:
        name: Of the variant.
        look: How it is drawn.
        values: (rule, metric) → by seed, fractions.
        epochs: Rule → by seed.
    """

    name: str
    look: Look
    values: Mapping[tuple[str, str], Sequence[float]]
    epochs: Mapping[str, Sequence[int]]


def rule_figures(view: View, courses: Courses) -> list[Figure]:
    """Return for each block and attribute AUC and gap by selection rule."""
    figures = []
    for block in view.blocks:
        for panel in block.panels:
            found = [
                Reported(
                    entry.name,
                    entry.look,
                    *_reported(courses.curves[entry.id], panel.attribute, view.gap),
                )
                for entry in panel.shown
                if entry.arm.trains
            ]
            found = [one for one in found if one.epochs]
            longest = max((e for one in found for es in one.epochs.values() for e in es), default=0)
            if longest > 1:
                figures.append(_figure(view, panel, found))
    return figures


def epoch_of(rule: str, curves: Curves, attribute: str) -> int | None:
    """Return the epoch that a rule selects, as `select_epoch` does; None where it has none."""
    criterion = CRITERIA[rule]
    if criterion is None:
        return int(curves.epochs[-1]) if len(curves.epochs) else None
    split, metric = criterion
    values = curves.metrics.get((split, attribute, metric))
    if values is None or not len(values) or np.isnan(values).any():
        return None
    return int(curves.epochs[np.flatnonzero(values == values.max())[-1]])


def _reported(
    by_seed: Mapping[int, Curves], attribute: str, gap: str
) -> tuple[dict[tuple[str, str], list[float]], dict[str, list[int]]]:
    values: dict[tuple[str, str], list[float]] = {}
    epochs: dict[str, list[int]] = {}
    for curves in by_seed.values():
        for rule in CRITERIA:
            epoch = epoch_of(rule, curves, attribute)
            if epoch is None:
                continue
            epochs.setdefault(rule, []).append(epoch)
            at = int(np.flatnonzero(curves.epochs == epoch)[0])
            for metric in ("auc", gap):
                value = float(curves.metrics["test", attribute, metric][at])
                if not np.isnan(value):
                    values.setdefault((rule, metric), []).append(value)
    return values, epochs


def _figure(view: View, panel: Panel, found: Sequence[Reported]) -> Figure:
    id = f"rules-{panel.anchor}"
    metrics = ("auc", view.gap)
    body = [
        (
            one.name,
            rule,
            plain(len(one.epochs[rule]), "d"),
            ", ".join(map(str, one.epochs[rule])),
            *(percent(_mean(one, rule, metric)) for metric in metrics),
        )
        for one in found
        for rule in CRITERIA
        if rule in one.epochs
    ]
    columns = ("variant", "rule", "n #", "epochs", *(f"{metric_name(m)} #" for m in metrics))
    caption = f"Test metrics on {panel.attribute} in percent, means over seeds, by rule."
    return Figure(
        id,
        in_block(f"By selection rule, {panel.attribute}", panel.block),
        CAPTION.replace("{left_out}", panel.left_out),
        partial(_draw, found, metrics, view.found.selection),
        figure_table(id, caption, columns, body),
    )


def _mean(one: Reported, rule: str, metric: str) -> float:
    values = one.values.get((rule, metric))
    return float(np.mean(values)) if values else float("nan")


@drawn
def _draw(found: Sequence[Reported], metrics: Sequence[str], selection: str) -> Canvas:
    canvas = new_canvas(3.35)
    (row,) = canvas.panels(1, len(metrics))
    rules = [rule for rule in CRITERIA if any(rule in one.epochs for one in found)]
    for axes, metric in zip(row, metrics, strict=True):
        for k, one in enumerate(found):
            _one(canvas, axes, one, metric, rules, (k - (len(found) - 1) / 2) * 0.05)
        labels = [rule + ("\n(a leak)" if rule == "test-auc" else "") for rule in rules]
        look: Style = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(rules)), labels, **look)
        if selection in rules:
            axes.get_xticklabels()[rules.index(selection)].set_fontweight("bold")
        if "test-auc" in rules:
            at = rules.index("test-auc")
            axes.axvspan(at - 0.45, at + 0.45, color=LIGHT["band"], zorder=0)
        axes.set_xlim(-0.5, len(rules) - 0.5)
        axes.set_title(f"{metric_name(metric)} on test")
        axes.set_ylabel("%")
        axes.grid(visible=False, axis="x")
    n = [count_text([len(seeds) for seeds in one.epochs.values()]) for one in found]
    names = wrapped([one.name for one in found], 22)
    canvas.legend_of(
        [handle(color=one.look.colour, marker=one.look.marker, linestyle="-") for one in found],
        [f"{name} ({count})" for name, count in zip(names, n, strict=True)],
    )
    return canvas


def _one(
    canvas: Canvas, axes: Axes, one: Reported, metric: str, rules: Sequence[str], aside: float
) -> None:
    """Draw one variant's means, with the range over seeds; `aside` keeps variants apart."""
    seen = [rule for rule in rules if one.values.get((rule, metric))]
    at = [rules.index(rule) + aside for rule in seen]
    values = [[100 * v for v in one.values[rule, metric]] for rule in seen]
    means = [sum(v) / len(v) for v in values]
    style: Style = {"color": one.look.colour}
    axes.plot(at, means, linewidth=0.8, alpha=0.6, **style)
    axes.vlines(at, [min(v) for v in values], [max(v) for v in values], linewidth=0.9, **style)
    texts = [
        f"{one.name}, {rule}: {mean:.2f}% ({min(v):.2f} to {max(v):.2f}, n = {len(v)})"
        for rule, mean, v in zip(seen, means, values, strict=True)
    ]
    canvas.marks(axes, at, means, texts, marker=one.look.marker, ms=5, mew=0, **style)
