"""What figures draw with, without matplotlib until they do.

A report's figures are made with every comparison and drawn only by forms that show them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from benchmark.report.figures.style import LIGHT, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as NumberAxis
    from matplotlib.lines import Line2D

    from benchmark.report.figures.canvas import Canvas

P = ParamSpec("P")

Style = dict[str, Any]
"""Keyword arguments of matplotlib."""


def drawn(draw: Callable[P, Canvas]) -> Callable[P, Canvas]:
    """Make a function draw in the house style, every text as it is written."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Canvas:
        from benchmark.report.figures.canvas import house_style

        with house_style():
            return draw(*args, **kwargs)

    return styled


def new_canvas(height: float, width: float = WIDTH) -> Canvas:
    """Return an empty figure; sizes in inches."""
    from benchmark.report.figures.canvas import Canvas

    return Canvas(height, width)


def handle(**look: Any) -> Line2D:
    """Return a legend's entry."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **{"linestyle": "none", "markersize": 6, **look})


def lines(axes: Axes, ends: Sequence[Sequence[tuple[float, float]]], **look: Any) -> None:
    """Draw many lines as one artist: hundreds of artists take most of the time of a drawing."""
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(ends, **look), autolim=True)


def log_ticks(axis: NumberAxis) -> None:
    """Label a logarithmic axis at 1, 2 and 5 of every decade, as plain numbers."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def blank(axes: Axes, why: str) -> None:
    """Say in an empty panel why it is empty."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    middle: Style = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, 0.5, why, color=LIGHT["muted"], fontsize=8, **middle)
