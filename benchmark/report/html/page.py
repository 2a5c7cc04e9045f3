"""A report as one HTML file that needs nothing else: no network, no folder beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from benchmark.report.answers import fold_answers
from benchmark.report.figures.style import DARK, LIGHT
from benchmark.report.html.tone import tone
from benchmark.report.model import Block, Figure, Report, Section, Table

if TYPE_CHECKING:
    from jinja2 import Template

SCRIPTS = ("report.js", "theme.js", "tables.js", "hints.js")
"""One script in the page; each function has its call in the first."""

ROWS_SHOWN = 100
"""A table of more rows than these is folded."""

NOTES_SHOWN = 6
"""More notes than these below a table are folded."""


def html_report(report: Report, drawn: Mapping[str, str] | None = None) -> str:
    """Return the report as the text of an HTML file.

    Without its script the page holds everything; the script adds sorting, filters, tooltips and
    the like. A content security policy lets no other script run and nothing be fetched, whatever
    the names in the report are.

    Args:
        report: The report.
        drawn: Id of a figure → what `inline_svg` returns of it; None draws them all.
    """
    figures = [block for block in report.blocks() if isinstance(block, Figure)]
    script = "".join(map(_source, SCRIPTS))
    shown, folded = fold_answers(report.answers)
    return _template().render(
        report=report,
        shown=shown,
        folded=folded,
        rows_shown=ROWS_SHOWN,
        notes_shown=NOTES_SHOWN,
        drawn=_inline(figures) if drawn is None else drawn,
        most_columns=_most_columns(report),
        light=LIGHT,
        dark=DARK,
        style=_source("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _most_columns(report: Report) -> int:
    blocks = list(report.blocks())
    tables = [block for block in blocks if isinstance(block, Table)]
    tables += [block.table for block in blocks if isinstance(block, Figure)]
    return max((len(table.columns) for table in tables), default=0)


@cache
def _template() -> Template:
    # Imported here: the command line starts without jinja2.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from benchmark.report.html.rows import column_classes, table_rows

    environment = Environment(
        loader=PackageLoader("benchmark.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "classes": column_classes,
        "kind": _kind,
        "rows": table_rows,
        "subsections": _subsections,
        "tone": tone,
    }
    return environment.get_template("report.html")


def _inline(figures: Iterable[Figure]) -> dict[str, str]:
    from benchmark.report.drawing import inline_svg  # brings matplotlib

    return {figure.id: inline_svg(figure) for figure in figures}


def _kind(block: Block) -> str:
    return type(block).__name__


def _subsections(section: Section) -> list[Section]:
    return [block for block in section.blocks if isinstance(block, Section)]


def _source(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")
