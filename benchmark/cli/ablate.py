"""`fairbench ablate`: what each key between two variants does to metrics and gains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import (
    DataDir,
    Dataset,
    Epochs,
    Keys,
    Model,
    Notes,
    Parallel,
    Pretrained,
    ProtocolName,
    ReportForms,
    Threads,
)
from benchmark.cli.run import interruptible, parse_keys

if TYPE_CHECKING:
    from benchmark.ablation.plan import AblationPlan
    from benchmark.results import RunStore


def ablate(
    from_: Annotated[str, typer.Option("--from", help="Variant at one end.")],
    to: Annotated[str, typer.Option("--to", help="Variant at the other end.")],
    keys: Annotated[
        str | None,
        typer.Option(help="Keys to change, in the ladder's order; a+b merges. Default: all."),
    ] = None,
    design: Annotated[
        list[str] | None,
        typer.Option(help="one-at-a-time (default), ladder, factorial, shapley; may be repeated."),
    ] = None,
    baseline: Annotated[str, typer.Option(help="Gains are over this variant.")] = "clip-ft",
    attribute: Annotated[
        str | None, typer.Option(help="Trained on and judged; default: that of --from.")
    ] = None,
    metrics: Annotated[str, typer.Option(help="Comma-separated.")] = "auc,es_auc,dpd,deodds",
    threshold: Annotated[str, typer.Option(help="Decision threshold.")] = "0.5",
    alpha: Annotated[float, typer.Option(help="Intervals have confidence 1 - alpha.")] = 0.05,
    protocol: ProtocolName = None,
    from_protocol: Annotated[
        str | None, typer.Option(help="Preset of --from alone: its keys are ablated too.")
    ] = None,
    to_protocol: Annotated[str | None, typer.Option(help="Preset of --to alone.")] = None,
    set_: Keys = None,
    from_set: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A key of --from alone; selection=RULE too."),
    ] = None,
    to_set: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A key of --to alone; selection=RULE too."),
    ] = None,
    epochs: Epochs = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    notes: Notes = None,
    model: Model = None,
    pretrained: Pretrained = None,
    seeds: Annotated[str, typer.Option(help="Such as 0-4 or 0,2,7.")] = "0-4",
    orders: Annotated[
        int | None, typer.Option(help="Shapley values from so many sampled orders of the keys.")
    ] = None,
    orders_seed: Annotated[int, typer.Option(help="Of the sampled orders.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Run all cells of more than 6 keys.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print runs and cost, train nothing.")
    ] = False,
    analyse_only: Annotated[
        bool, typer.Option("--analyse-only", help="Train nothing; every run must be there.")
    ] = False,
    results: Annotated[Path, typer.Option(help="Runs land in DIR/runs.")] = Path("results"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Threads = 1,
    parallel: Parallel = 1,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("reports/ablation"),
    format_: ReportForms = None,
) -> None:
    """Change the keys on which two variants differ, and say what each does.

    Trains the runs that are not there yet and writes ablation.html, ablation.md, effects.csv,
    effects_by_seed.csv, cells.csv, keys.csv, runs.csv. Exit code 1 if a run failed.
    """
    from benchmark.ablation.api import ends
    from benchmark.ablation.cost import count_lines
    from benchmark.ablation.plan import Settings, plan_ablation
    from benchmark.plan import Request
    from benchmark.report.write import parse_formats
    from benchmark.results import RunStore
    from benchmark.seeds import parse_seeds

    formats = parse_formats(["html"] if format_ is None else format_)
    left, right = ends(
        (from_, to),
        protocol,
        (from_protocol, to_protocol),
        (parse_keys(from_set or []), parse_keys(to_set or [])),
    )
    plan = plan_ablation(
        left,
        right,
        Request(
            attributes=() if attribute is None else (attribute,),
            dataset=dataset,
            data_dir=data_dir,
            notes=notes,
            model=model,
            pretrained=pretrained,
            seeds=parse_seeds(seeds),
            changes=parse_keys(set_ or [], epochs=epochs),
            device=device,
            threads=threads,
        ),
        Settings(
            designs=design or ("one-at-a-time",),
            keys=_names(keys),
            baseline=baseline,
            metrics=_names(metrics),
            threshold=threshold,
            alpha=alpha,
            orders=orders,
            orders_seed=orders_seed,
            large=yes,
        ),
    )
    store = RunStore(results)
    for line in count_lines(plan):
        typer.echo(line)
    if dry_run or not analyse_only:
        _say_cost(plan, store, parallel)
    if dry_run:
        return
    if not analyse_only:
        _train(plan, store, parallel)
    _show(plan, store, out, formats)


def _names(text: str | None) -> list[str]:
    return [] if text is None else [name.strip() for name in text.split(",")]


def _say_cost(plan: AblationPlan, store: RunStore, parallel: int) -> None:
    """Print how many runs are there, and what the others will take."""
    from benchmark.cli.dry_run import total_lines
    from benchmark.cost import estimate_runs  # brings torch

    costs = estimate_runs(plan.runs.values(), store)
    for line in total_lines(costs, store.results, parallel):
        typer.echo(line)


def _train(plan: AblationPlan, store: RunStore, parallel: int) -> None:
    """Train what is not there."""
    from benchmark.cli.progress import make_watcher
    from benchmark.sweep import sweep

    with interruptible(), make_watcher(parallel) as watcher:
        sweep([*plan.runs.values()], store, watcher, parallel=parallel)


def _show(plan: AblationPlan, store: RunStore, out: Path, formats: Sequence[str]) -> None:
    """Write the report and print it: as it is to a pipe, laid out to a terminal."""
    from rich.console import Console

    from benchmark.ablation.analysis import analyse_ablation

    found = analyse_ablation(plan, store)
    paths = found.write(out, formats)
    console = Console()
    if console.is_terminal:
        from benchmark.report.terminal import print_report

        print_report(console, found.report)
    else:
        typer.echo((out / "ablation.md").read_text(encoding="utf-8"))
    typer.echo(f"Written: {', '.join(str(path) for path in paths)}")
    if (found.runs["state"] == "failed").any():
        raise typer.Exit(1)
