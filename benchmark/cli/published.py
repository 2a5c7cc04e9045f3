"""`fairbench published`: numbers of papers, and what they support on their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def published(
    source: Annotated[
        str | None, typer.Argument(help="A source, such as luo2024; without one, list them.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--published", help="A CSV of further published numbers.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Level of each table's family.")] = 0.05,
    out: Annotated[
        Path | None, typer.Option(help="Folder for published.md, claims.csv, es_auc.csv.")
    ] = None,
) -> None:
    """Test a source's claims from its own mean ± SD, and its ES-AUC for consistency."""
    from benchmark.errors import FairbenchError
    from benchmark.published.cells import all_cells
    from benchmark.published.es_auc_check import check_es_auc
    from benchmark.published.retest import retest
    from benchmark.published.sources import find_source
    from benchmark.report.files import write_texts
    from benchmark.report.published_table import source_list, source_markdown
    from benchmark.report.spreadsheet import csv_text

    cells = all_cells(file)
    if source is None:
        if out is not None:
            raise FairbenchError("--out is for the report on one source: name it")
        for line in source_list(cells):
            typer.echo("\n  ".join(line))
        return
    if not 0 < alpha < 0.5:
        raise FairbenchError(f"--alpha is {alpha}; expected a number between 0 and 0.5")
    source = find_source(source, dict.fromkeys(cell.source for cell in cells))
    cells = [cell for cell in cells if cell.source == source]
    claims, es_auc = retest(cells, alpha), check_es_auc(cells)
    text = source_markdown(source, cells, claims, es_auc, alpha)
    typer.echo(text)
    if out is not None:
        texts = {
            "published.md": text,
            "claims.csv": csv_text(claims),
            "es_auc.csv": csv_text(es_auc),
        }
        paths = write_texts(out, texts)
        typer.echo(f"Written: {', '.join(map(str, paths))}")
