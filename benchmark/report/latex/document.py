"""A report as LaTeX files: the tables, the lines that they need, and a document of them all."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.report.answers import fold_answers
from benchmark.report.latex.characters import MISSING_DEFINITION, code, escape
from benchmark.report.latex.table import table_tex
from benchmark.report.model import (
    Block,
    Bullets,
    Code,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
)

PREAMBLE = f"""\
% What the tables need in a document's preamble: \\input{{preamble}}.
% Works with pdflatex, lualatex and xelatex. Packages from TeX Live's latex-base, -recommended.
\\usepackage{{iftex}}
\\ifPDFTeX
  \\usepackage[T1]{{fontenc}}
  \\usepackage{{lmodern}}
\\else
  \\usepackage{{fontspec}} % \\setmainfont{{...}} chooses a font with the scripts of your names
\\fi
\\usepackage{{amssymb,array,booktabs,graphicx,longtable,pdflscape}}
% Names may hold characters that pdflatex has no font for. They print as [U+4E2D], never as
% nothing; lualatex and xelatex print the character itself where the main font has it.
{MISSING_DEFINITION}
"""

_BEGIN = """\
\\documentclass[10pt,a4paper]{article}
\\usepackage[margin=2cm]{geometry}
\\usepackage{float}
\\input{preamble}
\\floatplacement{table}{H} % tables and figures stand where they are read
\\floatplacement{figure}{H}
\\setlength{\\parindent}{0pt}
\\setlength{\\parskip}{4pt plus 2pt}
\\setlength{\\emergencystretch}{6em}
\\begin{document}
"""

_HEADINGS = ("section", "subsection", "subsubsection", "paragraph")


def latex_texts(report: Report) -> dict[str, str]:
    """Return file name → text.

    `report.tex` compiles as it is, beside the others; `table-ID.tex` is a table, to be
    input after the lines of `preamble.tex`. A figure is shown if `figures/ID.pdf` is there when the
    document is compiled. All files are ASCII.
    """
    tables = [block for block in report.blocks() if isinstance(block, Table)]
    return {
        "report.tex": "\n".join(_document(report)) + "\n",
        "preamble.tex": PREAMBLE,
        **{f"table-{table.id}.tex": table_tex(table) for table in tables},
    }


def _document(report: Report) -> Iterator[str]:
    yield _BEGIN
    yield f"\\section*{{{escape(report.title)}}}"
    yield f"\\textit{{{escape(report.question)}}}\n"
    shown, folded = fold_answers(report.answers)
    if shown:
        yield "\\begin{description}"
        yield from (f"\\item[{{{escape(a.verdict)}}}] {escape(a.text)}" for a in shown)
        yield "\\end{description}"
    if folded:
        yield f"More answers, in the tables below: {len(folded)}.\n"
    yield from _items(report.summary)
    for section in report.sections:
        yield from _block(section, 0)
    yield "\\end{document}"


def _block(block: Block, depth: int) -> Iterator[str]:
    match block:
        case Section():
            heading = _HEADINGS[min(depth, len(_HEADINGS) - 1)]
            yield f"\\{heading}{{{escape(block.title)}}}\\label{{sec:{block.id}}}"
            for inner in block.blocks:
                yield from _block(inner, depth + 1)
        case Paragraph():
            yield f"{escape(block.text)}\n"
        case Bullets():
            yield from _items(block.items)
        case Code():
            yield "\\begin{flushleft}\\ttfamily\\footnotesize"
            yield from (f"{code(line)}\\\\" for line in block.text.splitlines() if line.strip())
            yield "\\end{flushleft}"
        case Table():
            yield f"\\input{{table-{block.id}}}"
        case Figure():
            path = f"figures/{block.id}.pdf"
            yield f"\\IfFileExists{{{path}}}{{\\begin{{figure}}\\centering"
            size = "width=\\linewidth,height=0.75\\textheight,keepaspectratio"
            yield f"\\includegraphics[{size}]{{{path}}}"
            yield f"\\caption{{{escape(block.title)}. {escape(block.caption)}}}"
            yield f"\\label{{fig:{block.id}}}\\end{{figure}}}}{{}}"


def _items(items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield "\\begin{itemize}"
        yield from (f"\\item {escape(item)}" for item in items)
        yield "\\end{itemize}"
