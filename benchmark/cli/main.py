"""The command `fairbench`. Each command's file imports what it needs when it is called."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from benchmark.cli.commands import COMMANDS, OnDemand, listed
from benchmark.errors import FairbenchError
from benchmark.version import __version__

app = typer.Typer(
    name="fairbench",
    cls=OnDemand,
    help="Train CLIP models with interchangeable fairness methods, keep the facts, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _name, (_, _summary) in COMMANDS.items():
    app.command(name=_name, help=_summary)(listed)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fairbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Train CLIP models with interchangeable fairness methods, keep the facts, compare."""


def main() -> None:
    """Run the command line; bad input ends in one line and exit code 2."""
    try:
        app()
    except FairbenchError as error:
        print(f"fairbench: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
