"""The house style of figures: colours with their dark twins, markers, sizes.

Colours are named, because a page replaces them: an inline SVG refers to each as the CSS
property `--figure-NAME` with the light colour as fallback. No two names share a light colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

LIGHT: dict[str, str] = {
    "surface": "#fefefe",
    "ink": "#1b1f24",
    "muted": "#59636e",
    "grid": "#dde2e7",
    "band": "#e9eef3",
    "series-1": "#0467c6",
    "series-2": "#c93200",
    "series-3": "#20673e",
    "series-4": "#603d7d",
    "series-5": "#938f4f",
    "series-6": "#2028b3",
    "series-7": "#790b00",
    "series-8": "#0c9ab3",
    "better": "#0b6e4f",
    "worse": "#b3261e",
    "equivalent": "#34568b",
    "undecided": "#6b7580",
}
"""Name → colour on white; what files of figures have."""

DARK: dict[str, str] = {
    "surface": "#14181d",
    "ink": "#e8ecf0",
    "muted": "#a3adb8",
    "grid": "#333b45",
    "band": "#232a33",
    "series-1": "#3f82e7",
    "series-2": "#e0aa80",
    "series-3": "#c2f3cb",
    "series-4": "#d3aafb",
    "series-5": "#eb9d20",
    "series-6": "#777daf",
    "series-7": "#ab6e65",
    "series-8": "#a6f8fe",
    "better": "#4fd1a1",
    "worse": "#ff8a80",
    "equivalent": "#92b4f4",
    "undecided": "#98a2ad",
}
"""Name → colour on a dark page; keys as in `LIGHT`."""

MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d", "*")
"""Of variants, in their order; the baseline's is a circle."""

N_SERIES = 8
WIDTH = 7.0
"""Inches: the text width of two columns; 672 CSS pixels."""

MAX_ARMS = 1 + len(MARKERS)
"""Variants in one drawing, the baseline included; more cannot be told apart."""

RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.labelsize": 8.5,
    "axes.edgecolor": LIGHT["muted"],
    "axes.labelcolor": LIGHT["ink"],
    "axes.titlecolor": LIGHT["ink"],
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.6,
    "text.color": LIGHT["ink"],
    "text.parse_math": False,  # names of groups and variants are text, whatever signs they hold
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.labelcolor": LIGHT["ink"],
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.4,
    "figure.facecolor": "none",
    "savefig.facecolor": "auto",
    "figure.dpi": 100,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "path.simplify": True,
}
"""What matplotlib draws by; its keys are a type that cannot be named without importing it."""


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML forbids, or no reader sees."""


@dataclass(frozen=True)
class Look:
    """How one variant is drawn, in every figure.

    Attributes:
        colour: A light colour.
        marker: A sign of matplotlib; no other variant of the drawing has it.
    """

    colour: str
    marker: str


BASELINE_LOOK = Look(LIGHT["muted"], "o")


def looks(names: Iterable[str], baseline: Iterable[str] = ()) -> dict[str, Look]:
    """Return the look of each variant; colours repeat after eight, markers after twelve.

    Args:
        names: The variants in their order.
        baseline: Those of them that are the baseline, drawn in grey, the first as a circle.
    """
    grey = set(baseline)
    found: dict[str, Look] = {}
    for name in dict.fromkeys(names):
        n_grey = len(grey & found.keys())
        if name in grey:
            found[name] = Look(BASELINE_LOOK.colour, ("o", *MARKERS)[n_grey % MAX_ARMS])
        else:
            k = len(found) - n_grey
            found[name] = Look(LIGHT[f"series-{k % N_SERIES + 1}"], MARKERS[k % len(MARKERS)])
    return found


_SETTINGS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\](.*)")


def printable(text: str) -> str:
    """Return text without characters that XML forbids."""
    return _UNPRINTABLE.sub("�", text)


def wrapped(names: Sequence[str], width: int = 24, lines: int = 2) -> list[str]:
    """Return each name in at most so many lines of at most so many characters, all different.

    An ellipsis stands for what is left out: first settings in brackets that all names share, then
    the middle. Names that would then be the same get a number.
    """
    whole = [" ".join(printable(name).split()) for name in names]
    if any(len(text) > width * lines for text in whole):
        whole = _without_shared(whole)
    texts = [_wrap(text, width, lines) for text in whole]
    return [
        f"{text} ({texts[: k + 1].count(text)})" if texts.count(text) > 1 else text
        for k, text in enumerate(texts)
    ]


def _without_shared(names: Sequence[str]) -> list[str]:
    """Return names without the settings that all `name[key=value, …]` of them have."""
    found = [_SETTINGS.fullmatch(name) for name in names]
    settings = [match[2].split(", ") for match in found if match]
    shared = set.intersection(*map(set, settings)) if len(settings) > 1 else set()
    return [
        f"{m[1]}[{', '.join([*(s for s in m[2].split(', ') if s not in shared), '…'])}]{m[3]}"
        if m and shared
        else name
        for name, m in zip(names, found, strict=True)
    ]


def _wrap(text: str, width: int, lines: int) -> str:
    rows: list[str] = []
    while text and len(rows) < lines:
        last = len(rows) == lines - 1
        if len(text) <= width:
            rows.append(text)
            text = ""
        elif last:
            begin = width // 3
            rows.append(f"{text[:begin].rstrip()}…{text[begin + 1 - width :].lstrip()}")
            text = ""
        else:
            # Breaks after a separator, which keeps `name[key=value, …]` readable.
            cut = max(
                (i + 1 for i, c in enumerate(text[:width]) if c in " ,[=-+_/·"), default=width
            )
            cut = cut if cut >= width // 3 else width
            rows.append(text[:cut].rstrip())
            text = text[cut:].lstrip()
    return "\n".join(rows)
