"""`fairbench data synthesize`: write a synthetic dataset folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synthesize(
    directory: Annotated[Path, typer.Argument(help="The folder to write; new or empty.")],
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    size: Annotated[
        str, typer.Option(help="default (2,700 images of 332x256), paper (10,000 of 664x512), tiny")
    ] = "default",
    knobs: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KNOB=VALUE",
            help="Change a knob, such as noise=12 or race/black.contrast=1. May be repeated.",
        ),
    ] = None,
) -> None:
    """Write a synthetic dataset in the Harvard-FairVLMed format, with planted gaps."""
    # Imported late: `fairbench --help` needs none of it.
    from rich.console import Console
    from rich.progress import Progress

    from benchmark.data.synthetic import make_config, write_synthetic

    config = make_config(size, seed, _assignments(knobs or []))
    console = Console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("draw", total=None)
        fingerprint = write_synthetic(
            directory, config, lambda done, total: bar.update(task, completed=done, total=total)
        )
    for line in (
        f"wrote {directory}",
        f"samples: {config.train} training, {config.val} validation, {config.test} test; "
        f"images {config.height}x{config.width}; seed {config.seed}",
        f"fingerprint: {fingerprint}",
        f"next: fairbench data check {directory}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _assignments(texts: list[str]) -> dict[str, str]:
    """Return knob name → value as text, from `name=value` texts."""
    from benchmark.errors import FairbenchError

    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise FairbenchError(f"--set {text}: write KNOB=VALUE, such as noise=12")
        values[name.strip()] = value.strip()
    return values
