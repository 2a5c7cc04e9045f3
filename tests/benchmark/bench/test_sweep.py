import pytest

from benchmark.bench.sweep import Sizes, bench_sweep


class TestBenchSweep:
    @pytest.mark.slow  # three processes, one of which imports torch
    def test_measures_plan_and_resume_of_runs_that_are_all_there(self):
        told = []
        planned, resumed = bench_sweep(told.append, Sizes(variants=2, seeds=2, samples=40))
        assert (planned.name, resumed.name) == ("plan 4 runs", "resume 4 runs")
        assert 0 < planned.value < resumed.value
        assert len(told) == 2
