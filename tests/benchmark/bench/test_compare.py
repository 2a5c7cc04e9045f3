from pathlib import Path

import pytest

from benchmark.bench import compare
from benchmark.bench.compare import MANY, Sizes, bench_compare
from benchmark.comparison import Comparison
from benchmark.results import RunStore

TINY = Sizes(variants=(2, 3), seeds=2, epochs=2, validation=(5, 5, 10), test=(5, 5, 10))


@pytest.fixture
def measured(monkeypatch):
    """Replace the other process by figures that grow by a known line; return what it was given."""
    seen = []

    def fresh(function, results):
        runs = RunStore(Path(results)).read()
        seen.append((function, len(runs), {run.status["epochs"] for run in runs}))
        line = {"compare": 1 + 0.001 * len(runs), "memory": 200 + 0.1 * len(runs)}
        return {**line, "report": 0.5, "wall": 2.0}

    monkeypatch.setattr(compare, "in_fresh_process", fresh)
    return seen


class TestBenchCompare:
    def test_each_size_is_compared_twice_in_a_process_of_its_own(self, measured):
        told = []
        bench_compare(told.append, TINY)
        function = "benchmark.bench.compare:compared"
        assert measured == [(function, n, {2}) for n in (4, 4, 6, 6)]
        assert len(told) == 6

    def test_many_runs_are_on_the_line_through_both_sizes(self, measured):
        figures = {figure.name: figure.value for figure in bench_compare(sizes=TINY)}
        assert figures[f"{MANY:,} runs, again"] == pytest.approx(1 + 0.001 * MANY)
        assert figures[f"{MANY:,} runs, again: memory"] == pytest.approx(200 + 0.1 * MANY)

    def test_seconds_and_memory_of_a_comparison_are_measured(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Comparison, "write", lambda self, out: [])
        compare.write_simulated(tmp_path, 2, TINY)
        found = compare.compared(str(tmp_path))
        assert found["compare"] > found["report"] >= 0
        assert found["memory"] > 10
