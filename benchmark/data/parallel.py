"""Work on many files at once, results in order, with progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many items are done, and how many there are."""


def map_in_order(
    function: Callable[[T], R], items: Sequence[T], task: str, progress: Progress | None
) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, from a pool of threads.

    Threads are enough: unpacking, hashing and resizing all release Python's lock. An
    exception of `function` is raised in its item's place and cancels what has not begun.
    """
    workers = min(16, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="fairbench") as pool:
        try:
            for done, result in enumerate(pool.map(function, items), start=1):
                if progress is not None:
                    progress(task, done, len(items))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)
