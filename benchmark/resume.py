"""A sweep of which every run is there: found out without torch, whose import takes longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

from benchmark.config import DatasetConfig, RunConfig, run_id
from benchmark.data.readers import read_dataset
from benchmark.errors import FairbenchError
from benchmark.known_weights import known_weights
from benchmark.model_names import brings_weights
from benchmark.results import RunStore
from benchmark.suite import Suite
from benchmark.suite_lists import store_suite

if TYPE_CHECKING:
    from benchmark.run_messages import RunProgress
    from benchmark.run_queue import QueuedRun
    from benchmark.trainer import EpochFacts, StepFacts


@dataclass(frozen=True)
class SweepRun:
    """What became of one run of a sweep.

    Attributes:
        config: The run.
        id: Its id.
        state: `done`, `diverged`, `failed`; or `present`, finished before this sweep.
        message: Why it failed or diverged; empty otherwise.
    """

    config: RunConfig
    id: str
    state: Literal["done", "diverged", "failed", "present"]
    message: str = ""


class RunWatcher(Protocol):
    """Hears of the runs of a sweep, not of what happens within them."""

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Hear of all runs of the sweep, with whether each is there already."""
        ...

    def on_finished(self, run: SweepRun) -> None:
        """Hear what became of a run."""
        ...


class Silent:
    """A watcher that says nothing."""

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Say nothing."""

    def on_run(self, run: QueuedRun) -> None:
        """Say nothing."""

    def on_progress(self, run: QueuedRun, progress: RunProgress) -> None:
        """Say nothing."""

    def on_finished(self, run: SweepRun) -> None:
        """Say nothing."""

    def on_step(self, facts: StepFacts) -> None:
        """Say nothing."""

    def on_epoch(self, facts: EpochFacts) -> None:
        """Say nothing."""


def fixed_weights(config: RunConfig) -> bool:
    """Return whether initial weights are given, rather than drawn from the run's seed."""
    return config.model.pretrained is not None or brings_weights(config.model.name)


def resume(
    configs: Sequence[RunConfig],
    store: RunStore,
    watcher: RunWatcher,
    suite: Suite | None = None,
) -> list[SweepRun] | None:
    """Return what `benchmark.sweep.sweep` returns where there is nothing left to do.

    None wherever that is not certain: `sweep` then has the answer, and the errors.
    """
    ids = _ids(configs)
    if ids is None or not all(store.finished(run) for run in dict.fromkeys(ids)):
        return None
    store.prepare()
    found = {
        run: SweepRun(config, run, "present") for run, config in zip(ids, configs, strict=True)
    }
    if suite is not None:
        store_suite(store.results, suite, list(found))
    watcher.on_plan([(run.config, True) for run in found.values()])
    for run in found.values():
        watcher.on_finished(run)
    return list(found.values())


def _ids(configs: Sequence[RunConfig]) -> list[str] | None:
    """Return the run ids; None if one of them is known only after loading data and model."""

    @cache
    def fingerprint(dataset: str) -> str:
        return read_dataset(DatasetConfig.model_validate_json(dataset)).fingerprint

    weights = cache(known_weights)
    ids = []
    for config in configs:
        if config.keep or config.dataset.train_share:
            return None
        seed = 0 if fixed_weights(config) else config.seed or 0
        held = weights(config.model.name, config.model.pretrained, seed)
        if held is None:
            return None
        try:
            data = fingerprint(config.dataset.model_dump_json())
        except FairbenchError:
            return None
        ids.append(run_id(config.identity(data, held)))
    return ids
