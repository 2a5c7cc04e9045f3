"""A report in every form that was asked for, in one folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from shutil import copyfile
from typing import Any

import pandas as pd

from benchmark.errors import unknown_name
from benchmark.report.files import staged, write_text
from benchmark.report.json_form import json_text
from benchmark.report.markdown import report_markdown
from benchmark.report.model import Figure, Report
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
    with staged(out, name) as folder:
        images = _draw(folder, report, formats)
        texts = {f"{name}.md": report_markdown(report, images)}
        texts |= {f"{key}.csv": csv_text(table) for key, table in tables.items()}
        if "html" in formats:
            from benchmark.report.html import html_report

            texts[f"{name}.html"] = html_report(report)
        if "json" in formats:
            texts[f"{name}.json"] = json_text(report, facts or {})
        if "latex" in formats:
            from benchmark.report.latex import latex_texts

            texts |= {f"latex/{key}": text for key, text in latex_texts(report).items()}
        for key, text in texts.items():
            (folder / key).parent.mkdir(exist_ok=True)
            write_text(folder / key, text)
        if "parquet" in formats:
            for key, table in tables.items():
                table.to_parquet(folder / f"{key}.parquet", index=False)
        written = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return [out / path for path in sorted(written, key=lambda path: (len(path.parts), path))]


def _draw(folder: Path, report: Report, formats: Collection[str]) -> dict[str, str]:
    """Write the figures; return id → path of the picture that Markdown shows."""
    suffixes = [suffix for suffix in PICTURES if suffix in formats]
    wanted = [*suffixes, *(["pdf"] if "latex" in formats and "pdf" not in suffixes else [])]
    figures = [block for block in report.blocks() if isinstance(block, Figure)]
    if not wanted or not figures:
        return {}
    from benchmark.report.drawing import save_figure  # brings matplotlib

    for figure in figures:
        for suffix in wanted:
            of_latex = suffix not in suffixes
            path = Path("latex/figures" if of_latex else "figures") / f"{figure.id}.{suffix}"
            save_figure(figure, folder / path)
            if suffix == "pdf" and "latex" in formats and not of_latex:
                copy = folder / "latex" / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                copyfile(folder / path, copy)
    shown = next((suffix for suffix in suffixes if suffix != "pdf"), None)
    return {f.id: f"figures/{f.id}.{shown}" for f in figures} if shown else {}
