"""Where the time of a training goes: named parts, measured only while somebody watches.

`with part("optimiser"):` marks what belongs to a part, at the cost of a microsecond. On a GPU a
part's work is queued: events in its stream say when it began and ended, and the host waits for
them only when the totals are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import torch

DATA = "data"
MAIN = "main forward"
GROUPS = "group forward"
TERMS = "terms"
BACKWARD = "backward"
OPTIMISER = "optimiser"
EVALUATION = "evaluation"

_watching: Stopwatch | None = None


class Stopwatch:
    """Seconds of the parts that end while it watches."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._seconds: dict[str, float] = defaultdict(float)
        self._events: list[tuple[str, torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Measure all parts of this process until the block ends."""
        global _watching
        before, _watching = _watching, self
        try:
            yield
        finally:
            _watching = before

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Add the time of a block to a part."""
        if self._cuda:
            begin, end = _event(), _event()
            begin.record()
            yield
            end.record()
            self._events.append((name, begin, end))
        else:
            started = perf_counter()
            yield
            self._seconds[name] += perf_counter() - started

    def totals(self) -> dict[str, float]:
        """Return part → seconds so far, after waiting for the device."""
        for name, begin, end in self._events:
            end.synchronize()
            self._seconds[name] += begin.elapsed_time(end) / 1e3
        self._events.clear()
        return dict(self._seconds)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Mark a block as belonging to a part of a training."""
    if _watching is None:
        yield
    else:
        with _watching.span(name):
            yield


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
