"""Work on many files at once, results in order, with progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from benchmark.cores import usable_cores

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many items are done, and how many there are."""

_AHEAD = 8
"""Items begun or finished ahead of the one that is awaited, for each thread."""


def map_in_order(
    function: Callable[[T], R], items: Sequence[T], task: str, progress: Progress | None
) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, from a pool of threads.

    Threads are enough: unpacking, hashing and resizing all release Python's lock. Few results
    wait to be taken, so memory does not grow with the number of items. An exception of
    `function` is raised in its item's place and cancels what has not begun.
    """
    workers = min(16, usable_cores())
    rest = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="fairbench") as pool:
        try:
            begun: deque[Future[R]] = deque(
                pool.submit(function, item) for item in islice(rest, _AHEAD * workers)
            )
            done = 0
            while begun:
                result = begun.popleft().result()
                begun.extend(pool.submit(function, item) for item in islice(rest, 1))
                done += 1
                if progress is not None:
                    progress(task, done, len(items))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)
