"""`fairbench compare`: stored predictions into a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    results: Annotated[Path, typer.Argument(help="What `fairbench run` wrote to.")] = Path(
        "results"
    ),
    baseline: Annotated[
        str | None, typer.Option(help="Variant to compare with; default clip-ft.")
    ] = None,
    selection: Annotated[
        str | None, typer.Option(help="Selection rule for all rows, or own; default val-auc.")
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help="Decision threshold: 0.5 (default), youden or rate.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="Only this suite's runs, compared as it says.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("reports/comparison"),
) -> None:
    """Compare all variants with a baseline and write comparison.md and comparison.csv."""
    from benchmark.comparison import compare as compare_runs
    from benchmark.suite import stored_comparison

    settings = stored_comparison(results, suite)
    found = compare_runs(
        results,
        baseline=baseline or settings.baseline,
        selection=selection or settings.selection,
        threshold=threshold or settings.threshold,
        suite=suite,
    )
    paths = found.write(out)
    from rich.console import Console
    from rich.markdown import Markdown

    from benchmark.report.markdown import comparison_markdown

    text = comparison_markdown(found)
    console = Console()
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        typer.echo(text)
    typer.echo(f"Written: {', '.join(str(path) for path in paths)}")
