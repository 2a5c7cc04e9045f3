"""`fairbench bench`: how long things take on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.threads import prefer_one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from benchmark.bench.figure import Figure


def bench(
    topic: Annotated[
        str | None,
        typer.Argument(
            help="train, eval, fairness, data, stats, compare or sweep; all of them without it."
        ),
    ] = None,
    public_code: Annotated[
        Path | None,
        typer.Option(help="Of train: a checkout's folder with finetune_FairCLIP.py, beside ours."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a figure.")] = False,
) -> None:
    """Measure how long things take. Takes minutes; needs nothing but fairbench."""
    prefer_one_thread()  # of numpy; trainings use the threads of their configuration

    from rich.console import Console

    from benchmark.bench.topics import TOPICS, measure, measure_all
    from benchmark.errors import FairbenchError, unknown_name

    if public_code is not None and topic not in (None, "train"):
        raise FairbenchError(f"--public-code is for the topic train, not for '{topic}'")
    if topic is not None and topic not in TOPICS:
        raise unknown_name("topic", topic, TOPICS)
    with Console(stderr=True).status("measuring") as status:

        def progress(what: str) -> None:
            status.update(f"measuring {what}")

        figures = measure_all(progress) if topic is None else measure(topic, progress)
        if public_code is not None:
            from benchmark.bench.public_code import bench_public_code

            figures += bench_public_code(public_code, progress)
    if as_json:
        typer.echo(_json(figures))
    else:
        _print(figures, Console())


def _json(figures: Sequence[Figure]) -> str:
    """Return strict JSON: a number that could not be measured is null."""
    import json
    from dataclasses import asdict
    from math import isnan

    objects = [asdict(figure) for figure in figures]
    for found in objects:
        found["value"] = None if isnan(found["value"]) else found["value"]
    return json.dumps(objects, indent=2, allow_nan=False, ensure_ascii=False)


def _print(figures: Sequence[Figure], console: Console) -> None:
    from math import isnan

    from rich import box
    from rich.table import Table

    if not console.is_terminal:
        console.width = 160  # a pipe has no width
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None)
    table.add_column("measured", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("how")
    for figure in figures:
        value = "-" if isnan(figure.value) else f"{figure.value:,.4g} {figure.unit}"
        table.add_row(figure.name, value, figure.target, figure.note)
    console.print(table, highlight=False)
