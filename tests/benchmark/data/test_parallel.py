from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import parallel
from benchmark.data.parallel import map_in_order


class TestMapInOrder:
    @given(st.lists(st.integers(), max_size=200))
    @settings(max_examples=20)
    def test_is_map_with_progress(self, items: list[int]) -> None:
        steps: list[tuple[str, int, int]] = []
        found = list(map_in_order(abs, items, "task", lambda *step: steps.append(step)))
        assert found == list(map(abs, items))
        assert steps == [("task", n, len(items)) for n in range(1, len(items) + 1)]

    def test_works_little_ahead_of_what_is_taken(self) -> None:
        begun: list[int] = []
        results = map_in_order(begun.append, range(10_000), "task", None)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert len(begun) < 1000

    def test_an_exception_comes_in_its_items_place_and_cancels_the_rest(self) -> None:
        begun = threading.Event()

        def divide(n: int) -> float:
            if n > 5000:
                begun.set()
            return 1 / (n - 3)

        results = map_in_order(divide, range(10_000), "task", None)
        assert [next(results) for _ in range(3)] == [-1 / 3, -1 / 2, -1.0]
        with pytest.raises(ZeroDivisionError):
            next(results)
        assert not begun.is_set()


def test_threads_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "usable_cores", lambda: 2)
    barrier = threading.Barrier(2, timeout=10)
    wait: Callable[[int], int] = lambda _: barrier.wait()  # noqa: E731
    assert sorted(map_in_order(wait, range(2), "task", None)) == [0, 1]
