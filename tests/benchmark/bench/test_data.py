import os

import pytest

from benchmark.bench import data
from benchmark.bench.data import Sizes, bench_data

TINY = Sizes(train=40, val=40, test=40, height=64, width=64, batch=8, cached=40, tries=1)


@pytest.fixture(scope="module")
def figures():
    told = []
    found = bench_data(told.append, TINY)
    assert len(told) == 5
    return {figure.name: figure for figure in found}


class TestBenchData:
    def test_every_figure_was_measured(self, figures):
        assert all(figure.value > 0 for figure in figures.values())
        for name in ("second start", "check 40 images", "batch of 8 from the cache"):
            assert name in figures

    @pytest.mark.parametrize("kind", ["uncompressed", "compressed"])
    def test_the_first_start_is_compared_with_every_read_of_an_epoch(self, figures, kind):
        reads = figures[f"{kind}: reads of a public epoch"]
        assert reads.note.startswith("200 samples")  # 40 + 5 steps × 3 groups × 8 + 40
        assert figures[f"{kind}: first start / these reads"].target == "< 1 ×"
        assert figures[f"{kind}: first start, 1 thread"].unit == "images/s"

    def test_threads_are_limited_for_a_while(self):
        before = data.usable_cores()
        with data._limited_to(1):
            limited = data.usable_cores()
        assert limited == 1 or not hasattr(os, "sched_setaffinity")
        assert data.usable_cores() == before
