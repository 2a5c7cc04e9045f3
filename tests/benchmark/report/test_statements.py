import re

import pytest
from scipy import stats

from benchmark.report.statements import what_seeds_allow


class TestWhatSeedsAllow:
    @pytest.mark.parametrize("n", [2, 3, 5, 6, 10])
    def test_the_interval_is_that_of_student(self, n):
        half = float(re.search(r"reaches ([\d.]+) standard", what_seeds_allow(n))[1])
        values = stats.norm.ppf((stats.rankdata(range(n)) - 0.5) / n)
        low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert half == pytest.approx((high - low) / 2 / stats.tstd(values), abs=0.005)

    @pytest.mark.parametrize(("n", "p"), [(3, "0.25"), (5, "0.062"), (6, "0.031"), (10, "0.002")])
    def test_the_smallest_p_is_named(self, n, p):
        assert f"p below {p}" in what_seeds_allow(n)

    def test_only_up_to_five_seeds_can_nothing_be_significant(self):
        hopeless = [n for n in range(2, 12) if "however large" in what_seeds_allow(n)]
        assert hopeless == [2, 3, 4, 5]

    def test_one_seed_shows_nothing(self):
        assert "no interval" in what_seeds_allow(1)
        assert "1 paired seed:" in what_seeds_allow(1)
