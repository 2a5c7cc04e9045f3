"""Options that several commands share: what to train, on what, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dataset = Annotated[str | None, typer.Option(help="synthetic or fairvlmed.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the dataset.")]
Notes = Annotated[
    str | None, typer.Option(help="gpt-4, original, another summariser, or a CSV file.")
]
Model = Annotated[str | None, typer.Option(help="tiny, or an open_clip architecture.")]
Pretrained = Annotated[
    str | None, typer.Option(metavar="TAG|FILE", help="Initial weights of the model.")
]
ProtocolName = Annotated[str | None, typer.Option(help="official, reproduction, paper or tiny.")]
Epochs = Annotated[int | None, typer.Option(help="Short for --set epochs=N.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of objective or protocol."),
]
Threads = Annotated[int, typer.Option(help="CPU threads; results depend on them.")]
