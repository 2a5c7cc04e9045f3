"""Caches of many runs filled by several processes, where it pays.

The processes speak through the cache alone: what they keep is read afterwards as if an earlier
command had kept it, so no number can depend on how many there were, and one that fails costs
time and nothing else. They are plain commands: a script that compares needs no guard around it,
as it would for `multiprocessing`, on any system.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any

RUNS_A_PROCESS = 100
"""Runs that a process is started for: their values take twice as long as its imports."""

_SCRIPT = (
    "import pickle, sys\nkeep, tasks = pickle.load(sys.stdin.buffer)\nfor t in tasks: keep(*t)"
)

Task = tuple[Any, ...]


def keep_ahead(keep: Callable[..., object], tasks: Sequence[Task]) -> None:
    """Call a function that keeps its results with each task's arguments; drop the results.

    Nothing is done where there is one core, or where the tasks are too few to pay.

    Args:
        keep: A public function of this package, such as `kept_values`.
        tasks: What is not kept yet; arguments can be pickled.

    Raises:
        FairbenchError: as `keep`.
    """
    n_processes = min(_cores(), len(tasks) // RUNS_A_PROCESS)
    if n_processes < 2:
        return
    children = []
    try:
        for k in range(1, n_processes):
            with suppress(OSError):  # no interpreter to start, as in a frozen program
                children.append(_started(keep, tasks[k::n_processes]))
        for task in tasks[::n_processes]:
            keep(*task)
        for child in children:
            child.wait()
    finally:
        for child in children:
            child.kill()
            child.wait()


def _started(keep: Callable[..., object], tasks: Sequence[Task]) -> subprocess.Popen[bytes]:
    with TemporaryFile() as file:  # a pipe would wait until the process has started
        pickle.dump((keep, tasks), file)
        file.seek(0)
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _SCRIPT],  # -P: not what lies in this folder
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
