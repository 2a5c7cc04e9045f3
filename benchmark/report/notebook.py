"""Reports in a notebook: what a cell shows of a comparison or an ablation, and its figures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import unknown_name
from benchmark.report.answers import fold_answers
from benchmark.report.model import Cell, Figure, Report, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

MOST_ROWS = 30
"""Rows of the table that are shown; the report has them all."""

_COLOURS = {"better": "#1a7f4b", "worse": "#b3372f", "equivalent": "#2b6cb0"}
"""The first word of a verdict → the colour of its frame; its word always stands there."""

_CELL = "padding:2px 10px 2px 0;vertical-align:top;white-space:nowrap"
_RULE = "border-top:1px solid rgba(128,128,128,.5)"


@dataclass(frozen=True)
class Plot:
    """A figure that a notebook shows with its caption.

    Attributes:
        figure: With the numbers that it draws, as a table.
    """

    figure: Figure

    @property
    def drawing(self) -> Drawing:
        """The figure as matplotlib's, drawn anew each time."""
        return self.figure.draw()

    def save(self, path: Path | str) -> None:
        """Write it as SVG, PDF or PNG, by the suffix of the path."""
        from benchmark.report.drawing import save_figure

        save_figure(self.figure, Path(path))

    def _repr_html_(self) -> str:
        from benchmark.report.drawing import inline_svg

        title, caption = escape(self.figure.title), escape(self.figure.caption)
        style = "background:#fff;color:#222;max-width:60em;margin:0;padding:.5em"
        return (
            f'<figure style="{style}">{inline_svg(self.figure)}'
            f"<figcaption><strong>{title}.</strong> {caption}</figcaption></figure>"
        )


class Displayed:
    """What has a report, shows the top of it at the end of a notebook's cell, and plots."""

    @property
    @abstractmethod
    def report(self) -> Report:
        """The report, from which every form of it is laid out."""

    @property
    def figures(self) -> dict[str, Figure]:
        """Id → figure, with its caption and the numbers that it draws."""
        return {block.id: block for block in self.report.blocks() if isinstance(block, Figure)}

    def plot(self, name: str) -> Plot:
        """Return a figure, which a notebook shows.

        Args:
            name: An id of `figures`, or its beginning: `forest` is the first forest plot.

        Raises:
            FairbenchError: no figure's id begins so.
        """
        figures = self.figures
        for figure_id, figure in figures.items():
            if figure_id.startswith(name):
                return Plot(figure)
        raise unknown_name("figure", name, figures)

    def _repr_html_(self) -> str:
        return report_top(self.report)


def report_top(report: Report) -> str:
    """Return title, question, answers, summary and the first table of numbers as HTML.

    Styled inline, in the notebook's own font and colours, light or dark.
    """
    return f'<div style="max-width:70em">{"".join(_lines(report))}</div>'


def _lines(report: Report) -> Iterator[str]:
    yield f'<h3 style="margin:.2em 0">{escape(report.title)}</h3>'
    yield f"<p><em>{escape(report.question)}</em></p>"
    if report.answers:
        yield '<ul style="list-style:none;padding:0;margin:.5em 0">'
        shown, folded = fold_answers(report.answers)
        for answer in shown:
            yield f'<li style="margin:.2em 0">{_frame(answer.verdict)} {escape(answer.text)}</li>'
        yield "</ul>"
        if folded:
            yield f"<p>More answers, in the report: {len(folded)}.</p>"
    yield from (f"<p>{escape(line)}</p>" for line in report.summary)
    tables = (block for block in report.blocks() if isinstance(block, Table))
    first = next((t for t in tables if any(column.numeric for column in t.columns)), None)
    if first is not None:
        yield from _table(first)


def _frame(verdict: str) -> str:
    colour = _COLOURS.get(verdict.split(",")[0], "#767676")
    style = f"border:1.5px solid {colour};border-radius:.6em;padding:0 .5em;font-size:90%"
    return f'<span style="{style}">{escape(verdict)}</span>'


def _table(table: Table) -> Iterator[str]:
    yield '<table style="border-collapse:collapse;font-size:90%">'
    yield f'<caption style="text-align:left">{escape(table.caption)}</caption><thead><tr>'
    for column in table.columns:
        side = "right" if column.numeric else "left"
        yield f'<th scope="col" style="{_CELL};text-align:{side}">{escape(column.heading)}</th>'
    yield "</tr></thead><tbody>"
    for row in table.rows[:MOST_ROWS]:
        cells = zip(row, table.columns, strict=True)
        yield f"<tr>{''.join(_cell(cell, column.numeric) for cell, column in cells)}</tr>"
    yield "</tbody></table>"
    if len(table.rows) > MOST_ROWS:
        yield f"<p>{len(table.rows) - MOST_ROWS} more rows are in the report.</p>"


def _cell(cell: Cell, numeric: bool) -> str:
    side = "right" if numeric else "left"
    text = f"<strong>{escape(cell.text)}</strong>" if cell.strong else escape(cell.text)
    return f'<td style="{_CELL};{_RULE};text-align:{side}">{text}</td>'
