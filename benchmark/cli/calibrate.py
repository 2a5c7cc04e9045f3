"""`fairbench calibrate`: how often verdicts are wrong and intervals miss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.threads import prefer_one_thread


def calibrate(
    grids: Annotated[
        str,
        typer.Option(help="Simulated grids a cell; one number, or one for each of --seeds."),
    ] = "100",
    seeds: Annotated[str, typer.Option(help="Numbers of seeds.")] = "3,5,10,20",
    scope: Annotated[str, typer.Option(help="seeds, patients or both.")] = "both",
    seed: Annotated[int, typer.Option(help="Of all random numbers.", min=0)] = 0,
    out: Annotated[
        Path, typer.Option(help="Markdown file; the same as CSV is written beside it.")
    ] = Path("reports/calibration.md"),
) -> None:
    """Simulate runs with no effect and with one of exactly the margin, and compare them.

    Every grid is stored as run folders in a temporary folder and goes through the whole of
    `compare`. The tables are written after every cell, of which each number of seeds has six. On
    one core a grid takes about 0.2 seconds with three seeds and 0.7 with twenty.
    """
    prefer_one_thread()  # a matrix of a few hundred samples gains nothing by threads

    from benchmark.errors import FairbenchError, unknown_name
    from benchmark.seeds import parse_seeds
    from benchmark.verdicts.analysis import SCOPES

    if scope not in (*SCOPES, "both"):
        raise unknown_name("scope", scope, [*SCOPES, "both"])
    counts = parse_seeds(seeds)
    if min(counts) < 2:
        raise FairbenchError(f"--seeds {seeds}: one seed has no verdict; numbers start at 2")
    sizes = _grids(grids, len(counts))

    import pandas as pd

    from benchmark.calibration.rates import rates_of
    from benchmark.calibration.study import run_study
    from benchmark.calibration.table import study_lines
    from benchmark.report.spreadsheet import csv_text

    table = out.with_suffix(".csv")
    if table == out:
        raise FairbenchError(f"--out {out}: names the Markdown file; the CSV is written beside it")
    scopes = tuple(SCOPES) if scope == "both" else (scope,)
    claims: list[pd.DataFrame] = []
    text = ""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _progress() as told:
            for cell in run_study(sizes, counts, scopes, seed, told):
                claims.append(cell)  # hours of work: whoever interrupts it keeps what is done
                rates = rates_of(pd.concat(claims))
                text = "\n".join(study_lines(rates))
                out.write_text(text, encoding="utf-8")
                table.write_text(csv_text(rates), encoding="utf-8")
    except OSError as error:
        raise FairbenchError(f"{error.filename}: {error.strerror}; see --out and TMPDIR") from error
    typer.echo(text)
    typer.echo(f"Written: {out}, {table}")


def _grids(text: str, count: int) -> list[int]:
    """Return a number of grids for each of `count` numbers of seeds."""
    from benchmark.errors import FairbenchError

    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if part.isdecimal()]
    if len(numbers) < len(parts) or len(parts) not in (1, count) or min(numbers) < 1:
        raise FairbenchError(
            f"--grids {text}: expected a number such as 100, or {count} of them, one for each of "
            "--seeds"
        )
    return numbers * (count // len(numbers))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what moves a bar on a terminal, and elsewhere prints a line a cell to stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        said: set[str] = set()

        def tell(name: str, done: int, total: int) -> None:
            if name not in said:
                console.print(f"{done}/{total} {name}", soft_wrap=True)
            said.add(name)

        yield tell
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("")
        yield lambda name, done, total: bar.update(
            task, description=name, completed=done, total=total
        )
