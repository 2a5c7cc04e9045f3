"""`fairbench data`: dataset folders."""

from __future__ import annotations

import typer

from benchmark.cli.data_check import check
from benchmark.cli.data_synthesize import synthesize

app = typer.Typer(
    help="Write and check dataset folders.", no_args_is_help=True, add_completion=False
)
app.command()(synthesize)
app.command()(check)
