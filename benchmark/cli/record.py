"""`fairbench record`: one run as a trajectory that other code can be checked against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import (
    DataDir,
    Dataset,
    Epochs,
    Keys,
    Model,
    Notes,
    Pretrained,
    ProtocolName,
    TextSource,
    Threads,
)
from benchmark.cli.run import parse_keys


def record(
    variant: Annotated[str, typer.Option(help="Variant by name or .py file.")],
    out: Annotated[Path, typer.Option(help="Folder of the trajectory; may hold others.")],
    name: Annotated[str | None, typer.Option(help="Default: from variant and seed.")] = None,
    attribute: Annotated[str | None, typer.Option(help="Train on this attribute.")] = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    notes: Notes = None,
    text_source: TextSource = None,
    model: Model = None,
    pretrained: Pretrained = None,
    protocol: ProtocolName = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random streams.")] = 0,
    epochs: Epochs = None,
    set_: Keys = None,
    threads: Threads = 1,
) -> None:
    """Train one run on the CPU and write batches, losses, distances and scores of every step.

    The format is that of the recorded public runs; `fairbench verify --pack DIR` replays it.
    """
    from benchmark.plan import Request, plan

    request = Request(
        variants=[variant],
        attributes=[] if attribute is None else [attribute],
        dataset=dataset,
        data_dir=data_dir,
        notes=notes,
        model=model,
        pretrained=pretrained,
        protocol=protocol,
        seeds=[seed],
        changes=parse_keys(set_ or [], epochs=epochs, text_source=text_source),
        device="cpu",
        threads=threads,
    )
    (config,) = plan(request)

    from benchmark.execute import plan_run  # brings torch
    from benchmark.verify.record import record as record_run

    default = "_".join([config.variant, *config.attributes, f"seed{seed}"])
    path = record_run(plan_run(config), out, default if name is None else name)
    typer.echo(f"{path}: {config.label}, {config.protocol.epochs} epochs")
