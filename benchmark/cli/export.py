"""`fairbench export`: stored runs for TensorBoard, Weights & Biases or MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    tracker: Annotated[str, typer.Argument(help="tensorboard, wandb (offline) or mlflow.")],
    results: Annotated[Path, typer.Argument(help="What `fairbench run` wrote to.")] = Path(
        "results"
    ),
    out: Annotated[Path, typer.Option(help="Folder of the tracker's files.")] = Path("exported"),
    suite: Annotated[str | None, typer.Option(help="Only this suite's runs.")] = None,
) -> None:
    """Write terms, gradient norms, distances and AUCs per epoch for an experiment tracker.

    Runs that are there already are left alone, so the command may be repeated. No score, note or
    image is exported.
    """
    from benchmark.exporting import export_runs
    from benchmark.results import RunStore
    from benchmark.suite_lists import chosen_name, suite_run_ids

    name = chosen_name(results, suite, None)
    wanted = None if name is None else suite_run_ids(results, name)
    runs = [run for run in RunStore(results).read() if wanted is None or run.id in wanted]
    new, there = export_runs(tracker, runs, out)
    failed = len(runs) - new - there
    without = f"; {failed} failed and have nothing to export" if failed else ""
    typer.echo(f"{new} runs exported to {out}, {there} were there already{without}")
