"""Critical-difference diagrams: average ranks over blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmark.metrics.catalogue import METRICS
from benchmark.report.figures.lazy import Style, drawn, new_canvas
from benchmark.report.figures.style import LIGHT, wrapped
from benchmark.report.figures.table import figure_table, plain
from benchmark.report.figures.view import View
from benchmark.report.model import Figure
from benchmark.report.ranking_section import levels_to_rank
from benchmark.report.verdict_table import metric_name
from benchmark.stats.friedman import friedman, nemenyi_cd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.report.figures.canvas import Canvas

CAPTION = (
    "Average ranks of {n} variants over {blocks} blocks (dataset × model), 1 being best. A bar "
    "joins variants whose average ranks are closer than the critical difference {cd:.2f} (Nemenyi, "
    "{alpha:g}), so that they are not told apart. Friedman p {p}.{none} Not joined is not the same "
    "as better by an amount that matters, and ranks do not say how large differences are."
)


@dataclass(frozen=True)
class Ranks:
    """Average ranks over blocks, the best first.

    Attributes:
        names: Of the methods.
        ranks: 1 is best.
        cd: The critical difference.
    """

    names: Sequence[str]
    ranks: Sequence[float]
    cd: float

    @property
    def cliques(self) -> list[tuple[int, int]]:
        """First and last of each longest row of methods that are not told apart."""
        found: list[tuple[int, int]] = []
        for first, rank in enumerate(self.ranks):
            last = max(k for k, other in enumerate(self.ranks) if other - rank <= self.cd)
            if last > first and not any(last <= end for _, end in found):
                found.append((first, last))
        return found


def rank_figures(view: View) -> list[Figure]:
    """Return a diagram for each primary metric and attribute that can be ranked."""
    alpha = view.found.analysis.alpha
    figures = []
    for levels in levels_to_rank(view.found):
        if levels.reason:
            continue
        up = METRICS[levels.metric].direction == "up"
        test = friedman(levels.means.to_numpy(dtype=float), higher_is_better=up)
        ranked = sorted(zip(test.average_ranks, levels.means.columns, strict=True))
        cd = nemenyi_cd(test.n_methods, test.n_blocks, alpha)
        found = Ranks([str(n) for _, n in ranked], [float(r) for r, _ in ranked], cd)
        significant = not test.reason and test.p_f <= alpha
        caption = CAPTION.format(
            n=test.n_methods,
            blocks=test.n_blocks,
            cd=cd,
            alpha=alpha,
            p="not defined" if test.reason else f"{test.p_f:.3g}",
            none="" if significant else " No pair may be told apart where this is not small.",
        )
        id = f"ranks-figure-{levels.anchor}"
        body = [
            (name, plain(rank, ".2f")) for name, rank in zip(found.names, found.ranks, strict=True)
        ]
        table = figure_table(id, "Average ranks; 1 is best.", ("variant", "rank #"), body)
        title = f"Ranks by {metric_name(levels.metric)}, {levels.attribute}"
        figures.append(Figure(id, title, caption, partial(rank_diagram, found), table))
    return figures


@drawn
def rank_diagram(found: Ranks) -> Canvas:
    """Draw ranks as a scale, names at both sides, and bars over those not told apart."""
    k = len(found.names)
    on_left = -(-k // 2)
    top = 0.55 + 0.28 * len(found.cliques)
    depth = top + 0.42 * on_left
    canvas = new_canvas(0.7 + 0.62 * depth)
    ((axes,),) = canvas.panels()
    axes.axis("off")
    axes.set_xlim(1 - 0.42 * (k - 1), k + 0.42 * (k - 1))
    axes.set_ylim(depth + 0.1, -1.3)
    _scale(axes, k, found.cd)
    for row, (first, last) in enumerate(found.cliques):
        ends = [found.ranks[first] - 0.04, found.ranks[last] + 0.04]
        axes.plot(ends, [0.25 + 0.28 * row] * 2, color=LIGHT["equivalent"], linewidth=3.2)
    ink: Style = {"color": LIGHT["ink"], "marker": "o", "ms": 4}
    names = wrapped(found.names, 30, 1)
    for j, (name, rank) in enumerate(zip(names, found.ranks, strict=True)):
        left = j < on_left
        y = top + 0.42 * (j if left else k - 1 - j)
        edge, beside = (1 - 0.06 * (k - 1), -1) if left else (k + 0.06 * (k - 1), 1)
        axes.plot([rank, rank, edge], [0, y, y], color=LIGHT["muted"], linewidth=0.8)
        canvas.marks(axes, [rank], [0], [f"{found.names[j]}: {rank:.2f}"], **ink)
        text = f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}"
        x = edge + 0.02 * beside * (k - 1)
        axes.text(x, y, text, va="center", ha="right" if left else "left", fontsize=8.5)
    return canvas


def _scale(axes: Axes, k: int, cd: float) -> None:
    """Draw the scale of ranks 1 to k, and the critical difference above it."""
    ink: Style = {"color": LIGHT["ink"], "solid_capstyle": "butt"}
    words: Style = {"ha": "center", "va": "bottom", "fontsize": 8}
    axes.plot([1, k], [0, 0], linewidth=1, **ink)
    for rank in range(1, k + 1):
        axes.plot([rank, rank], [0, -0.12], linewidth=1, **ink)
        axes.text(rank, -0.2, f"{rank}", **words)
    axes.plot([1, 1 + cd], [-0.85, -0.85], linewidth=2, **ink)
    axes.text(1 + cd / 2, -0.92, f"critical difference {cd:.2f}", **words)
