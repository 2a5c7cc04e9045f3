"""A report in every form that was asked for, in one folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import product
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmark.errors import unknown_name
from benchmark.report.files import staged, write_text
from benchmark.report.json_form import json_text
from benchmark.report.markdown import report_markdown
from benchmark.report.model import Block, Figure, Report
from benchmark.report.pictures import INLINE, drawing, inline_pictures, picture
from benchmark.report.spreadsheet import csv_text

PICTURES = ("svg", "png", "pdf")
"""Formats of figures; Markdown shows the first that is written."""

FORMATS = ("html", "latex", "json", "parquet", *PICTURES)
"""What can be asked for beside Markdown and CSV, which are always written."""

ALL = "all"


def parse_formats(names: Iterable[str]) -> tuple[str, ...]:
    """Return the formats of texts such as `html,latex`, each once; `all` is all of them.

    Raises:
        FairbenchError: an unknown format.
    """
    wanted = [name.strip() for text in names for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in (*FORMATS, ALL):
            raise unknown_name("format", name, [*FORMATS, ALL])
    return FORMATS if ALL in wanted else tuple(dict.fromkeys(wanted))


def write_report(
    out: Path,
    name: str,
    report: Report,
    tables: Mapping[str, pd.DataFrame],
    formats: Collection[str] = ("html",),
    facts: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a report to a folder in place of an earlier one of this name; return the paths.

    Args:
        out: The folder, made if need be.
        name: The report's files are called so: `comparison.md`, `comparison.html`.
        report: What is written.
        tables: File name without suffix → tidy table.
        formats: Of `FORMATS`; Markdown and CSV are always written. `latex` is a folder that
            compiles as it is, figures included.
        facts: What the JSON form holds besides the report, by name.

    Raises:
        FairbenchError: an unknown format, or a folder that cannot be written.
    """
    formats = parse_formats(formats)
    figures = [block for block in report.blocks() if isinstance(block, Figure)]
    places = _places(formats)
    forms = [*([INLINE] if "html" in formats else []), *places]
    with staged(out, name) as folder:
        with TemporaryDirectory(dir=folder) as drawn:
            with drawing(figures, forms, Path(drawn)):
                texts = _texts(name, report, tables, formats, facts or {})
            if "html" in formats:
                from benchmark.report.html import html_report

                texts[f"{name}.html"] = html_report(report, inline_pictures(Path(drawn), figures))
            for figure, form in product(figures, places):
                for place in places[form]:
                    (folder / place).mkdir(parents=True, exist_ok=True)
                    made = picture(Path(drawn), figure, form)
                    copyfile(made, folder / place / f"{figure.id}.{form}")
        for key, text in texts.items():
            (folder / key).parent.mkdir(exist_ok=True)
            write_text(folder / key, text)
        if "parquet" in formats:
            for key, table in tables.items():
                table.to_parquet(folder / f"{key}.parquet", index=False)
        written = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return [out / path for path in sorted(written, key=lambda path: (len(path.parts), path))]


def _texts(
    name: str,
    report: Report,
    tables: Mapping[str, pd.DataFrame],
    formats: Collection[str],
    facts: Mapping[str, Any],
) -> dict[str, str]:
    """Return file → text of every form that holds no drawing."""
    shown = _shown(report.blocks(), formats)
    texts = {f"{name}.md": report_markdown(report, shown)}
    texts |= {f"{key}.csv": csv_text(table) for key, table in tables.items()}
    if "json" in formats:
        texts[f"{name}.json"] = json_text(report, facts)
    if "latex" in formats:
        from benchmark.report.latex import latex_texts

        texts |= {f"latex/{key}": text for key, text in latex_texts(report).items()}
    return texts


def _places(formats: Collection[str]) -> dict[str, list[str]]:
    """Return format of figures → the folders that hold them; LaTeX has its own."""
    places = {form: ["figures"] for form in PICTURES if form in formats}
    if "latex" in formats:
        places.setdefault("pdf", []).append("latex/figures")
    return places


def _shown(blocks: Iterable[Block], formats: Collection[str]) -> dict[str, str]:
    """Return id → path of the picture that Markdown shows; none where only PDFs are written."""
    form = next((one for one in PICTURES if one in formats and one != "pdf"), None)
    figures = (block for block in blocks if isinstance(block, Figure))
    return {f.id: f"figures/{f.id}.{form}" for f in figures} if form else {}
