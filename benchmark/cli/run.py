"""`fairbench run`: train what is not there yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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
    Parallel,
    Pretrained,
    ProtocolName,
    SuiteSize,
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
    size: SuiteSize = None,
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
    parallel: Parallel = 1,
    keep_checkpoint: KeepCheckpoint = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the runs, with time and disk to expect.")
    ] = False,
) -> None:
    """Train variants over seeds and keep the predictions of every epoch.

    A run that is finished is skipped; one that was interrupted or failed is done again.
    Exit code 1 if a run failed.
    """
    from benchmark.cli.progress import make_watcher
    from benchmark.plan import Request, plan
    from benchmark.results import RunStore
    from benchmark.seeds import parse_seeds
    from benchmark.suite import chosen_suite

    request = Request(
        variants=variant or (),
        attributes=attribute or (),
        dataset=dataset,
        data_dir=data_dir,
        notes=notes,
        model=model,
        pretrained=pretrained,
        protocol=protocol,
        seeds=None if seeds is None else parse_seeds(seeds),
        changes=parse_keys(set_ or [], epochs=epochs, text_source=text_source),
        device=device,
        threads=threads,
        keep_checkpoint=keep_checkpoint or (),
        conditions=condition or (),
    )
    chosen = chosen_suite(suite, size)
    configs = plan(request, chosen)
    if dry_run:
        from benchmark.cli.dry_run import cost_lines
        from benchmark.cost import estimate_runs  # brings torch

        costs = estimate_runs(configs, RunStore(results))
        typer.echo("\n".join(cost_lines(costs, results, parallel)))
        return

    from benchmark.resume import resume

    with interruptible(), make_watcher(parallel) as watcher:
        done = resume(configs, RunStore(results), watcher, chosen)
        if done is None:
            from benchmark.sweep import sweep  # brings torch

            done = sweep(configs, RunStore(results), watcher, chosen, parallel=parallel)
    failed = [run for run in done if run.state == "failed"]
    for one in failed:  # again, since they may be far above
        typer.echo(f"failed: {one.config.label}, run {one.id}: {one.message}")
    counts = ", ".join(f"{n} {state}" for state, n in Counter(r.state for r in done).most_common())
    typer.echo(f"{len(done)} runs in {results}/runs: {counts}")
    if failed:
        raise typer.Exit(1)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C into one line and exit code 130; what is finished is kept."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("fairbench: interrupted; finished runs are kept", err=True)
        raise typer.Exit(130) from None


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
