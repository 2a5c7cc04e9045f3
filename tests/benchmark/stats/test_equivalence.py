import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from benchmark.stats.equivalence import (
    non_inferiority,
    non_inferiority_paired,
    tost,
    tost_paired,
)
from benchmark.stats.paired import paired_t

thousandths = st.lists(st.integers(-30, 30), min_size=2, max_size=10).filter(
    lambda whole: len(set(whole)) > 1
)
margins = st.sampled_from([0.005, 0.01, 0.03, (-0.02, 0.005)])


def of(whole):
    return [0.8 + k / 1000 for k in whole], [0.8] * len(whole)


class TestTostPaired:
    @given(thousandths, margins)
    def test_agrees_with_statsmodels(self, whole, margin):
        a, b = of(whole)
        low, high = margin if isinstance(margin, tuple) else (-margin, margin)
        p, (t_low, p_low, _), (t_high, p_high, _) = ttost_paired(
            np.array(a), np.array(b), low, high
        )
        found = tost_paired(a, b, margin)
        assert (found.p, found.p_low, found.p_high) == pytest.approx((p, p_low, p_high), rel=1e-6)
        assert (found.t_low, found.t_high) == pytest.approx((t_low, t_high), rel=1e-6, abs=1e-8)

    @given(thousandths, margins, st.sampled_from([0.01, 0.05, 0.1]))
    def test_is_decided_by_the_one_minus_two_alpha_interval(self, whole, margin, alpha):
        a, b = of(whole)
        low, high = margin if isinstance(margin, tuple) else (-margin, margin)
        found, t = tost_paired(a, b, margin, alpha), paired_t(a, b, 1 - 2 * alpha)
        assert (found.low, found.high) == pytest.approx((t.low, t.high), abs=1e-12)
        assert found.equivalent == (low < t.low and t.high < high)
        if abs(found.p - alpha) > 1e-9:
            assert found.equivalent == (found.p < alpha)

    @given(thousandths, margins)
    def test_a_wider_margin_never_loses_equivalence(self, whole, margin):
        low, high = margin if isinstance(margin, tuple) else (-margin, margin)
        narrow = tost_paired(*of(whole), (low, high))
        wide = tost_paired(*of(whole), (low - 0.01, high + 0.01))
        assert wide.p <= narrow.p
        assert wide.equivalent or not narrow.equivalent

    @given(thousandths, st.sampled_from([0.005, 0.02]))
    def test_swapping_the_methods_swaps_the_bounds(self, whole, margin):
        a, b = of(whole)
        found, mirrored = tost_paired(a, b, margin), tost_paired(b, a, margin)
        assert (mirrored.p_low, mirrored.p_high) == pytest.approx(
            (found.p_high, found.p_low), rel=1e-9
        )

    def test_at_the_margin_it_errs_at_its_level(self):
        runs = np.random.default_rng(1).normal(1.0, 0.4, (2000, 5))
        found = [tost_paired(d, np.zeros(5), 1.0).equivalent for d in runs]
        assert np.mean(found) == pytest.approx(0.05, abs=0.016)

    def test_three_seeds_with_spread_above_the_margin_cannot_show_it(self):
        assert tost_paired([0.81, 0.8, 0.79], [0.8, 0.8, 0.8], 0.01).equivalent is False

    @pytest.mark.parametrize(("gap", "within"), [(0.0, True), (0.009, True), (0.01, False)])
    def test_equal_differences_are_decided_by_their_value_without_a_p(self, gap, within):
        b = np.array([0.8, 0.81, 0.79])
        found = tost_paired(b + gap, b, 0.01)
        assert found.equivalent is within
        assert np.isnan([found.p, found.p_low, found.p_high, found.t_low]).all()
        assert "all 3 differences" in found.reason

    @pytest.mark.parametrize("a", [[], [0.8], [0.8, np.nan]])
    def test_too_little_data_leaves_it_open(self, a):
        found = tost_paired(a, [0.8] * len(a), 0.01)
        assert found.equivalent is None
        assert np.isnan(found.p)
        assert found.reason


class TestTost:
    def test_infinite_df_is_the_normal_distribution(self):
        found = tost(0.001, 0.004, np.inf, 0.01)
        assert found.p == pytest.approx(stats.norm.sf(0.009 / 0.004), rel=1e-12)
        assert found.high == pytest.approx(0.001 + stats.norm.ppf(0.95) * 0.004, rel=1e-12)

    def test_many_degrees_of_freedom_approach_it(self):
        assert tost(0.001, 0.004, 1e7, 0.01).p == pytest.approx(
            tost(0.001, 0.004, np.inf, 0.01).p, rel=1e-5
        )

    @pytest.mark.parametrize("numbers", [(np.nan, 1, 5), (0, np.nan, 5), (0, 1, np.nan)])
    def test_an_unknown_number_leaves_it_open(self, numbers):
        found = tost(*numbers, 0.01)
        assert found.equivalent is None
        assert "not known" in found.reason

    @pytest.mark.parametrize(
        ("numbers", "alpha", "named"),
        [
            ((0, 1, 5, -0.01), 0.05, "margin is -0.01"),
            ((0, 1, 5, (0.01, -0.01)), 0.05, "margin is"),
            ((0, 1, 5, np.nan), 0.05, "margin is nan"),
            ((0, 1, 5, np.inf), 0.05, "margin is inf"),
            ((0, -1, 5, 0.01), 0.05, "standard error is -1"),
            ((0, 1, 0, 0.01), 0.05, "df is 0"),
            ((0, 1, 5, 0.01), 0.5, "alpha is 0.5"),
        ],
    )
    def test_what_is_no_question_is_an_error(self, numbers, alpha, named):
        with pytest.raises(ValueError, match=named):
            tost(*numbers, alpha)


class TestNonInferiority:
    @given(thousandths)
    def test_agrees_with_scipys_one_sided_test_of_a_shift(self, whole):
        a, b = of(whole)
        found = non_inferiority_paired(a, b, 0.01)
        scipy = stats.ttest_rel(np.array(a) + 0.01, b, alternative="greater")
        assert found.p == pytest.approx(scipy.pvalue, rel=1e-6)
        if abs(found.p - 0.05) > 1e-9:
            assert found.not_inferior == (found.p < 0.05)

    @given(thousandths)
    def test_is_the_lower_half_of_equivalence(self, whole):
        half, both = non_inferiority_paired(*of(whole), 0.01), tost_paired(*of(whole), 0.01)
        assert (half.p, half.low) == (both.p_low, both.low)

    def test_equal_losses_are_decided_by_their_value(self):
        b = np.array([0.8, 0.81, 0.79])
        assert non_inferiority_paired(b - 0.009, b, 0.01).not_inferior is True
        assert non_inferiority_paired(b - 0.01, b, 0.01).not_inferior is False

    def test_one_pair_leaves_it_open(self):
        found = non_inferiority_paired([0.8], [0.8], 0.01)
        assert found.not_inferior is None
        assert "one pair" in found.reason

    def test_a_margin_of_zero_is_an_error(self):
        with pytest.raises(ValueError, match="margin is 0"):
            non_inferiority(0.1, 0.1, 5, 0)
