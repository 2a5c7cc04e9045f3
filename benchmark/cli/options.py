"""Options that several commands share: what to train, on what, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SuiteSize = Annotated[
    str | None, typer.Option("--size", help="Of the suite: see list suites; default the first.")
]
ReportForms = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        help="Besides Markdown and CSV: html (default), latex, json, parquet, svg, png, pdf, "
        "all. Repeatable, or separated by commas.",
    ),
]
Dataset = Annotated[str | None, typer.Option(help="A name of `fairbench list datasets`.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of the dataset, or the YAML file of a table.")
]
Notes = Annotated[
    str | None, typer.Option(help="gpt-4, original, another summariser, or a CSV file.")
]
TextSource = Annotated[
    str | None,
    typer.Option(metavar="note|label", help="Train on notes, or on the label's prompt."),
]
Model = Annotated[str | None, typer.Option(help="tiny, an open_clip architecture, or blip2:DIR.")]
Pretrained = Annotated[
    str | None, typer.Option(metavar="TAG|FILE", help="Initial weights of the model.")
]
ProtocolName = Annotated[str | None, typer.Option(help="Preset: see list protocols.")]
Epochs = Annotated[int | None, typer.Option(help="Short for --set epochs=N.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of objective, protocol or dataset."),
]
KeepCheckpoint = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-checkpoint",
        metavar="RULE",
        help="Keep the weights of the epoch that last, val-auc or test-auc picks.",
    ),
]
Threads = Annotated[int, typer.Option(help="CPU threads; results depend on them.")]
Parallel = Annotated[
    int,
    typer.Option(min=1, help="So many runs side by side, a process each; results are the same."),
]
