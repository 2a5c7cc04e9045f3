"""How long a running sweep will still take, from the runs that it has finished."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from heapq import heapreplace
from statistics import fmean

from benchmark.config import RunConfig

_Kind = tuple[str, str, str, int]


class TimeLeft:
    """Learns from every run that ends as `done`.

    A run takes as long as those of its kind did (variant, model, dataset, epochs) and, where
    none has ended yet, as long as runs did on average.
    """

    def __init__(
        self,
        runs: Sequence[tuple[RunConfig, bool]],
        clock: Callable[[], float] = time.monotonic,
        *,
        parallel: int = 1,
    ) -> None:
        """Take all runs with whether each is there, a clock in seconds, and how many at a time."""
        self._clock = clock
        self._parallel = parallel
        self._to_do = Counter(_kind(config) for config, present in runs if not present)
        self._present = Counter(_kind(config) for config, present in runs if present)
        self._seconds: dict[_Kind, list[float]] = defaultdict(list)
        self._started: dict[str, tuple[_Kind, float]] = {}

    def start(self, run_id: str, config: RunConfig) -> None:
        """Note that a run starts."""
        self._started[run_id] = _kind(config), self._clock()

    def finish(self, run_id: str, config: RunConfig, state: str) -> None:
        """Note what became of a run; one that another command did teaches nothing."""
        kind = _kind(config)
        counted = self._present if state == "present" and self._present[kind] else self._to_do
        counted[kind] = max(counted[kind] - 1, 0)
        _, started = self._started.pop(run_id, (kind, None))
        if state == "done" and started is not None:
            self._seconds[kind].append(self._clock() - started)

    @property
    def seconds(self) -> float | None:
        """The estimate; None before the first run is done, or with none left."""
        known = [value for values in self._seconds.values() for value in values]
        if not known or not self._to_do.total():
            return None
        takes = {kind: fmean(self._seconds[kind] or known) for kind in self._to_do}
        now = self._clock()
        rest = [max(takes[kind] - (now - began), 0.0) for kind, began in self._started.values()]
        waiting = self._to_do - Counter(kind for kind, _ in self._started.values())
        return makespan([*rest, *(takes[kind] for kind in waiting.elements())], self._parallel)


def makespan(seconds: Iterable[float], parallel: int) -> float:
    """Return when the last of several runs ends.

    Args:
        seconds: What each takes; each begins, in this order, as soon as it can.
        parallel: So many run at a time.
    """
    ends = [0.0] * parallel
    for duration in seconds:
        heapreplace(ends, ends[0] + duration)
    return max(ends)


def in_words(seconds: float) -> str:
    """Return a duration in its two largest units: `45 s`, `12 min 5 s`, `3 h 20 min`, `2 d 4 h`."""
    whole = max(round(seconds), 1)
    for unit, size, smaller, part in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def _kind(config: RunConfig) -> _Kind:
    return config.label, config.model.name, config.dataset.model_dump_json(), config.epochs
