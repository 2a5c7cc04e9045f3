"""The command `fairbench`. Each command's file imports what it needs when it is called."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from benchmark.cli.ablate import ablate
from benchmark.cli.bench import bench
from benchmark.cli.calibrate import calibrate
from benchmark.cli.check import check
from benchmark.cli.claims import claims
from benchmark.cli.compare import compare
from benchmark.cli.data_check import check as check_data
from benchmark.cli.data_synthesize import synthesize
from benchmark.cli.export import export
from benchmark.cli.extend import extend
from benchmark.cli.import_ import app as import_app
from benchmark.cli.list import list_names
from benchmark.cli.optimism import optimism
from benchmark.cli.plan import plan
from benchmark.cli.power import power
from benchmark.cli.published import published
from benchmark.cli.record import record
from benchmark.cli.run import run
from benchmark.cli.verify import verify
from benchmark.errors import FairbenchError
from benchmark.version import __version__

app = typer.Typer(
    name="fairbench",
    help="Train CLIP models with interchangeable fairness methods, keep the facts, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Write and check dataset folders.", no_args_is_help=True)

app.command()(run)
app.command()(extend)
app.command()(compare)
app.command()(ablate)
app.command()(plan)
app.command()(power)
app.command()(optimism)
app.command()(published)
app.command()(claims)
app.command()(export)
app.command()(record)
app.command()(verify)
app.command(name="list")(list_names)
app.command()(check)
app.command()(bench)
app.command()(calibrate)
app.add_typer(data, name="data")
app.add_typer(import_app, name="import")
data.command()(synthesize)
data.command(name="check")(check_data)


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
