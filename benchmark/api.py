"""The Python form of `fairbench run`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.config import ignored_lines
from benchmark.cores import check_parallel, crowded
from benchmark.plan import Request, plan
from benchmark.results import RunStore
from benchmark.resume import Silent, SweepRun, resume
from benchmark.seeds import parse_seeds
from benchmark.suite import chosen_suite

if TYPE_CHECKING:
    from benchmark.sweep import Watcher


def run(
    variants: str | Sequence[str] = (),
    *,
    suite: str | None = None,
    size: str | None = None,
    attributes: str | Sequence[str] = (),
    dataset: str | None = None,
    data_dir: Path | str | None = None,
    notes: str | None = None,
    model: str | None = None,
    pretrained: str | None = None,
    protocol: str | None = None,
    seeds: str | int | Sequence[int] | None = None,
    keys: Mapping[str, Any] | None = None,
    results: Path | str = "results",
    device: str = "auto",
    threads: int = 1,
    parallel: int = 1,
    keep_checkpoint: str | Sequence[str] = (),
    conditions: str | Sequence[str] = (),
    watcher: Watcher | None = None,
) -> pd.DataFrame:
    """Train and store the runs that are not there yet, and say what became of each.

    Args:
        variants: Names as `fairbench list variants` prints them, or paths of variant files.
        suite: Instead of variants: a shipped suite or a YAML file; other arguments that are
            given override what it says.
        size: Of the suite; the first that it lists by default.
        attributes: One run for each, for every variant that trains on groups.
        dataset: A name of `fairbench list datasets`; `synthetic` by default.
        data_dir: The dataset's folder, or a table's YAML file; None generates a synthetic one.
        notes: Which notes; `gpt-4` by default.
        model: `tiny` (default) or an open_clip architecture.
        pretrained: A tag of open_clip or a file of weights.
        protocol: Preset, as `fairbench list protocols` prints them.
        seeds: A number, several, or text such as `0-4`; 0 by default.
        keys: Flat key → value, of objective or protocol, such as `{"weight": 1e-6}`.
        results: Runs land in `results/runs`.
        device: `auto`, `cpu` or `cuda`.
        threads: CPU threads; results depend on them.
        parallel: So many runs are trained side by side, each in a process of its own; results
            are the same.
        keep_checkpoint: Selection rules (`last`, `val-auc`, `test-auc`): the weights of the
            epochs that they pick are kept in the run's folder.
        conditions: Of the suite; all that it has by default.
        watcher: Told of every step, epoch and run; silent if None. With `parallel` it is told
            how far runs are in place of their steps and epochs.

    Returns:
        One row a run: id, variant, label, attributes, seed, state (`done`, `diverged`,
        `failed`, or `present` if it was there), message.

    Raises:
        FairbenchError: input that cannot be used; nothing has run then.
    """
    check_parallel(parallel)
    request = Request(
        variants=_several(variants),
        attributes=_several(attributes),
        dataset=dataset,
        data_dir=None if data_dir is None else Path(data_dir),
        notes=notes,
        model=model,
        pretrained=pretrained,
        protocol=protocol,
        seeds=_seeds(seeds),
        changes=keys or {},
        device=device,
        threads=threads,
        keep_checkpoint=_several(keep_checkpoint),
        conditions=_several(conditions),
    )
    chosen = chosen_suite(suite, size)
    configs = plan(request, chosen)
    if watcher is None:
        crowd = crowded(min(parallel, len(configs)), threads)
        for line in [*ignored_lines(configs), *([] if crowd is None else [crowd])]:
            warnings.warn(line, stacklevel=2)

    store, told = RunStore(Path(results)), watcher or Silent()
    done = resume(configs, store, told, chosen)
    if done is None:
        from benchmark.sweep import sweep  # brings torch

        done = sweep(configs, store, told, chosen, parallel=parallel)
    return _table(done)


def _table(runs: Sequence[SweepRun]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [run.id for run in runs],
            "variant": [run.config.variant for run in runs],
            "label": [run.config.label for run in runs],
            "attributes": ["+".join(run.config.attributes) for run in runs],
            "seed": pd.array([run.config.seed for run in runs], dtype="Int64"),
            "state": [run.state for run in runs],
            "message": [run.message for run in runs],
        }
    )


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _seeds(value: str | int | Sequence[int] | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    if isinstance(value, (str, int)):
        return parse_seeds(str(value))
    return parse_seeds(",".join(str(seed) for seed in value))
