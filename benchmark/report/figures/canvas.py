"""A matplotlib figure in the house style whose marks know their values.

Brings matplotlib: import it only where something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.report.figures.style import RC, WIDTH, printable

LEGEND_LINE = 0.16
"""Height of a line of a legend, in inches."""


class Canvas(Figure):
    """A figure that remembers what each of its marks stands for.

    Attributes:
        hover: Id of a group of marks → the text of each mark, in the order of drawing.
    """

    def __init__(self, height: float, width: float = WIDTH) -> None:
        super().__init__(figsize=(width, height), layout="constrained")
        self.hover: dict[str, list[str]] = {}

    def panels(self, rows: int = 1, columns: int = 1, **kwargs: Any) -> list[list[Axes]]:
        """Return rows × columns of axes."""
        found: list[list[Axes]] = self.subplots(rows, columns, squeeze=False, **kwargs).tolist()
        return found

    def name_marks(self, artist: Artist, texts: Sequence[str]) -> None:
        """Say what each mark of an artist stands for: shown on hovering in an SVG.

        Args:
            artist: Markers of `plot`, or one bar.
            texts: One for each mark that is drawn, in their order.
        """
        gid = f"marks{len(self.hover)}"
        artist.set_gid(gid)
        self.hover[gid] = [printable(text) for text in texts]

    def marks(
        self, axes: Axes, x: Sequence[float], y: Sequence[float], texts: Sequence[str], **look: Any
    ) -> None:
        """Draw markers, each with the text that hovering shows.

        Raises:
            ValueError: a position that is not finite: it would shift the texts of the others.
        """
        if not len(x) == len(y) == len(texts):
            raise ValueError(f"{len(x)} x, {len(y)} y and {len(texts)} texts; expected as many")
        if any(v != v or abs(v) == float("inf") for v in (*x, *y)):
            raise ValueError("a mark's position is not finite; leave it out and say so")
        if not len(x):
            return
        style: dict[str, Any] = {"linestyle": "none", "clip_on": False, "zorder": 3, **look}
        (artist,) = axes.plot(list(x), list(y), **style)
        self.name_marks(artist, texts)

    def legend_of(
        self, handles: Sequence[Line2D | Artist], labels: Sequence[str], columns: int = 0
    ) -> None:
        """Draw one legend above all panels."""
        longest = max((max(map(len, label.split("\n"))) for label in labels), default=1)
        fits = max(1, int(self.get_figwidth() * 72 / (longest * 4.6 + 30)))
        columns = columns or min(len(labels), fits)
        lines = math.ceil(len(labels) / columns) * max(
            (label.count("\n") + 1 for label in labels), default=1
        )
        # A canvas has room for two lines: what a legend takes beyond them comes off no panel.
        self.set_figheight(self.get_figheight() + LEGEND_LINE * max(0, lines - 2))
        self.legend(
            handles=list(handles),
            labels=list(labels),
            loc="outside upper left",
            ncols=columns,
            borderaxespad=0.2,
        )


@contextmanager
def house_style() -> Iterator[None]:
    """Draw, or save, in the house style."""
    with mpl.rc_context(RC):
        yield
