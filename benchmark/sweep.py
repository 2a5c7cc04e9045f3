"""Many runs: skip what is done, redo what is not, go on after a failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pandas as pd

from benchmark.config import RunConfig
from benchmark.execute import Planned, execute, forget, plan_run
from benchmark.results import RunStore
from benchmark.suite import Suite, store_suite
from benchmark.trainer import EpochFacts, Observer, StepFacts


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


class Watcher(Observer, Protocol):
    """An observer that also hears of runs."""

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Hear of all runs of the sweep, with whether each is there already."""
        ...

    def on_run(self, planned: Planned) -> None:
        """Hear that a run starts."""
        ...

    def on_finished(self, run: SweepRun) -> None:
        """Hear what became of a run."""
        ...


class Silent:
    """A watcher that says nothing."""

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Say nothing."""

    def on_run(self, planned: Planned) -> None:
        """Say nothing."""

    def on_finished(self, run: SweepRun) -> None:
        """Say nothing."""

    def on_step(self, facts: StepFacts) -> None:
        """Say nothing."""

    def on_epoch(self, facts: EpochFacts) -> None:
        """Say nothing."""


def sweep(
    configs: Iterable[RunConfig], store: RunStore, watcher: Watcher, suite: Suite | None = None
) -> list[SweepRun]:
    """Execute every run that is not there yet, in order, and return what became of each.

    A run that another process holds is left for the end and then waited for, so two processes
    on one folder share the work and never do the same run twice. Configurations with equal
    ids are one run. The run ids of a suite are listed before the first run, so that a suite
    that was interrupted can be compared too.

    Raises:
        FairbenchError: before anything runs, if the data or the model of any run cannot be
            had or the folder cannot be written. A failure while a run trains is its result.
    """
    store.prepare()
    forget()  # in a notebook an earlier sweep may have left data that has changed since
    planned = {plan_run(config).id: config for config in reversed(list(configs))}
    queue = list(reversed(planned.items()))
    if suite is not None:
        store_suite(store.results, suite, [run_id for run_id, _ in queue])
    watcher.on_plan([(config, store.finished(run_id)) for run_id, config in queue])
    found: dict[str, SweepRun] = {}
    waiting: list[tuple[str, RunConfig]] = []
    for wait, batch in ((False, queue), (True, waiting)):
        for run_id, config in batch:
            with store.claim(run_id, wait) as held:
                if not held:
                    waiting.append((run_id, config))
                    continue
                found[run_id] = _run(run_id, config, store, watcher)
            watcher.on_finished(found[run_id])
    return [found[run_id] for run_id, _ in queue]


def _run(run_id: str, config: RunConfig, store: RunStore, watcher: Watcher) -> SweepRun:
    if store.finished(run_id):
        return SweepRun(config, run_id, "present")
    planned = plan_run(config)
    watcher.on_run(planned)
    try:
        outcome = execute(planned, store, watcher)
    except OSError as error:  # not even the failure could be stored: disk full, unmounted
        return SweepRun(config, run_id, "failed", f"{type(error).__name__}: {error}")
    return SweepRun(config, run_id, outcome.state, outcome.message)


def runs_table(runs: Sequence[SweepRun]) -> pd.DataFrame:
    """Return one row a run: id, variant, label, attributes, seed, state, message."""
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
