"""`fairbench extend`: seeds until the verdicts are reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DataDir, Parallel, SuiteSize, Threads

if TYPE_CHECKING:
    from benchmark.sequential.record import SequentialRecord


def extend(
    suite: Annotated[str, typer.Argument(help="A suite's name or YAML file.")],
    until: Annotated[
        str, typer.Option(metavar="decided|N", help="Until all is decided, or N seeds are spent.")
    ] = "decided",
    looks: Annotated[
        str | None,
        typer.Option(help="Seeds at which verdicts are reached, fixed now; default 5,10,15,20."),
    ] = None,
    size: SuiteSize = None,
    results: Annotated[Path, typer.Option(help="Runs land in DIR/runs.")] = Path("results"),
    data_dir: DataDir = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Threads = 1,
    parallel: Parallel = 1,
) -> None:
    """Add seeds to a suite, from look to look, until every verdict is reached.

    Looks are fixed before the first; each is judged at alpha divided by their number, and its
    verdicts stay. Calling again goes on. Exit code 1 if a run failed.
    """
    from benchmark.cli.progress import make_watcher
    from benchmark.cli.run import interruptible
    from benchmark.plan import Request
    from benchmark.sequential.extend import extend as add_seeds
    from benchmark.sequential.record import record_path
    from benchmark.suite import load_suite

    chosen = load_suite(suite, size)
    with interruptible(), make_watcher(parallel) as watcher:
        found = add_seeds(
            chosen,
            Request(data_dir=data_dir, device=device, threads=threads),
            results,
            looks=None if looks is None else _numbers(looks),
            until=None if until == "decided" else _budget(until),
            watcher=watcher,
            parallel=parallel,
            on_design=lambda record: typer.echo(_design(record)),
            on_look=lambda record: typer.echo(_look(record)),
        )
    for run in found.failed:
        typer.echo(f"failed  {run.id}  {run.config.label}: {run.message}")
    if found.failed:
        typer.echo("the look was not made; the same command tries these runs again")
        raise typer.Exit(1)
    typer.echo(_end(found.record))
    typer.echo(f"Recorded in {record_path(results, chosen.name)}")


def _numbers(text: str) -> list[int]:
    from benchmark.errors import FairbenchError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise FairbenchError(
            f"--looks {text}: expected numbers of seeds such as 5,10,15,20"
        ) from None


def _budget(text: str) -> int:
    from benchmark.errors import FairbenchError

    if not text.isdecimal():
        raise FairbenchError(f"--until {text}: expected 'decided' or a number of seeds")
    return int(text)


def _design(record: SequentialRecord) -> str:
    design = record.design
    lines = [
        f"Looks at {', '.join(map(str, design.looks))} seeds, each at level {design.level:g} "
        f"({design.analysis['alpha']:g} / {len(design.looks)}), Holm within a look; fixed "
        f"{design.frozen}"
    ]
    if design.runs_before:
        lines.append(
            f"{design.runs_before} runs of the suite were finished before the looks were fixed: "
            "the error rate holds if nobody chose the looks by their results"
        )
    return "\n".join(lines)


def _look(record: SequentialRecord) -> str:
    look = record.looks[-1]
    lines = [f"Look {len(record.looks)} of {len(record.design.looks)}, {look.n_seeds} seeds:"]
    for standing in record.standings():
        row = standing.claim
        where = [row["variant"], row["trained_on"] and f"on {row['trained_on']}"]
        name = " ".join(part for part in where if part)
        what = f"{name}, {row['attribute']} {row['metric']}: {row['verdict'] or 'no verdict'}"
        if row["difference"] is not None:
            what += f", {100 * row['difference']:+.2f} points"
        if row["low"] is not None:
            what += f" [{100 * row['low']:.2f}, {100 * row['high']:.2f}]"
        at = "" if standing.look is None else f" (look {standing.look + 1})"
        lines.append(f"  {what}{at}")
    return "\n".join(lines)


def _end(record: SequentialRecord) -> str:
    standings = record.standings()
    still = sum(standing.open for standing in standings)
    if not record.looks:
        return "No look was made: the budget is below the first"
    if not still:
        return f"Every verdict is reached, after {record.looks[-1].n_seeds} seeds"
    left = record.design.looks[len(record.looks) :]
    then = f"; next look at {left[0]}" if left else "; no look is left"
    n = record.looks[-1].n_seeds
    return f"{still} of {len(standings)} claims are undecided after {n} seeds{then}"
