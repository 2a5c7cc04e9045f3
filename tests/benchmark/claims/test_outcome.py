from math import nan

import numpy as np
import pytest
from scipy import stats

from benchmark.claims.outcome import ClaimTest, Status, p_above_below
from benchmark.stats.exact import sign_flip
from benchmark.stats.paired import paired_t
from benchmark.stats.result import TestResult

A = np.array([0.71, 0.74, 0.69, 0.75])
B = np.array([0.70, 0.70, 0.68, 0.72])


class TestThreshold:
    @pytest.mark.parametrize("threshold", [0.0, 0.01, -0.02])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_p_is_twice_scipys_one_sided_p(self, threshold, sign):
        above, below = p_above_below(paired_t(A, B), sign, threshold)
        gain = sign * (A - B)
        for found, alternative in ((above, "greater"), (below, "less")):
            one = stats.ttest_1samp(gain, threshold, alternative=alternative).pvalue
            assert found == pytest.approx(min(1, 2 * one), rel=1e-9)

    def test_an_exact_test_knows_no_threshold_but_0(self):
        found = sign_flip(A, B)
        assert min(p_above_below(found, 1, 0.0)) == pytest.approx(found.p)
        assert np.isnan(p_above_below(found, 1, 0.01)).all()


class TestStatus:
    def of(self, supports, refutes, adjusted, equivalence=nan):
        test = ClaimTest(supports, refutes, nan, TestResult("t", 0.0, 3), "t", "", "3")
        return test.status(adjusted, equivalence, 0.05)

    def test_what_is_shown_decides_which_way(self):
        assert self.of(0.001, 1.0, 0.05) is Status.SUPPORTED
        assert self.of(1.0, 0.001, 0.05) is Status.REFUTED
        assert self.of(nan, 0.001, 0.01) is Status.REFUTED
        assert self.of(0.001, nan, 0.01) is Status.SUPPORTED

    def test_p_above_the_level_is_equivalent_or_undecided(self):
        assert self.of(0.04, 1.0, 0.0501) is Status.UNDECIDED
        assert self.of(0.04, 1.0, 0.0501, 0.05) is Status.EQUIVALENT

    def test_no_test_shows_nothing(self):
        assert self.of(nan, nan, nan) is Status.UNDECIDED
