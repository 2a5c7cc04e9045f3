"""`fairbench bench`: how long things take on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.threads import prefer_one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from benchmark.bench.figure import Figure


def bench(
    topic: Annotated[
        str | None, typer.Argument(help="stats, compare or sweep; all of them without it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a figure.")] = False,
) -> None:
    """Measure how long things take. Takes minutes; needs nothing but fairbench."""
    prefer_one_thread()  # what is measured is one core

    from rich.console import Console

    from benchmark.bench.topics import TOPICS
    from benchmark.errors import unknown_name

    if topic is not None and topic not in TOPICS:
        raise unknown_name("topic", topic, TOPICS)
    figures: list[Figure] = []
    with Console(stderr=True).status("measuring") as status:
        for name in TOPICS if topic is None else [topic]:
            figures += TOPICS[name](lambda what: status.update(f"measuring {what}"))
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

    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None)
    table.add_column("measured", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("how")
    for figure in figures:
        value = "-" if isnan(figure.value) else f"{figure.value:,.4g} {figure.unit}"
        table.add_row(figure.name, value, figure.target, figure.note)
    console.print(table, highlight=False)
