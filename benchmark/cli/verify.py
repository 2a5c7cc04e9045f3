"""`fairbench verify`: are the recorded numbers of the public code also ours?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from benchmark.verify.result import CheckResult


def verify(
    pack: Annotated[
        Path | None, typer.Option(help="A folder of recorded numbers; the shipped one without it.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="One check, 'trajectory NAME', or 'trajectories' for all of those."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object for each check.")
    ] = False,
) -> None:
    """Recompute recorded numbers of the public code. Exit code 1 on a miss, 2 without a pack."""
    import os

    # Before torch comes in. Recordings have two threads: where other work keeps the cores busy,
    # threads that spin while they wait make a replay five times slower. Numbers do not change.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    # Imported late: `fairbench --help` needs none of it.
    from rich.console import Console

    from benchmark.verify.pack import SHIPPED
    from benchmark.verify.run import verify as verify_pack

    log = Console(stderr=True)
    with log.status("reading") as status:
        results = verify_pack(
            SHIPPED if pack is None else pack,
            only,
            lambda name: status.update(f"recomputing {name}"),
        )
    if as_json:
        typer.echo(_json(results))
    else:
        _print(results, Console())
    if any(result.status == "miss" for result in results):
        raise typer.Exit(1)


def _json(results: Sequence[CheckResult]) -> str:
    """Return strict JSON: an infinite deviation is "inf", as in a pack; NaN of a skip is null."""
    import json
    from dataclasses import asdict
    from math import isinf, isnan

    def plain(value: Any) -> Any:
        if not isinstance(value, float):
            return value
        return None if isnan(value) else str(value) if isinf(value) else value

    objects = [{key: plain(value) for key, value in asdict(r).items()} for r in results]
    return json.dumps(objects, indent=2, allow_nan=False, ensure_ascii=False)


def _print(results: Sequence[CheckResult], console: Console) -> None:
    from rich import box
    from rich.table import Table

    colours = {"pass": "green", "miss": "bold red", "skipped": "yellow"}
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None)
    table.add_column("check", no_wrap=True)
    for column in ("cases", "deviation", "tolerance"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    for result in results:
        skipped = result.status == "skipped"
        table.add_row(
            result.name,
            "-" if skipped else str(result.cases),
            "-" if skipped else f"{result.deviation:.1e}",
            "-" if skipped else f"{result.tolerance:.1e}",
            f"[{colours[result.status]}]{result.status}",
        )
    console.print(table)
    for result in results:
        if result.note:
            # A path may hold brackets, and one note stays one line whatever the width.
            line = f"{result.name}: {result.note}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    counts = [f"{sum(r.status == s for r in results)} {s}" for s in ("pass", "miss", "skipped")]
    console.print(", ".join(counts), highlight=False)
