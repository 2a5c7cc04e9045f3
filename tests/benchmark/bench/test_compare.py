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
        labels = [run.config["label"] for run in runs]
        seen.append((function.split(":")[1], len(runs), {run.status["epochs"] for run in runs}))
        assert labels.count("baseline") == TINY.seeds
        first = sum(entry[:2] == ("compared", len(runs)) for entry in seen) == 1
        line = {"compare": 1 + (0.02 if first else 0.001) * len(runs)}
        return {**line, "memory": 200 + 0.1 * len(runs), "report": 0.5, "wall": 2.0}

    monkeypatch.setattr(compare, "in_fresh_process", fresh)
    return seen


class TestBenchCompare:
    def test_each_size_is_compared_twice_in_a_process_of_its_own(self, measured):
        told = []
        bench_compare(told.append, TINY)
        assert measured == [
            *(("compared", n, {2}) for n in (4, 4, 6, 6)),
            *[("reported", 6, {2})] * 2,
        ]
        assert len(told) == 7

    def test_many_runs_are_on_the_line_through_both_sizes(self, measured):
        figures = {figure.name: figure.value for figure in bench_compare(sizes=TINY)}
        assert figures[f"{MANY:,} runs, first"] == pytest.approx(1 + 0.02 * MANY)
        assert figures[f"{MANY:,} runs, again"] == pytest.approx(1 + 0.001 * MANY)
        assert figures[f"{MANY:,} runs, again: memory"] == pytest.approx(200 + 0.1 * MANY)

    def test_seconds_and_memory_of_a_comparison_are_measured(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Comparison, "write", lambda self, out: [])
        compare.write_simulated(tmp_path, TINY)
        found = compare.compared(str(tmp_path))
        assert found["compare"] > 0
        assert found["memory"] > 10
        found = compare.reported(str(tmp_path))
        assert found["wall"] > found["report"] >= 0
