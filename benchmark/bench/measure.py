"""How seconds and memory are measured, in this process and in fresh ones.

Seconds are those of the processor, so other work on the machine counts little.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any


def processor_seconds() -> float:
    """Return the processor seconds of this process so far, with those of processes it started."""
    return sum(os.times()[:4])


def seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds of a call."""
    start = process_time()
    work()
    return process_time() - start


def peak_memory() -> float:
    """Return the largest memory of this process so far, in MB."""
    state = Path("/proc/self/status")
    if state.is_file():  # Linux counts a process's start in `ru_maxrss` as large as its parent
        (line,) = (s for s in state.read_text().splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) / 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def in_fresh_process(function: str, *arguments: str, cache: Path | None = None) -> Any:
    """Return what a function of this package returns in a process of its own.

    So imports and memory are those of the work alone, as a command has them.

    Args:
        function: Module and name, such as `benchmark.bench.compare:compared`; it takes texts
            and returns a JSON value.
        arguments: For it.
        cache: `FAIRBENCH_CACHE` of the process; None keeps this one's.

    Raises:
        RuntimeError: it failed; with what it printed.
    """
    module, name = function.split(":")
    script = (
        f"import json, sys; from {module} import {name} as f; print(json.dumps(f(*sys.argv[1:])))"
    )
    environment = os.environ if cache is None else {**os.environ, "FAIRBENCH_CACHE": str(cache)}
    command = [sys.executable, "-P", "-c", script, *arguments]  # not what lies in this folder
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{function} failed: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
