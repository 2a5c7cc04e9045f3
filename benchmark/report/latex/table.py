"""A table as LaTeX: booktabs, numbers aligned, whole on its page however wide or long it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmark.report.latex.arrangement import (
    LANDSCAPE,
    PORTRAIT,
    Arrangement,
    arrange,
    stacked_text,
)
from benchmark.report.latex.characters import MISSING, MISSING_DEFINITION, escape
from benchmark.report.latex.headings import above_and_below, heading_tex, text_width
from benchmark.report.latex.numbers import aligned
from benchmark.report.model import Table

MOST_LINES = {False: 52, True: 30}
"""Landscape → lines of a table and its notes, above which it may break across pages."""

BOLD = "Bold: the verdict is better."

SIZE = "\\footnotesize\\setlength{\\tabcolsep}{3.5pt}"


def table_tex(table: Table) -> str:
    """Return a table as a file to be input: a float, or a longtable if it is long.

    Raises:
        ValueError: a row has more or fewer cells than there are columns.
    """
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(
                f"table '{table.id}': a row has {len(row)} cells, there are "
                f"{len(table.columns)} columns"
            )
    arrangement = arrange(table)
    long = _line_count(table, arrangement) > MOST_LINES[arrangement.landscape]
    if long:
        arrangement = arrange(table, breaks=True)
    lines = [*(_long if long else _float)(table, arrangement)]
    if arrangement.landscape:
        lines = ["\\begin{landscape}", *lines, "\\end{landscape}"]
    packages = ["amssymb", "array", "booktabs", "longtable" if long else "graphicx"]
    packages += ["pdflscape"] if arrangement.landscape else []
    head = [f"% Needs \\usepackage[T1]{{fontenc}} and \\usepackage{{{','.join(packages)}}}"]
    if any(MISSING in line for line in lines):
        head.append(MISSING_DEFINITION)
    return "\n".join([*head, *lines]) + "\n"


def _float(table: Table, arrangement: Arrangement) -> Iterator[str]:
    yield "\\begin{table}"
    yield f"\\centering{SIZE}"
    yield f"\\caption{{{escape(table.caption)}}}\\label{{tab:{table.id}}}"
    for i, part in enumerate(arrangement.parts):
        # Widths are estimates: should it be a bit wider than the line, nothing is cut.
        yield "\\par\\bigskip" if i else "\\par\\smallskip"
        yield "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%"
        yield f"\\begin{{tabular}}{{{_kinds(table, arrangement, part)}}}"
        yield "\\toprule"
        yield from _head(table, arrangement, part)
        yield "\\midrule"
        yield from _body(table, arrangement, part)
        yield "\\bottomrule"
        yield "\\end{tabular}}"
    if notes := _notes(table):
        yield "\\par\\smallskip"
        yield "\\begin{minipage}{\\linewidth}\\scriptsize\\raggedright"
        yield "\\par\n".join(notes)
        yield "\\end{minipage}"
    yield "\\end{table}"


def _long(table: Table, arrangement: Arrangement) -> Iterator[str]:
    caption = escape(table.caption)
    yield f"\\begingroup{SIZE}\\setlength{{\\LTcapwidth}}{{\\linewidth}}"
    for i, part in enumerate(arrangement.parts):
        head = ["\\toprule", *_head(table, arrangement, part), "\\midrule"]
        again = f"\\caption[]{{{caption} (continued)}}\\\\"
        if i:
            yield "\\addtocounter{table}{-1}"
        yield f"\\begin{{longtable}}{{{_kinds(table, arrangement, part)}}}"
        yield again if i else f"\\caption{{{caption}}}\\label{{tab:{table.id}}}\\\\"
        yield from (*head, "\\endfirsthead", again, *head, "\\endhead")
        yield "\\midrule"
        yield f"\\multicolumn{{{len(part)}}}{{r@{{}}}}{{continued on the next page}}\\\\"
        yield from ("\\endfoot", "\\bottomrule", "\\endlastfoot")
        yield from _body(table, arrangement, part)
        yield "\\end{longtable}"
    if notes := _notes(table):
        yield "{\\scriptsize\\raggedright\\setlength{\\parindent}{0pt}"
        yield "\\par\n".join(notes) + "\\par}"
    yield "\\endgroup"


def _kinds(table: Table, arrangement: Arrangement, part: Sequence[int]) -> str:
    kinds = []
    for j in part:
        if j in arrangement.wrapped:
            share = math.floor(1000 * arrangement.wrapped[j]) / 1000
            kinds.append(f">{{\\raggedright\\arraybackslash}}p{{{share:g}\\linewidth}}")
        else:
            kinds.append("c" if table.columns[j].numeric else "l")
    return f"@{{}}{''.join(kinds)}@{{}}"


def _head(table: Table, arrangement: Arrangement, part: Sequence[int]) -> Iterator[str]:
    """Yield the headings; those of one metric by group share one above, as in the papers."""
    above: list[str] = []
    rules: list[str] = []
    below: list[str] = []
    for metric, run in groupby(part, key=lambda j: above_and_below(table.columns[j])[0]):
        members = [*run]
        first, last = len(below) + 1, len(below) + len(members)
        if metric:
            above.append(f"\\multicolumn{{{len(members)}}}{{c}}{{{escape(metric)}}}")
            rules.append(f"\\cmidrule(lr){{{first}-{last}}}")
        else:
            above += [""] * len(members)
        for j in members:
            column = table.columns[j]
            width = math.inf if j in arrangement.wrapped else arrangement.widths[j]
            text = above_and_below(column)[1]
            below.append(heading_tex(text, width, numeric=column.numeric))
    if rules:
        yield f"{' & '.join(above)} \\\\"
        yield "".join(rules)
    yield f"{' & '.join(below)} \\\\"


def _body(table: Table, arrangement: Arrangement, part: Sequence[int]) -> Iterator[str]:
    columns = [_column(table, j, arrangement.stacked) for j in part]
    tall = arrangement.stacked or arrangement.wrapped
    end = "\\\\\\addlinespace[2pt]" if tall else "\\\\"
    for cells in zip(*columns, strict=True):
        yield f"{' & '.join(cells)} {end}"


def _column(table: Table, j: int, stacked: bool) -> list[str]:
    """Return the cells of a column, from top to bottom."""
    cells = [row[j] for row in table.rows]
    if not table.columns[j].numeric:
        found = [escape(cell.text) for cell in cells]
    elif not stacked:
        found = aligned([cell.text for cell in cells])
    else:
        above, below = zip(*(stacked_text(cell.text) for cell in cells), strict=True)
        both = zip(aligned(above), aligned(below), strict=True)
        found = [_stacked(number, bracket) if bracket else number for number, bracket in both]
    return [_bold(text) if cell.strong else text for text, cell in zip(found, cells, strict=True)]


def _stacked(number: str, bracket: str) -> str:
    lines = f"{number} \\\\ {{\\scriptsize {bracket}}}"
    return f"\\begin{{tabular}}[t]{{@{{}}c@{{}}}}{lines}\\end{{tabular}}"


def _bold(text: str) -> str:
    # Not \textbf: digits of the series b are as wide as others, those of bx are not.
    return f"{{\\fontseries{{b}}\\selectfont\\boldmath {text}}}"


def _notes(table: Table) -> list[str]:
    strong = any(cell.strong for row in table.rows for cell in row)
    return [escape(note) for note in (*table.notes, *([BOLD] if strong else []))]


def _line_count(table: Table, arrangement: Arrangement) -> float:
    """Return about how many lines a table and its notes take."""
    line = LANDSCAPE if arrangement.landscape else PORTRAIT
    shares = {j: share * line for j, share in arrangement.wrapped.items()}
    rows = sum(
        max((math.ceil(1.1 * text_width(row[j].text) / shares[j]) for j in shares), default=1)
        for row in table.rows
    )
    height = 2.2 if arrangement.stacked else 1.0
    notes = sum(math.ceil(0.95 * text_width(note) / line) for note in table.notes)
    return (height * rows + 5) * len(arrangement.parts) + notes
