"""The report on a terminal: the verdict table coloured and fitted, the rest as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from benchmark.report.verdict_table import verdict_cells, verdict_columns
from benchmark.verdicts.analysis import SCOPES

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

STYLES = {"better": "green", "worse": "red", "equivalent": "cyan", "undecided": "yellow"}
"""The first word of a verdict → how it is printed."""

WIDE = 140
"""From so many columns on the table has all of its own."""

DETAILS = ("effect", "test", "margin")
"""What a narrower terminal leaves to verdicts.csv."""


def print_report(console: Console, found: Comparison, markdown: str) -> None:
    """Print the report, with the verdict table drawn for this terminal."""
    lines = markdown.splitlines()
    if found.verdicts.empty:
        console.print(Markdown(markdown))
        return
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    console.print(Markdown("\n".join(lines[:start])))
    console.print(verdict_table(found, console.width))
    console.print(Markdown("\n".join(lines[end:])))


def verdict_table(found: Comparison, width: int) -> Table:
    """Return the verdicts as a table for a terminal of so many columns."""
    columns = verdict_columns(found.verdicts)
    shown = [c for c in columns if width >= WIDE or c not in DETAILS]
    table = Table(title=f"Against {found.baseline}: {SCOPES[found.analysis.scope]}")
    for column in shown:
        table.add_column(column, no_wrap=column in ("difference", "verdict"))
    for row in found.verdicts.to_dict("records"):
        cells = dict(zip(columns, verdict_cells(row, columns), strict=True))
        style = STYLES.get(str(row["verdict"]).split(",")[0], "")
        table.add_row(*(Text(cells[c], style=style if c == "verdict" else "") for c in shown))
    return table
