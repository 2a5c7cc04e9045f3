"""Many runs: skip what is done, redo what is not, go on after a failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.config import RunConfig
from benchmark.execute import forget
from benchmark.results import RunStore
from benchmark.resume import Silent as Silent
from benchmark.resume import SweepRun as SweepRun
from benchmark.run_queue import QueuedRun, do_run, is_present, queue_runs
from benchmark.run_queue import Watcher as Watcher
from benchmark.side_by_side import run_side_by_side
from benchmark.suite import Suite, blamed_on
from benchmark.suite_lists import store_suite


def sweep(
    configs: Iterable[RunConfig],
    store: RunStore,
    watcher: Watcher,
    suite: Suite | None = None,
    *,
    parallel: int = 1,
) -> list[SweepRun]:
    """Execute every run that is not there yet, and return what became of each, in order.

    A run that another process holds is left for the end and then waited for, so two processes
    on one folder share the work and never do the same run twice. Configurations with equal
    ids are one run. The run ids of a suite are listed before the first run, so that a suite
    that was interrupted can be compared too.

    A run that starts from another one's weights comes after it; that one is added where it is
    not asked for, and keeps its weights.

    Args:
        configs: The runs.
        store: Where they land.
        watcher: Told of them.
        suite: Whose runs they are.
        parallel: So many runs are trained side by side, each in a process of its own. No number
            depends on it; runs end in another order.

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
    present = {run.id for run in queue if is_present(run, store)}
    watcher.on_plan([(run.config, run.id in present) for run in queue])
    n_processes = min(parallel, len(queue) - len(present))
    if n_processes > 1:
        forget()  # the processes have their own
        found = run_side_by_side(queue, present, store, watcher, n_processes)
    else:
        found = _run_in_order(queue, store, watcher)
    return [found[run.id] for run in queue]


def _run_in_order(
    queue: Sequence[QueuedRun], store: RunStore, watcher: Watcher
) -> dict[str, SweepRun]:
    """Do one run after the other in this process."""
    found: dict[str, SweepRun] = {}
    waiting: list[QueuedRun] = []
    for wait, batch in ((False, queue), (True, waiting)):
        for run in batch:
            blocked = not wait and any(run.backbone_id == other.id for other in waiting)
            ended = None if blocked else do_run(run, store, watcher, wait)
            if ended is None:
                waiting.append(run)
                continue
            found[run.id] = ended
            watcher.on_finished(ended)
    return found
