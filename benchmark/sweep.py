"""Many runs: skip what is done, redo what is not, go on after a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from benchmark.checkpoints import missing_checkpoints
from benchmark.config import RunConfig
from benchmark.execute import Planned, execute, forget, plan_run
from benchmark.results import RunStore
from benchmark.resume import RunWatcher
from benchmark.resume import Silent as Silent
from benchmark.resume import SweepRun as SweepRun
from benchmark.suite import Suite, blamed_on
from benchmark.suite_lists import store_suite
from benchmark.trainer import Observer


class Watcher(RunWatcher, Observer, Protocol):
    """An observer that also hears of runs."""

    def on_run(self, planned: Planned) -> None:
        """Hear that a run starts."""
        ...


def sweep(
    configs: Iterable[RunConfig], store: RunStore, watcher: Watcher, suite: Suite | None = None
) -> list[SweepRun]:
    """Execute every run that is not there yet, in order, and return what became of each.

    A run that another process holds is left for the end and then waited for, so two processes
    on one folder share the work and never do the same run twice. Configurations with equal
    ids are one run. The run ids of a suite are listed before the first run, so that a suite
    that was interrupted can be compared too.

    A run that starts from another one's weights comes after it; that one is added where it is
    not asked for, and keeps its weights.

    Raises:
        FairbenchError: before anything runs, if the data or the model of any run cannot be
            had or the folder cannot be written. A failure while a run trains is its result.
    """
    store.prepare()
    forget()  # in a notebook an earlier sweep may have left data that has changed since
    with blamed_on(suite):
        queue = queue_runs(configs, store)
        if suite is not None:
            store_suite(store.results, suite, [run.id for run in queue if run.asked])
    watcher.on_plan([(run.config, is_present(run, store)) for run in queue])
    found: dict[str, SweepRun] = {}
    waiting: list[QueuedRun] = []
    for wait, batch in ((False, queue), (True, waiting)):
        for run in batch:
            if not wait and any(run.backbone_id == other.id for other in waiting):
                waiting.append(run)
                continue
            with store.claim(run.id, wait) as held:
                if not held:
                    waiting.append(run)
                    continue
                found[run.id] = _run(run, store, watcher)
            watcher.on_finished(found[run.id])
    return [found[run.id] for run in queue]


@dataclass(frozen=True)
class QueuedRun:
    """A run of a sweep: what `plan_run` says of it without what it holds in memory.

    Attributes:
        id: Its id.
        config: The run.
        backbone_id: Id of the run whose weights it needs; None: the initial weights.
        asked: False where it was added only for the weights that another one needs.
    """

    id: str
    config: RunConfig
    backbone_id: str | None
    asked: bool


def queue_runs(configs: Iterable[RunConfig], store: RunStore) -> list[QueuedRun]:
    """Return every run once, after the run whose weights it needs, with all weights to keep."""
    queue: dict[str, QueuedRun] = {}

    def add(config: RunConfig, asked: bool) -> None:
        planned = plan_run(config)
        if config.backbone is not None and not store.finished(planned.id):
            add(config.backbone, asked=False)
        known = queue.get(planned.id)
        if known is not None:
            keep = tuple(sorted({*known.config.keep, *config.keep}))
            config = known.config.model_copy(update={"keep": keep})
            asked = asked or known.asked
        queue[planned.id] = QueuedRun(planned.id, config, planned.backbone_id, asked)

    for config in configs:
        add(config, asked=True)
    return list(queue.values())


def is_present(run: QueuedRun, store: RunStore) -> bool:
    """Return whether a run is there, with the weights that it is to keep."""
    if not store.finished(run.id):
        return False
    return not run.config.keep or not missing_checkpoints(store.runs / run.id, run.config.keep)


def _run(run: QueuedRun, store: RunStore, watcher: Watcher) -> SweepRun:
    run_id, config = run.id, run.config
    if is_present(run, store):
        return SweepRun(config, run_id, "present")
    planned = plan_run(config)
    watcher.on_run(planned)
    try:
        outcome = execute(planned, store, watcher)
    except OSError as error:  # not even the failure could be stored: disk full, unmounted
        return SweepRun(config, run_id, "failed", f"{type(error).__name__}: {error}")
    return SweepRun(config, run_id, outcome.state, outcome.message)
