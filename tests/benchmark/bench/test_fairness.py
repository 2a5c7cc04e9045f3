import pytest
import torch

from benchmark.bench import fairness
from benchmark.bench.fairness import SETTINGS, Sizes, bench_fairness

TINY = Sizes(batch=4, groups=2, repeats=2, model="tiny", pairs=2)


@pytest.fixture(scope="module")
def figures():
    return {figure.name: figure for figure in bench_fairness(sizes=TINY)}


class TestBenchFairness:
    def test_solves_all_groups_with_fewer_kernels_than_geomloss(self, figures):
        kernels = figures["fairclip: kernels"]
        geomloss = int(kernels.note.rsplit(maxsplit=1)[1])
        # Two groups of four problems; some dozens of kernels do not depend on their number.
        assert 100 < kernels.value < geomloss / 6

    def test_seconds_ratios_and_shares_are_positive(self, figures):
        assert all(figure.value > 0 for figure in figures.values())

    def test_shares_are_those_of_the_measured_seconds(self, monkeypatch):
        monkeypatch.setattr(fairness, "_alternating", lambda works, *_: [2.0] * len(works))
        monkeypatch.setattr(fairness, "_kernels", lambda work: 7)
        told = []
        found = {figure.name: figure for figure in bench_fairness(told.append, TINY)}
        assert found["fairclip: geomloss / fairbench"].value == 1
        assert found["fairclip: share of a step, tiny"].value == 50
        assert len(told) == len(SETTINGS) + 6


class TestKernels:
    def test_counts_what_computes_and_not_views(self):
        x = torch.ones(3, 4)
        assert fairness._kernels(lambda: x[1:].T.exp().sum()) == 2
