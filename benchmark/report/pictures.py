"""Figures drawn to files by several processes, where there are enough of them to pay.

What is drawn is the same whoever draws it. A figure that no other process has drawn, for
whatever reason, is drawn by this one in the end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmark.keep_ahead import keeping_ahead
from benchmark.report.model import Figure

DRAWINGS_A_PROCESS = 6
"""Drawings that a process is started for: it makes three of them in the time of its imports."""

INLINE = "inline"
"""Form of a figure as `inline_svg` has it; the others are suffixes of `save_figure`."""

_ENCODING = ("utf-8", "surrogatepass")
_NOT_DRAWN_BY = {"backend", "interactive"}
"""Settings of matplotlib that change no figure here; to read the first can open a display."""


@contextmanager
def drawing(figures: Sequence[Figure], forms: Sequence[str], folder: Path) -> Iterator[None]:
    """Draw figures to `folder/<id>.<form>`: they are there when the block is left.

    Args:
        figures: Of one report.
        forms: `INLINE`, `svg`, `pdf` or `png`.
        folder: That is there and empty.
    """
    tasks = [(figure, picture(folder, figure, form)) for figure in figures for form in forms]
    with keeping_ahead(draw, tasks if _as_other_processes_draw() else (), DRAWINGS_A_PROCESS):
        yield
    for figure, path in tasks:
        if not path.exists():
            draw(figure, path)


def picture(folder: Path, figure: Figure, form: str) -> Path:
    """Return where `drawing` puts a figure in a form."""
    return folder / f"{figure.id}.{form}"


def inline_pictures(folder: Path, figures: Sequence[Figure]) -> dict[str, str]:
    """Return id → the element that `drawing` made of a figure."""
    return {f.id: picture(folder, f, INLINE).read_bytes().decode(*_ENCODING) for f in figures}


def draw(figure: Figure, path: Path) -> None:
    """Draw a figure to a file, whole or not at all, in the form that its suffix names."""
    from benchmark.report.drawing import inline_svg, save_figure  # brings matplotlib

    partial = path.with_name(f"partial-{path.name}")
    if path.suffix == f".{INLINE}":
        partial.write_bytes(inline_svg(figure).encode(*_ENCODING))
    else:
        save_figure(figure, partial)
    partial.replace(path)


def _as_other_processes_draw() -> bool:
    """Return whether this process has the settings of matplotlib that a new one begins with."""
    mpl = sys.modules.get("matplotlib")
    if mpl is None:
        return True
    names = mpl.rcParams.keys() - _NOT_DRAWN_BY
    return all(mpl.rcParams[name] == mpl.rcParamsOrig[name] for name in names)
