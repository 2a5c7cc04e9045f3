"""`fairbench data synthesize`: write a synthetic dataset folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synthesize(
    directory: Annotated[Path, typer.Argument(help="The folder to write; new or empty.")],
    format_: Annotated[
        str, typer.Option("--format", help="fairvlmed (fundus images and notes) or fairface.")
    ] = "fairvlmed",
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    size: Annotated[
        str,
        typer.Option(
            help="default (fairvlmed: 2,700 images of 332x256; fairface: 2,500 of 112x112), "
            "paper (the published counts and image size) or tiny."
        ),
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
    """Write a synthetic dataset with planted gaps, as Harvard-FairVLMed or FairFace have it."""
    # Imported late: `fairbench --help` needs none of it.
    from rich.console import Console
    from rich.progress import Progress

    from benchmark.data.synthetic import (
        SyntheticConfig,
        make_config,
        make_face_config,
        write_faces,
        write_synthetic,
    )
    from benchmark.errors import unknown_name

    if format_ not in ("fairvlmed", "fairface"):
        raise unknown_name("format", format_, ["fairvlmed", "fairface"])
    make = make_config if format_ == "fairvlmed" else make_face_config
    config = make(size, seed, _assignments(knobs or []))
    console = Console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("draw", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if isinstance(config, SyntheticConfig):
            fingerprint = write_synthetic(directory, config, show)
            samples = f"{config.train} training, {config.val} validation, {config.test} test"
            shape = f"{config.height}x{config.width}"
        else:
            fingerprint = write_faces(directory, config, show)
            samples = f"{config.train} training (validation is drawn from them), {config.test} test"
            shape = f"{config.size}x{config.size}"
    for line in (
        f"wrote {directory}",
        f"samples: {samples}; images {shape}; seed {config.seed}",
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
