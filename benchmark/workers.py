"""The processes that do runs side by side: started, told what to do, heard and stopped.

They are plain commands, not `multiprocessing`: a script or a notebook that trains needs no
guard around it, and nothing is forked after torch or CUDA has started threads.
"""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import torch

from benchmark.errors import FairbenchError
from benchmark.registry import variant_file
from benchmark.run_messages import Ended, Held, Setting, Task
from benchmark.run_queue import QueuedRun

# Modules are found where this process finds them: a script's own folder, for one.
_SCRIPT = (
    "import json, sys\nsys.path[:] = json.loads(sys.argv[1])\n"
    "from benchmark.worker import main\nmain()"
)


@dataclass(frozen=True)
class Died:
    """The process that did a run is gone.

    Attributes:
        reason: In one line.
    """

    reason: str


class Workers:
    """At most `limit` processes; each does one run at a time and is kept for the next."""

    def __init__(self, limit: int, results: Path) -> None:
        self._limit = limit
        self._setting = Setting(results, sys.argv, torch.get_num_threads())
        self._heard: SimpleQueue[tuple[_Process, object]] = SimpleQueue()
        self._idle: list[_Process] = []
        self._busy: dict[_Process, QueuedRun] = {}

    @property
    def free(self) -> bool:
        """Whether another run can be given."""
        return bool(self._idle) or len(self._busy) < self._limit

    def give(self, run: QueuedRun, wait: bool) -> None:
        """Have a run done; `wait` for another command that holds it.

        Raises:
            FairbenchError: no process can be started.
        """
        idle = next((process for process in self._idle if process.alive), None)
        if idle is not None:
            self._idle.remove(idle)
        process = _Process(self._setting, self._heard) if idle is None else idle
        self._busy[process] = run
        hashes = (config.source_hash for config in (run.config, run.config.backbone) if config)
        files = tuple(str(file) for h in hashes if (file := variant_file(h)) is not None)
        process.send(Task(pickle.dumps(run), files, wait))

    def hear(self) -> tuple[QueuedRun, Any]:
        """Wait for what a run's process tells next: one of `benchmark.run_messages`, or `Died`."""
        while True:
            process, told = self._heard.get()
            if process not in self._busy:  # one that died without a run
                self._idle.remove(process)
                continue
            run = self._busy[process]
            if isinstance(told, Ended | Held | Died):
                del self._busy[process]
            if isinstance(told, Ended | Held):
                self._idle.append(process)
            return run, told

    def stop(self) -> list[QueuedRun]:
        """End all processes at once and return the runs that were under way."""
        for process in (*self._busy, *self._idle):
            process.kill()
        runs = list(self._busy.values())
        self._busy.clear()
        self._idle.clear()
        return runs


class _Process:
    """One process, and a thread that hears it."""

    def __init__(self, setting: Setting, heard: SimpleQueue[tuple[_Process, object]]) -> None:
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-c", _SCRIPT, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a library's warnings, as often as there are processes
            )
        except OSError as error:
            raise FairbenchError(
                f"no process can be started ({error}); leave out --parallel"
            ) from error
        self.send(setting)
        Thread(target=self._listen, args=(heard,), daemon=True).start()

    def send(self, message: object) -> None:
        """Send a message; to a process that is gone, nothing: its end is heard."""
        assert self._popen.stdin is not None
        with suppress(OSError):
            pickle.dump(message, self._popen.stdin)
            self._popen.stdin.flush()

    @property
    def alive(self) -> bool:
        """Whether it can do a run."""
        return self._popen.poll() is None

    def kill(self) -> None:
        """End the process and wait until it is gone, and its locks with it."""
        self._popen.kill()
        self._popen.wait()

    def _listen(self, heard: SimpleQueue[tuple[_Process, object]]) -> None:
        assert self._popen.stdout is not None
        with suppress(Exception):  # the end, half a message, or the code has changed meanwhile
            while True:
                heard.put((self, pickle.load(self._popen.stdout)))
        self._popen.kill()
        heard.put((self, Died(_reason(self._popen.wait()))))


def _reason(code: int) -> str:
    """Return why a process ended, in one line, from its exit code."""
    if code >= 0:
        return f"its process ended with exit code {code}; without --parallel it says more"
    name = signal.Signals(-code).name
    out = ": out of memory, or by hand" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{out}"
