"""`fairbench import`: predictions of runs that were trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmark.importing.run import ImportedRun

app = typer.Typer(
    help="Import predictions of runs trained elsewhere.", no_args_is_help=True, add_completion=False
)

Results = Annotated[Path, typer.Option(help="Runs land in DIR/runs.")]


@app.command()
def official(
    folders: Annotated[
        list[Path], typer.Argument(help="Results folders of the public code, or a folder of them.")
    ],
    results: Results = Path("results"),
) -> None:
    """Import results folders of the public FairCLIP code: pred_gt_ep*.npz, args_train.txt.

    Their scores are of the test set, so compare them with --selection test-auc or last.
    """
    from benchmark.importing.official import read_official, run_folders

    for folder in (one for path in folders for one in run_folders(path)):
        found = read_official(folder)
        checked = f"; its best_*.csv agrees in {found.checked} numbers" if found.checked else ""
        _store(found.run, results, f"{folder}{checked}")


@app.command()
def predictions(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet table; see docs/importing.md.")],
    dataset: Annotated[str, typer.Option(help="The dataset's name, as tables show it.")] = (
        "imported"
    ),
    results: Results = Path("results"),
) -> None:
    """Import any method's predictions from a table: a run for each variant and seed."""
    from benchmark.importing.table import read_predictions_table

    for run in read_predictions_table(file, dataset):
        _store(run, results, str(file))


def _store(run: ImportedRun, results: Path, origin: str) -> None:
    """Write a run and say what it is, in one line."""
    from benchmark.importing.run import store_run
    from benchmark.results import RunStore

    name, written = store_run(run, RunStore(results))
    seed = "no seed" if run.seed is None else f"seed {run.seed}"
    samples = ", ".join(f"{len(split.label)} {name}" for name, split in run.splits.items())
    typer.echo(
        f"{'imported' if written else 'present '}  {name}  {run.label}, {seed}: "
        f"{len(run.epochs)} epochs, {samples} samples ({origin})"
    )
