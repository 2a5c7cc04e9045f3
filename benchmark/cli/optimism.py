"""`fairbench optimism`: what choosing the epoch on the test set adds to a reported AUC."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd


def optimism(
    results: Annotated[Path, typer.Argument(help="What `fairbench run` wrote to.")] = Path(
        "results"
    ),
    baseline: Annotated[str, typer.Option(help="Variant to compare with.")] = "clip-ft",
    suite: Annotated[str | None, typer.Option(help="Only this suite's runs.")] = None,
    splits: Annotated[int, typer.Option(help="Random halves a run.", min=1)] = 1000,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.")] = None,
) -> None:
    """Print the optimism of selecting epochs on the test set, by split halves.

    The epoch is chosen on a random half of the test set and judged on both halves: what it shows
    on the half that chose it beyond the other is optimism. Beside it the same for the epoch that
    validation chose, where only chance is left, and what the best of three seeds looks like.
    """
    from benchmark.errors import FairbenchError
    from benchmark.optimism import BEST_OF, selection_optimism
    from benchmark.report.cells import table
    from benchmark.report.spreadsheet import csv_text

    found = selection_optimism(results, baseline=baseline, suite=suite, n_splits=splits)
    columns = {
        "variant": "variant",
        "trained_on": "trained on",
        "protocol": "protocol",
        "n": "seeds",
        "test": "chosen on test",
        "val": "chosen on validation",
        "excess": "test minus validation",
        "difference": f"that, minus {baseline}'s",
        "mean_auc": "AUC ↑",
        "best_auc": f"best of {BEST_OF} seeds",
    }
    typer.echo("# What selection adds to AUC, in percentage points, with 95% t intervals\n")
    for block, rows in found.groupby(["dataset", "model"], sort=False):
        typer.echo(f"## {', '.join(map(str, block))}\n")
        cells = [[_cell(row, column) for column in columns] for _, row in rows.iterrows()]
        typer.echo("\n".join(table(list(columns.values()), cells)))
    typer.echo(
        f"Each run: {splits} random halves of its test set, drawn by its seed. Optimism is AUC on "
        "the half that chooses minus AUC on the other; for an epoch that validation chose it is "
        "chance. Intervals are over seeds, on these patients. Above 0, 'test minus validation' is "
        "what choosing on the test set adds to a reported AUC on half of it. AUC and best of "
        f"{BEST_OF}: of epochs chosen on the test set."
    )
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(csv_text(found), encoding="utf-8")
        except OSError as error:
            raise FairbenchError(f"--out {out}: cannot be written ({error.strerror})") from error
        typer.echo(f"Written: {out}")


def _cell(row: pd.Series, column: str) -> str:
    value = row[column]
    if isinstance(value, str):
        return value
    if column == "n":
        return str(value)
    if value != value:
        return str(row["reason"]) if column == "difference" else "n.e."
    if f"{column}_low" not in row:
        return f"{100 * value:.2f}"
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    interval = f" [{100 * low:+z.2f}, {100 * high:+z.2f}]" if low == low else ""
    return f"{100 * value:+z.2f}{interval}"
