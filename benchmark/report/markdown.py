"""A report as GitHub Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from benchmark.report.answers import fold_answers
from benchmark.report.cells import escape, table_lines
from benchmark.report.model import (
    Answer,
    Block,
    Bullets,
    Cell,
    Code,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
)

_BEGINS_BLOCK = re.compile(r"^(\d*)([-#>+=.)])")

DEEPEST = 6
"""Markdown has no smaller heading."""


def report_markdown(report: Report, images: Mapping[str, str] | None = None) -> str:
    """Return a report as Markdown.

    Args:
        report: The report.
        images: Id of a figure → path of its picture. Without one it is shown by its caption
            and its numbers.
    """
    lines = list(top_lines(report))
    for section in report.sections:
        lines += block_lines(section, images or {})
    return "\n".join(lines).rstrip() + "\n"


def top_lines(report: Report) -> Iterator[str]:
    """Yield the lines above the sections: title, question, answers, summary."""
    yield f"# {escape(report.title)}"
    yield ""
    yield _line(report.question)
    yield ""
    shown, folded = fold_answers(report.answers)
    yield from _answers(shown)
    if folded:
        yield f"<details><summary>More answers ({len(folded)})</summary>"
        yield ""
        yield from _answers(folded)
        yield "</details>"
        yield ""
    for line in report.summary:
        yield _line(line)
        yield ""


def _answers(answers: Sequence[Answer]) -> Iterator[str]:
    if answers:
        yield from (f"- **{escape(a.verdict)}**: {escape(a.text)}" for a in answers)
        yield ""


def block_lines(block: Block, images: Mapping[str, str], depth: int = 2) -> Iterator[str]:
    """Yield the lines of a block, an empty one at the end.

    Args:
        block: The block.
        images: As for `report_markdown`.
        depth: Of a section's heading.
    """
    match block:
        case Section():
            yield f"{'#' * min(depth, DEEPEST)} {escape(block.title)}"
            yield ""
            for inner in block.blocks:
                yield from block_lines(inner, images, depth + 1)
        case Paragraph():
            yield _line(block.text)
            yield ""
        case Bullets():
            yield from (f"- {_line(item)}" for item in block.items)
            yield ""
        case Code():
            yield from (f"    {line}" for line in block.text.splitlines())
            yield ""
        case Table():
            yield from _table(block)
        case Figure():
            yield from _figure(block, images)


def _line(text: str) -> str:
    """Return text as a paragraph, which neither a heading's nor a list's sign begins."""
    return _BEGINS_BLOCK.sub(r"\1\\\2", escape(text))


def _table(table: Table) -> Iterator[str]:
    yield _line(table.caption)
    yield ""
    yield from _grid(table)


def _grid(table: Table) -> Iterator[str]:
    headings = (escape(column.heading) for column in table.columns)
    yield from table_lines(headings, [map(_cell, row) for row in table.rows])
    if table.notes:
        yield from (f"- {_line(note)}" for note in table.notes)
        yield ""


def _cell(cell: Cell) -> str:
    return f"**{escape(cell.text)}**" if cell.strong else escape(cell.text)


def _figure(figure: Figure, images: Mapping[str, str]) -> Iterator[str]:
    """Yield the picture where there is one, its caption, and its numbers, folded on GitHub."""
    if figure.id in images:
        yield f"![{escape(figure.title)}]({images[figure.id]})"
        yield ""
    yield _line(f"{figure.title}. {figure.caption}")
    yield ""
    yield f"<details><summary>{_in_tag(figure.table.caption)}</summary>"
    yield ""
    yield from _grid(figure.table)
    yield "</details>"
    yield ""


def _in_tag(text: str) -> str:
    """Return text for a line that begins with a tag, where only entities are read."""
    return " ".join(html.escape(text, quote=False).split())
