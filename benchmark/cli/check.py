"""`fairbench check`: has a change of the code moved the numbers of any variant?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from benchmark.verify.regression.check import Report, Row

Names = Annotated[
    list[str] | None,
    typer.Option("--variant", help="Only this variant, by name or .py file; may be repeated."),
]


def check(
    baseline: Annotated[
        Path, typer.Option(metavar="FILE", help="Recorded numbers, results/baselines/ci.json here.")
    ],
    variant: Names = None,
    update: Annotated[
        bool, typer.Option("--update", help="Record what moved and print it for the commit.")
    ] = False,
) -> None:
    """Train every variant for seconds and compare each number with a recorded one.

    Exit code 1 if a number moved, 2 if the baseline cannot be used.
    """
    from rich.console import Console

    from benchmark.verify.regression.check import check as check_baseline
    from benchmark.verify.regression.update import update as update_baseline

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 200  # a pipe has no width; lines should not break at 80
    with _progress(console) as show:
        if update:
            text = update_baseline(baseline, variant or (), show)
        else:
            report = check_baseline(baseline, variant or (), show)
    if update:
        typer.echo(text)
        return
    for note in report.notes:
        typer.echo(f"note: {note}")
    console.print(_table(report))
    moved = sorted({row.case for row in report.rows if row.moved})
    cases = len({row.case for row in report.rows})
    typer.echo(f"{len(moved)} of {cases} cases moved" + (f": {', '.join(moved)}" if moved else ""))
    if not report.passed:
        typer.echo("If that is meant: the same command with --update")
        raise typer.Exit(1)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        yield show


def _table(report: Report) -> Table:
    """Return all quantities of cases that moved, and the tightest of each that did not."""
    from rich.table import Table

    table = Table("case", "what", "deviation", "tolerance", "", "where", "recorded", "now")
    by_case: dict[str, list[Row]] = {}
    for row in report.rows:
        by_case.setdefault(row.case, []).append(row)
    for rows in by_case.values():
        moved = any(row.moved for row in rows)
        for row in rows if moved else [max(rows, key=lambda row: row.deviation / row.tolerance)]:
            table.add_row(
                row.case,
                row.what,
                f"{row.deviation:.1e}",
                f"{row.tolerance:.0e}",
                "moved" if row.moved else "ok",
                *((row.where, row.before, row.after) if row.deviation else ()),
            )
    return table
