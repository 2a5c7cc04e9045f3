"""The effects of an ablation as a waterfall, from one end to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.ablation.design import TOTAL
from benchmark.report.figures.lazy import drawn, handle, new_canvas
from benchmark.report.figures.style import LIGHT, wrapped
from benchmark.report.figures.table import figure_table, plain, points
from benchmark.report.model import Figure
from benchmark.report.verdict_table import metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.ablation.analysis import Ablation
    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Each bar is what changing one key does, in percentage points, placed where the bars before "
    "it ended; together they make the total. Whiskers are intervals over seeds, not corrected for "
    "the number of keys; a filled bar is shown after correction, a hollow one is not told from "
    "noise. {order} Do not conclude that a key without a visible bar does nothing: "
    "see its interval."
)
ORDERS = {
    "shapley": "Effects are averaged over all orders of changing keys, so the order of the bars "
    "means nothing.",
    "ladder": "Keys are changed in this order; in another order their effects can differ.",
}


def waterfall_figure(found: Ablation) -> Figure | None:
    """Return the effects that add up to the total difference, on the gain over the baseline.

    Shapley effects where they were computed, else those of the ladder; one panel a metric.
    None for an ablation without either, or whose effects cannot be estimated.

    Args:
        found: The ablation.
    """
    design = next((d for d in found.plan.designs if d.adds_up and d.name == "shapley"), None)
    design = design or next((d for d in found.plan.designs if d.adds_up), None)
    if design is None:
        return None
    rows = found.effects[
        (found.effects["design"] == design.name)
        & (found.effects["question"] == "gain")
        & found.effects["term"].isin([design.adds_up, TOTAL])
    ]
    whole = rows.groupby("metric", sort=False)["effect"].transform(lambda e: e.notna().all())
    rows = rows[whole]
    if rows.empty:
        return None
    ends = (found.plan.left.config.variant, found.plan.right.config.variant)
    id = "discrepancy-effects"
    body = [
        (
            metric_name(row["metric"]),
            "total" if row["term"] == TOTAL else row["key"],
            row["change"],
            points(row["effect"]),
            points(row["low"]),
            points(row["high"]),
            plain(row["p"] if row["term"] == TOTAL else row["p_adjusted"], ".3f"),
            plain(row["n_seeds"], ".0f"),
        )
        for row in rows.to_dict("records")
    ]
    names = ("metric", "key", "change", "effect #", "low #", "high #", "p #", "n #")
    caption = f"Effects on the gain over {found.plan.settings.baseline}, in percentage points."
    return Figure(
        id,
        f"From {ends[0]} to {ends[1]}, key by key",
        CAPTION.format(order=ORDERS.get(design.name, "")),
        partial(_draw, rows),
        figure_table(id, caption, names, body, ("p: after Holm's correction, of the total raw",)),
    )


@drawn
def _draw(rows: pd.DataFrame) -> Canvas:
    metrics = rows["metric"].drop_duplicates().tolist()
    n_bars = int(rows.groupby("metric").size().max())
    across = len(metrics) if len(metrics) <= 3 else 2
    down = -(-len(metrics) // across)
    canvas = new_canvas(0.6 + down * (0.75 + 0.3 * n_bars))
    panels = [axes for row in canvas.panels(down, across, sharey=True) for axes in row]
    for axes, metric in zip(panels, metrics, strict=False):
        bars = rows[rows["metric"] == metric].to_dict("records")
        _panel(canvas, axes, [{str(k): v for k, v in bar.items()} for bar in bars])
        axes.set_title(metric_name(metric))
        axes.set_xlabel("percentage points")
        axes.use_sticky_edges = False
        axes.margins(x=0.06)
    for axes in panels[len(metrics) :]:
        axes.set_visible(False)
    kinds = {"better": LIGHT["better"], "worse": LIGHT["worse"], "not told from noise": "none"}
    canvas.legend_of(
        [
            handle(marker="s", ms=8, markerfacecolor=colour, markeredgecolor=edge)
            for colour in kinds.values()
            for edge in [LIGHT["muted"] if colour == "none" else colour]
        ],
        list(kinds),
    )
    return canvas


def _panel(canvas: Canvas, axes: Axes, bars: Sequence[Mapping[str, Any]]) -> None:
    before = 0.0
    for y, bar in enumerate(bars):
        effect, total = 100 * bar["effect"], bar["term"] == TOTAL
        start = 0.0 if total else before
        p = bar["p"] if total else bar["p_adjusted"]
        shown = p <= 1 - bar["confidence"]
        sign = {"up": 1, "down": -1}.get(bar["direction"], 0) * effect
        name = "undecided" if sign == 0 else "better" if sign > 0 else "worse"
        colour = LIGHT[name]
        (drawn_bar,) = axes.barh(
            [y],
            [effect],
            left=[start],
            height=0.56,
            color=colour if shown else "none",
            edgecolor=colour,
            linewidth=1.1,
            zorder=2,
        )
        interval = ""
        if bar["low"] == bar["low"]:
            low, high = 100 * bar["low"], 100 * bar["high"]
            ends = [start + low, start + high]
            axes.plot(ends, [y, y], color=LIGHT["ink"], linewidth=1, marker="|", ms=5, zorder=3)
            interval = f" [{low:+.2f}, {high:+.2f}]"
        who = "total" if total else f"{bar['key']} ({bar['change']})"
        canvas.name_marks(drawn_bar, [f"{who}: {effect:+.2f}{interval} points"])
        if not total:
            before = start + effect
            axes.plot([before] * 2, [y, y + 1], color=LIGHT["muted"], linewidth=0.7, zorder=1)
    axes.axvline(0, color=LIGHT["muted"], linewidth=0.8, zorder=1)
    names = ["total" if bar["term"] == TOTAL else str(bar["key"]) for bar in bars]
    axes.set_yticks(range(len(bars)), wrapped(names, 22))
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
