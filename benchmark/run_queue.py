"""The runs of a sweep in an order in which they can be done, and how one of them is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from benchmark.checkpoints import missing_checkpoints
from benchmark.config import RunConfig
from benchmark.data.description import describe_data
from benchmark.errors import FairbenchError
from benchmark.execute import execute, plan_run
from benchmark.results import RunStore
from benchmark.resume import RunWatcher, SweepRun
from benchmark.run_messages import RunProgress
from benchmark.trainer import Observer


@dataclass(frozen=True)
class QueuedRun:
    """A run of a sweep: what `plan_run` says of it without what it holds in memory.

    Attributes:
        id: Its id.
        config: The run.
        backbone_id: Id of the run whose weights it needs; None: the initial weights.
        asked: False where it was added only for the weights that another one needs.
        data: What its dataset holds, as one line.
    """

    id: str
    config: RunConfig
    backbone_id: str | None
    asked: bool
    data: str


class Watcher(RunWatcher, Observer, Protocol):
    """Hears of runs and of what happens within them.

    Of a run in this process it is told every step and epoch; of one that another process
    trains, `on_progress` now and then.
    """

    def on_run(self, run: QueuedRun) -> None:
        """Hear that a run starts."""
        ...

    def on_progress(self, run: QueuedRun, progress: RunProgress) -> None:
        """Hear how far a run in another process is."""
        ...


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
        data = describe_data(planned.data)
        queue[planned.id] = QueuedRun(planned.id, config, planned.backbone_id, asked, data)

    for config in configs:
        add(config, asked=True)
    return list(queue.values())


def is_present(run: QueuedRun, store: RunStore) -> bool:
    """Return whether a run is there, with the weights that it is to keep."""
    if not store.finished(run.id):
        return False
    return not run.config.keep or not missing_checkpoints(store.runs / run.id, run.config.keep)


def do_run(run: QueuedRun, store: RunStore, watcher: Watcher, wait: bool) -> SweepRun | None:
    """Execute a run unless it is there, and return what became of it.

    None where another process holds it and `wait` is False.

    Raises:
        FairbenchError: data, weights or code have changed since the run was queued.
    """
    with store.claim(run.id, wait) as held:
        return _held(run, store, watcher) if held else None


def _held(run: QueuedRun, store: RunStore, watcher: Watcher) -> SweepRun:
    if is_present(run, store):
        return SweepRun(run.config, run.id, "present")
    planned = plan_run(run.config)
    if planned.id != run.id:
        raise FairbenchError(
            f"run {run.id} is {planned.id} by now: its data, its weights or the code have changed "
            "since the command began; start it again"
        )
    watcher.on_run(run)
    try:
        outcome = execute(planned, store, watcher)
    except OSError as error:  # not even the failure could be stored: disk full, unmounted
        return SweepRun(run.config, run.id, "failed", f"{type(error).__name__}: {error}")
    return SweepRun(run.config, run.id, outcome.state, outcome.message)
