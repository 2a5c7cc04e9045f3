import builtins

import numpy as np
import pytest

from benchmark.bench.stats import Sizes, bench_stats

TINY = Sizes(samples=600, resamples=20, variants=2, seeds=2, permutations=5, looped=1)


class TestBenchStats:
    def test_prints_both_times_and_their_ratio(self):
        told = []
        figures = {figure.name: figure for figure in bench_stats(told.append, TINY)}
        one, loop, ratio = (figures[name].value for name in ("one run", "loop", "loop / one run"))
        assert ratio == pytest.approx(loop / one)
        assert min(one, loop, figures["battery"].value, figures["peak memory"].value) > 0
        assert len(told) == 3

    def test_without_the_libraries_of_the_loop_it_says_so(self, monkeypatch):
        real = builtins.__import__

        def without_fairlearn(name, *arguments, **options):
            if name.startswith("fairlearn"):
                raise ModuleNotFoundError(name=name)
            return real(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", without_fairlearn)
        figures = {figure.name: figure for figure in bench_stats(sizes=TINY)}
        assert np.isnan(figures["loop / one run"].value)
        assert "fairlearn.metrics is missing; pip install" in figures["loop"].note
