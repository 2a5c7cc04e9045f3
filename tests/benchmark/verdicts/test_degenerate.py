"""Verdicts where a test has no p, or a p that contradicts the mean."""

from __future__ import annotations

from math import isnan

import numpy as np

from benchmark.stats.exact import wilcoxon_signed_rank
from benchmark.verdicts.deciding import _seeds_over_patients
from benchmark.verdicts.over_seeds import _one_way


class TestOneWay:
    def test_ranks_against_the_mean_show_no_direction(self) -> None:
        # Nine small gains and one large loss: the mean is negative, the ranks are not.
        differences = np.array([0.01, 0.011, 0.012, 0.013, 0.014, 0.015, 0.016, 0.017, 0.018, -0.5])
        tested = wilcoxon_signed_rank(0.6 + differences, np.full(10, 0.6))
        assert tested.p_greater < tested.p_less
        against = _one_way(tested, float(differences.mean()))
        assert isnan(against.p)
        assert "opposite directions" in against.reason
        assert _one_way(tested, 0.01) == tested

    def test_no_difference_at_all_keeps_its_p(self) -> None:
        tested = wilcoxon_signed_rank(np.full(4, 0.5), np.full(4, 0.5))
        assert _one_way(tested, 0.0) == tested


class TestSeedsOverPatients:
    def test_without_patients_variance_they_are_those_of_a_t_test(self) -> None:
        # By (t_{1-a/2} + t_{0.8}) s / sqrt(n) <= m, with s = 6 points and m = 2 points.
        n = _seeds_over_patients(0.06**2, 1e-12, 0.02, 0.025, 0.8)
        assert n is not None
        assert 72 <= n <= 75  # statsmodels: 73 pairs for d = 1/3 at 80% power

    def test_grow_with_what_they_vary_by(self) -> None:
        found = [_seeds_over_patients(s**2, 1e-6, 0.02, 0.025, 0.8) for s in (0.005, 0.01, 0.02)]
        assert None not in found
        assert found == sorted(found, key=lambda n: n or 0)

    def test_do_not_exist_where_patients_alone_leave_more_open(self) -> None:
        assert _seeds_over_patients(0.01**2, 0.02**2, 0.02, 0.025, 0.8) is None
