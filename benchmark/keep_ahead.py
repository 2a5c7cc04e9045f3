"""Work whose results are files, done by several processes where it pays.

The processes speak through files alone: what they keep is read afterwards as if an earlier
command had kept it, so no number can depend on how many there were, and one that fails costs
time and nothing else. They are plain commands: a script that compares needs no guard around it,
as it would for `multiprocessing`, on any system.
"""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.cores import usable_cores

RUNS_A_PROCESS = 100
"""Runs that a process is started for: their values take twice as long as its imports."""

_SCRIPT = "import sys\nfrom benchmark.keep_ahead import take_part\ntake_part(sys.argv[1])"

_WORK = "work"
"""Name of the file of all tasks; beside it lies an empty one for each that was taken."""

Task = tuple[Any, ...]


def keep_ahead(keep: Callable[..., object], tasks: Sequence[Task]) -> None:
    """Call a function that keeps its results with each task's arguments; drop the results.

    Nothing is done where there is one core, or where the tasks are too few to pay, or cannot be
    given to another process.

    Args:
        keep: A public function of this package, such as `kept_values`.
        tasks: What is not kept yet.

    Raises:
        FairbenchError: as `keep`.
    """
    with keeping_ahead(keep, tasks, RUNS_A_PROCESS):
        pass


@contextmanager
def keeping_ahead(
    keep: Callable[..., object], tasks: Sequence[Task], a_process: int
) -> Iterator[None]:
    """Do as `keep_ahead`: the other processes begin at once, this one on leaving the block.

    Args:
        keep: As in `keep_ahead`.
        tasks: As in `keep_ahead`.
        a_process: Tasks that a process is started for.

    Raises:
        FairbenchError: as `keep`.
    """
    n_processes = min(usable_cores(), len(tasks) // a_process)
    work = _pickled((keep, tasks)) if n_processes > 1 else None
    if work is None:
        yield
        return
    with TemporaryDirectory() as folder:
        (Path(folder) / _WORK).write_bytes(work)
        children = []
        try:
            for _ in range(1, n_processes):
                with suppress(OSError):  # no interpreter to start, as in a frozen program
                    children.append(_started(folder))
            yield
            if _do(keep, tasks, Path(folder)) < len(tasks):
                for child in children:
                    child.wait()
        finally:
            for child in children:
                child.kill()
                child.wait()


def take_part(folder: str) -> None:
    """Do the tasks of a folder that no other process has taken: all that a process was made for."""
    gc.disable()  # a tenth of the time of drawing, for a process that soon ends
    keep, tasks = pickle.loads((Path(folder) / _WORK).read_bytes())
    _do(keep, tasks, Path(folder))


def _do(keep: Callable[..., object], tasks: Sequence[Task], folder: Path) -> int:
    """Do the tasks that no process has taken; return how many they were."""
    done = 0
    for n, task in enumerate(tasks):
        try:
            (folder / str(n)).touch(exist_ok=False)  # which one process alone can do
        except FileExistsError:
            continue
        keep(*task)
        done += 1
    return done


def _pickled(work: object) -> bytes | None:
    """Return what other processes are given; None for what only this one has."""
    try:
        return pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError):  # all three mean a local function
        return None


def _started(folder: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _SCRIPT, folder],  # -P: not what lies in this folder
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
