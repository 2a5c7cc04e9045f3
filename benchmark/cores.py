"""How many processor cores there are for this process, and whether runs side by side fit."""

from __future__ import annotations

import os

from benchmark.errors import FairbenchError


def usable_cores() -> int:
    """Return the cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_parallel(parallel: int) -> None:
    """Refuse a number of processes that is none.

    Raises:
        FairbenchError: less than 1.
    """
    if parallel < 1:
        raise FairbenchError(f"parallel is {parallel}; expected at least 1")


def crowded(parallel: int, threads: int) -> str | None:
    """Return one line where the threads of runs side by side are more than the cores, else None."""
    cores = usable_cores()
    if parallel < 2 or parallel * threads <= cores:
        return None
    each = "one thread" if threads == 1 else f"{threads} threads"
    return (
        f"{parallel} runs side by side with {each} each on {cores} cores: no number changes, but "
        "they wait for each other"
    )
