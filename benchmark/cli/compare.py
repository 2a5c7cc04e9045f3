"""`fairbench compare`: stored predictions into a comparison and its verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from benchmark.comparison import Comparison
    from benchmark.verdicts.analysis import Analysis


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
    intersections: Annotated[
        str | None, typer.Option(help="Shown as further attributes: race×gender, age×race.")
    ] = None,
    primary: Annotated[
        str | None, typer.Option(help="Metrics that get verdicts; default auc,deodds.")
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(help="Smallest differences that matter; default auc=0.02,deodds=0.05."),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Level of the whole family; default 0.05.")
    ] = None,
    correction: Annotated[
        str | None,
        typer.Option(help="holm (default), hochberg, hommel, bonferroni, bh, by or none."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="auto (default), t, wilcoxon or sign-flip.")
    ] = None,
    scope: Annotated[
        str | None, typer.Option(help="seeds (default): new seeds; patients: new patients too.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="A frozen plan's hash, or newest: judged as it says.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="Only this suite's runs, compared as it says.")
    ] = None,
    published: Annotated[
        Path | None, typer.Option(help="A CSV of further published numbers to set beside ours.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("reports/comparison"),
) -> None:
    """Compare all variants with a baseline, judge them, and write the report.

    Writes comparison.md and the tables verdicts.csv, comparison.csv, per_seed.csv, runs.csv.
    """
    from benchmark.analysis_plan import find_plan
    from benchmark.comparison import analyse
    from benchmark.errors import FairbenchError
    from benchmark.sequential.record import record_path
    from benchmark.verdicts.analysis import parse_margins

    options: dict[str, Any] = {
        "baseline": baseline,
        "selection": selection,
        "threshold": threshold,
        "intersections": _names(intersections),
        "primary": _names(primary),
        "margin": None if margin is None else parse_margins(margin),
        "alpha": alpha,
        "correction": correction,
        "test": test,
        "scope": scope,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if plan is not None and given:
        raise FairbenchError(
            f"--plan fixes how runs are compared; leave out --{next(iter(given))}, or --plan"
        )
    frozen = None if plan is None else find_plan(results, plan)
    settings = _settings(results, suite, given) if frozen is None else frozen.plan
    _show(analyse(results, settings, suite, frozen, published), out)
    if suite is not None and record_path(results, suite).is_file():
        typer.echo(
            f"{suite} was extended look by look: the verdicts of that rule are in "
            f"{record_path(results, suite)}; those above take the seeds as fixed in advance"
        )


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _settings(results: Path, suite: str | None, given: dict[str, Any]) -> Analysis:
    """Return what the suite says, with the options laid over it."""
    from benchmark.suite import stored_comparison
    from benchmark.verdicts.analysis import analysis_of

    stored = stored_comparison(results, suite).model_dump()
    merged = {**stored, **given}
    # The suite's margins of metrics that --primary leaves out are of no use.
    of_suite = {k: m for k, m in stored["margin"].items() if k in (*merged["primary"], "auc")}
    return analysis_of(**{**merged, "margin": {**of_suite, **given.get("margin", {})}})


def _show(found: Comparison, out: Path) -> None:
    """Write the report and print it: as it is to a pipe, laid out to a terminal."""
    from rich.console import Console

    from benchmark.report.markdown import comparison_markdown

    paths = found.write(out)
    text = comparison_markdown(found)
    console = Console()
    if console.is_terminal:
        from benchmark.report.terminal import print_report

        print_report(console, found, text)
    else:
        typer.echo(text)
    typer.echo(f"Written: {', '.join(str(path) for path in paths)}")
