"""`fairbench compare`: stored predictions into a comparison and its verdicts."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.options import ReportForms

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
    size: Annotated[
        str | None, typer.Option(help="Of the suite; default the only one that was run.")
    ] = None,
    study: Annotated[
        list[str] | None,
        typer.Option(help="Adds a study to the suite's own: `fairbench list studies`. Repeatable."),
    ] = None,
    published: Annotated[
        Path | None, typer.Option(help="A CSV of further published numbers to set beside ours.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("reports/comparison"),
    format_: ReportForms = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse runs of several code versions or changed data."),
    ] = False,
) -> None:
    """Compare all variants with a baseline, judge them, and write the report.

    Writes comparison.html, comparison.md and tables as CSV; docs/reports.md lists them all.
    """
    from benchmark.results import RunStore

    RunStore(results).require_runs()  # before imports that take a second
    from benchmark.analysis_plan import find_plan
    from benchmark.errors import FairbenchError
    from benchmark.sequential.record import record_path
    from benchmark.suite_lists import chosen_name
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
    suite = chosen_name(results, suite, size)
    frozen = None if plan is None else find_plan(results, plan)
    settings = _settings(results, suite, given) if frozen is None else frozen.plan
    if study:  # outside the plan too: a study gives no verdict
        settings = settings.model_copy(update={"studies": (*settings.studies, *study)})
    with _uncollected():
        from benchmark.comparison import analyse
        from benchmark.report.write import parse_formats

        formats = parse_formats(["html"] if format_ is None else format_)
        found = analyse(results, settings, suite, frozen, published, strict)
    _show(found, out, formats)
    if suite is not None and record_path(results, suite).is_file():
        typer.echo(
            f"{suite} was extended look by look: the verdicts of that rule are in "
            f"{record_path(results, suite)}; those above take the seeds as fixed in advance"
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles of garbage: there are few until figures are drawn."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _settings(results: Path, suite: str | None, given: dict[str, Any]) -> Analysis:
    """Return what the suite says, with the options laid over it."""
    from benchmark.suite_lists import stored_comparison
    from benchmark.verdicts.analysis import analysis_of

    stored = stored_comparison(results, suite).model_dump()
    merged = {**stored, **given}
    # The suite's margins of metrics that --primary leaves out are of no use.
    of_suite = {k: m for k, m in stored["margin"].items() if k in (*merged["primary"], "auc")}
    return analysis_of(**{**merged, "margin": {**of_suite, **given.get("margin", {})}})


def _show(found: Comparison, out: Path, formats: Sequence[str]) -> None:
    """Write the report and print it: as it is to a pipe, laid out to a terminal."""
    from rich.console import Console

    paths = found.write(out, formats)
    console = Console()
    if console.is_terminal:
        from benchmark.report.terminal import print_report

        print_report(console, found.report)
    else:
        typer.echo((out / "comparison.md").read_text(encoding="utf-8"))
    typer.echo(f"Written: {', '.join(_files(out, paths))}")


def _files(out: Path, paths: Sequence[Path]) -> Iterator[str]:
    """Yield the files of the folder itself by name, those of folders in it by number."""
    yield from (str(path) for path in paths if path.parent == out)
    within = Counter(path.relative_to(out).parts[0] for path in paths if path.parent != out)
    yield from (f"{out / name} ({n} files)" for name, n in within.items())
