"""The report on a terminal: the verdict table coloured and fitted, the rest as Markdown."""

from __future__ import annotations

from dataclasses import replace

from rich import table as rich_table
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from benchmark.report.answers import fold_answers
from benchmark.report.markdown import block_lines, top_lines
from benchmark.report.model import Block, Figure, Report, Section, Table

VERDICTS = "verdicts"
"""Id of the table that is fitted to the terminal."""

STYLES = {"better": "green", "worse": "red", "equivalent": "cyan", "undecided": "yellow"}
"""The first word of a verdict → how it is printed."""

WIDE = 140
"""From so many columns on the table has all of its own."""

DETAILS = ("effect", "test", "margin")
"""What a narrower terminal leaves to verdicts.csv."""


def print_report(console: Console, report: Report) -> None:
    """Print the report without its figures, with the verdict table fitted to this terminal."""
    shown, folded = fold_answers(report.answers)
    console.print(Markdown("\n".join(top_lines(replace(report, answers=tuple(shown))))))
    if folded:
        console.print(f"More answers, in the tables below: {len(folded)}.\n")
    for section in report.sections:
        _print(console, section, 2)


def fitted_table(table: Table, width: int) -> rich_table.Table:
    """Return the verdicts as a table for a terminal of so many columns."""
    shown = [
        k for k, column in enumerate(table.columns) if width >= WIDE or column.key not in DETAILS
    ]
    fitted = rich_table.Table()
    for k in shown:
        column = table.columns[k]
        fitted.add_column(column.heading, no_wrap=column.key in ("difference", "verdict"))
    verdict = next(k for k, column in enumerate(table.columns) if column.key == "verdict")
    for row in table.rows:
        style = STYLES.get(row[verdict].text.split(" ")[0].rstrip(","), "")
        fitted.add_row(*(Text(row[k].text, style=style if k == verdict else "") for k in shown))
    return fitted


def _print(console: Console, block: Block, depth: int) -> None:
    if isinstance(block, Figure) or (isinstance(block, Section) and not _speaks(block)):
        return
    if isinstance(block, Section):
        console.print(
            Markdown("\n".join(block_lines(Section(block.id, block.title, ()), {}, depth)))
        )
        for inner in block.blocks:
            _print(console, inner, depth + 1)
    elif isinstance(block, Table) and block.id == VERDICTS:
        console.print(fitted_table(block, console.width))
        console.print(Markdown("\n".join(f"- {note}" for note in block.notes)))
    else:
        console.print(Markdown("\n".join(block_lines(block, {}, depth))))


def _speaks(section: Section) -> bool:
    """Return whether a section holds anything besides figures."""
    return any(
        _speaks(block) if isinstance(block, Section) else not isinstance(block, Figure)
        for block in section.blocks
    )
