"""Runs of a sweep side by side, each in a process of its own.

The processes share nothing but the results folder and the cache, and train exactly as this one
would, so no number depends on how many there are. Each does many runs, one after another:
libraries, data and weights are loaded once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmark.config import run_id
from benchmark.errors import FairbenchError
from benchmark.execute import run_record
from benchmark.provenance import now
from benchmark.results import RunStore, write_json
from benchmark.resume import SweepRun
from benchmark.run_messages import Begun, Ended, Held, RunProgress
from benchmark.run_queue import QueuedRun, Watcher, is_present
from benchmark.workers import Died, Workers
from benchmark.yaml_io import read_yaml


def run_side_by_side(
    queue: Sequence[QueuedRun],
    present: Collection[str],
    store: RunStore,
    watcher: Watcher,
    n_processes: int,
) -> dict[str, SweepRun]:
    """Do the runs of a queue that are not there, and return id → what became of each.

    A run whose process dies is stored as failed, and the others go on. An exception in this
    process, such as Ctrl-C, ends the others at once; runs under way leave nothing.

    Args:
        queue: Runs, each after the one whose weights it needs.
        present: Ids of those that are there.
        store: Where they land.
        watcher: Told in this process of what the others do.
        n_processes: So many at a time.

    Raises:
        FairbenchError: no process can be started.
    """
    found: dict[str, SweepRun] = {}

    def finish(ended: SweepRun) -> None:
        found[ended.id] = ended
        watcher.on_finished(ended)

    for run in queue:
        if run.id in present:
            finish(SweepRun(run.config, run.id, "present"))
    order = Order(run for run in queue if run.id not in present)
    workers = Workers(n_processes, store.results)
    try:
        while order.open:
            while workers.free and (chosen := order.next()) is not None:
                workers.give(*chosen)
            run, told = workers.hear()
            match told:
                case Begun():
                    watcher.on_run(run)
                case RunProgress():
                    watcher.on_progress(run, told)
                case Held():
                    order.set_aside(run)
                case Ended():
                    order.close(run)
                    finish(SweepRun(run.config, run.id, told.state, told.message))
                case Died():
                    order.close(run)
                    finish(_failed(run, store, told.reason))
    finally:
        for run in workers.stop():
            _discard(run, store)
    return found


class Order:
    """Which run is next: the first one that waits for no other, and held ones at the end.

    Attributes:
        open: Ids of the runs whose end is not known.
    """

    def __init__(self, runs: Iterable[QueuedRun]) -> None:
        self._pending = list(runs)
        self._aside: list[QueuedRun] = []
        self.open = {run.id for run in self._pending}

    def next(self) -> tuple[QueuedRun, bool] | None:
        """Take a run that can begin, with whether to wait for another command that holds it."""
        for runs, wait in ((self._pending, False), (self._aside, True)):
            for i, run in enumerate(runs):
                if run.backbone_id not in self.open:
                    return runs.pop(i), wait
        return None

    def set_aside(self, run: QueuedRun) -> None:
        """Leave a run that another command holds for the end."""
        self._aside.append(run)

    def close(self, run: QueuedRun) -> None:
        """Note that a run has ended: those that need its weights can begin, or fail."""
        self.open.remove(run.id)


def _failed(run: QueuedRun, store: RunStore, reason: str) -> SweepRun:
    """Store the failure of a run whose process died, where it had got as far as its folder."""
    folder = store.runs / f"{run.id}.partial"
    with suppress(OSError), store.claim(run.id, wait=False) as held:
        if is_present(run, store):  # it died between its last act and its last word
            return SweepRun(run.config, run.id, "present")
        if held and _has_config(folder, run) and not store.finished(run.id):
            status = {"state": "failed", "epochs": 0, "message": reason}  # none of them is stored
            record = {**run_record(run.config, store), "finished": now()}
            write_json(folder / "provenance.json", record)
            write_json(folder / "status.json", status)
            store.fail(run.id)
        elif held:
            store.discard(run.id)
    return SweepRun(run.config, run.id, "failed", reason)


def _has_config(folder: Path, run: QueuedRun) -> bool:
    """Return whether a run's configuration was written to its end, where the identity is."""
    try:
        config = read_yaml(folder / "config.yaml")
    except FairbenchError:
        return False
    identity = config.get("identity") if isinstance(config, dict) else None
    return isinstance(identity, dict) and run_id(identity) == run.id


def _discard(run: QueuedRun, store: RunStore) -> None:
    """Delete what an interrupted run left, unless another command has taken it up."""
    with store.claim(run.id, wait=False) as held:
        if held:
            store.discard(run.id)
