"""How long a running sweep will still take, from the runs that it has finished."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

from benchmark.config import RunConfig

_Kind = tuple[str, str, str, int]


class TimeLeft:
    """Learns from every run that ends as `done`.

    A run takes as long as those of its kind did (variant, model, dataset, epochs) and, where
    none has ended yet, as long as runs did on average.
    """

    def __init__(
        self, runs: Sequence[tuple[RunConfig, bool]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take all runs with whether each is there, and a clock in seconds."""
        self._clock = clock
        self._to_do = Counter(_kind(config) for config, present in runs if not present)
        self._seconds: dict[_Kind, list[float]] = defaultdict(list)
        self._started: float | None = None

    def start(self) -> None:
        """Note that a run starts."""
        self._started = self._clock()

    def finish(self, config: RunConfig, state: str) -> None:
        """Note what became of a run; one that another process did teaches nothing."""
        kind = _kind(config)
        self._to_do[kind] = max(self._to_do[kind] - 1, 0)
        if state == "done" and self._started is not None:
            self._seconds[kind].append(self._clock() - self._started)
        self._started = None

    @property
    def seconds(self) -> float | None:
        """The estimate; None before the first run is done, or with none left."""
        known = [value for values in self._seconds.values() for value in values]
        if not known or not self._to_do.total():
            return None
        return sum(
            count * fmean(self._seconds[kind] or known) for kind, count in self._to_do.items()
        )


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
