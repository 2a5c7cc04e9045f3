"""`fairbench run`: train what is not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.options import (
    DataDir,
    Dataset,
    Epochs,
    KeepCheckpoint,
    Keys,
    Model,
    Notes,
    Pretrained,
    ProtocolName,
    TextSource,
    Threads,
)

Names = Annotated[
    list[str] | None,
    typer.Option("--variant", help="Variant by name or .py file; may be repeated."),
]
Attributes = Annotated[
    list[str] | None,
    typer.Option("--attribute", help="Train on this attribute; may be repeated."),
]


def run(
    variant: Names = None,
    suite: Annotated[str | None, typer.Option(help="A suite's name or YAML file.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="Run the suite under this of its conditions; may be repeated."),
    ] = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    notes: Notes = None,
    text_source: TextSource = None,
    model: Model = None,
    pretrained: Pretrained = None,
    protocol: ProtocolName = None,
    attribute: Attributes = None,
    seeds: Annotated[str | None, typer.Option(help="Such as 0-4 or 0,2,7; default 0.")] = None,
    epochs: Epochs = None,
    set_: Keys = None,
    results: Annotated[Path, typer.Option(help="Runs land in DIR/runs.")] = Path("results"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Threads = 1,
    keep_checkpoint: KeepCheckpoint = None,
) -> None:
    """Train variants over seeds and keep the predictions of every epoch.

    A run that is finished is skipped; one that was interrupted or failed is done again.
    Exit code 1 if a run failed.
    """
    from benchmark.api import run as run_all
    from benchmark.cli.progress import make_watcher

    keys = parse_keys(set_ or [], epochs=epochs, text_source=text_source)
    try:
        with make_watcher() as watcher:
            table = run_all(
                variant or (),
                suite=suite,
                attributes=attribute or (),
                dataset=dataset,
                data_dir=data_dir,
                notes=notes,
                model=model,
                pretrained=pretrained,
                protocol=protocol,
                seeds=seeds,
                keys=keys,
                results=results,
                device=device,
                threads=threads,
                keep_checkpoint=keep_checkpoint or (),
                conditions=condition or (),
                watcher=watcher,
            )
    except KeyboardInterrupt:
        typer.echo("fairbench: interrupted; finished runs are kept", err=True)
        raise typer.Exit(130) from None
    counts = ", ".join(f"{n} {state}" for state, n in table["state"].value_counts().items())
    typer.echo(f"{len(table)} runs in {results}/runs: {counts}")
    if (table["state"] == "failed").any():
        raise typer.Exit(1)


def parse_keys(settings: list[str], **options: object) -> dict[str, Any]:
    """Return the keys of `key=value` settings; values are YAML, so `1e-7` is a number.

    Options that are short for a key are given by name; None where they are not used.
    """
    from benchmark.errors import FairbenchError
    from benchmark.yaml_io import parse_yaml

    keys: dict[str, Any] = {}
    short = [f"{name}={value}" for name, value in options.items() if value is not None]
    for setting in [*settings, *short]:
        name, separator, value = setting.partition("=")
        if not separator or not name or not value:
            raise FairbenchError(f"--set {setting}: expected key=value, such as weight=1e-6")
        if name in keys:
            raise FairbenchError(f"--set {setting}: key '{name}' is given twice")
        keys[name] = parse_yaml(value, f"--set {name}")
    return keys
