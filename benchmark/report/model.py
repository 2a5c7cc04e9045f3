"""A report as data: what every form of it shows.

A report is built once, from a comparison or an ablation. Markdown, HTML, LaTeX and JSON lay it
out and compute nothing, so their numbers are the same. All text is plain: each form escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: As shown, such as `+0.10 [-0.20, +0.40]`.
        value: The unrounded number behind it, by which a reader sorts; None sorts by `text`.
        strong: Printed bold: only where a verdict says better.
        hint: What a reader sees on hovering; it never holds what stands nowhere else.
    """

    text: str
    value: float | None = None
    strong: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Unique within its table, stable over releases.
        heading: As shown.
        numeric: Whether cells are aligned as numbers.
        filtered: Whether an interactive form offers to filter rows by this column.
    """

    key: str
    heading: str
    numeric: bool = False
    filtered: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its caption.

    Attributes:
        id: Unique within the report, of `a-z0-9-`: an anchor and a file name.
        caption: What the table shows, in a sentence.
        columns: What each row has.
        rows: As many cells each as there are columns.
        notes: Sentences below the table: legend and reasons.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A figure with the numbers that it draws.

    Attributes:
        id: Unique within the report, of `a-z0-9-`: an anchor and a file name.
        title: What it is.
        caption: What to see, and what not to conclude.
        draw: Draws it. Called only by forms that show figures; brings matplotlib.
        table: The numbers behind it.
    """

    id: str
    title: str
    caption: str
    draw: Callable[[], Drawing]
    table: Table


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Commands, one a line, as they are typed."""

    text: str


@dataclass(frozen=True)
class Section:
    """A titled part of a report; sections nest.

    Attributes:
        id: Unique within the report, of `a-z0-9-`.
        title: Its heading.
        blocks: What it holds, in order.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]


Block = Paragraph | Bullets | Code | Table | Figure | Section


@dataclass(frozen=True)
class Answer:
    """One claim and what is known about it.

    Attributes:
        verdict: A verdict's name, such as `better` or `undecided`.
        text: The claim and its verdict in one sentence, with the difference and its interval.
    """

    verdict: str
    text: str


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        title: What is compared.
        question: What the report answers, in a sentence.
        summary: Seeds, what is undecided, and whatever a reader must know before the answers.
        answers: One for each claim of the primary family.
        sections: Everything else.
    """

    title: str
    question: str
    summary: tuple[str, ...]
    answers: tuple[Answer, ...]
    sections: tuple[Section, ...]

    def blocks(self) -> Iterator[Block]:
        """Yield every block of every section, sections included, in reading order."""
        for section in self.sections:
            yield from _within(section)


def _within(block: Block) -> Iterator[Block]:
    yield block
    if isinstance(block, Section):
        for inner in block.blocks:
            yield from _within(inner)
