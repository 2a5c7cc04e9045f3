"""A process that does runs one after another, as the process that started it asks.

Tasks come in on its standard input and what becomes of them goes out on its standard output.
Its input ends with the process that started it, however that ends, and then it ends at once: a
run under way is left as one whose process was killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

from benchmark.results import RunStore
from benchmark.resume import Silent
from benchmark.run_messages import Begun, Ended, Held, RunProgress, Setting, Task

if TYPE_CHECKING:  # they bring torch, and `main` has to have the pipes before anything prints
    from benchmark.run_queue import QueuedRun
    from benchmark.trainer import EpochFacts, StepFacts

SECONDS_BETWEEN = 0.2
"""Of two reports of a run's steps, at least."""


def main() -> None:
    """Do what comes in until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    inbox, outbox = _pipes()
    setting: Setting = pickle.load(inbox)
    tasks: SimpleQueue[Task] = SimpleQueue()
    Thread(target=_receive, args=(inbox, tasks), daemon=True).start()

    def tell(message: object) -> None:
        pickle.dump(message, outbox)
        outbox.flush()

    import torch

    sys.argv = setting.command
    torch.set_num_threads(setting.threads)
    store = RunStore(setting.results)
    while True:
        tell(_do(tasks.get(), store, tell))


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return input and output under numbers of their own; what a library prints goes nowhere."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return inbox, outbox


def _receive(inbox: BinaryIO, tasks: SimpleQueue[Task]) -> None:
    """Pass tasks on, and end the process with its input, whatever it is doing."""
    try:
        with suppress(EOFError, pickle.UnpicklingError):
            while True:
                tasks.put(pickle.load(inbox))
    finally:
        os._exit(0)


def _do(task: Task, store: RunStore, tell: Callable[[object], None]) -> Ended | Held:
    from benchmark.errors import FairbenchError
    from benchmark.registry import find_variant
    from benchmark.run_queue import do_run

    try:
        for file in task.variant_files:
            find_variant(file)
        run: QueuedRun = pickle.loads(task.run)
        ended = do_run(run, store, _Reporter(tell), task.wait)
    except Exception as error:  # data, weights or a variant's file are gone, or others
        kind = "" if isinstance(error, FairbenchError) else f"{type(error).__name__}: "
        return Ended("failed", " ".join(f"{kind}{error}".split()))
    return Held() if ended is None else Ended(ended.state, ended.message)


class _Reporter(Silent):
    """A watcher of one run that passes on what the asking process can show."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._told = 0.0

    def on_run(self, run: QueuedRun) -> None:
        self._tell(Begun())

    def on_step(self, facts: StepFacts) -> None:
        if time.monotonic() - self._told >= SECONDS_BETWEEN:
            self._told = time.monotonic()
            self._tell(RunProgress.of_step(facts))

    def on_epoch(self, facts: EpochFacts) -> None:
        self._tell(RunProgress.of_epoch(facts))
