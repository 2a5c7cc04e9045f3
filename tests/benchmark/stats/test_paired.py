from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from benchmark.stats.paired import (
    bootstrap_interval,
    corrected_resampled_t,
    one_sample_t,
    paired_t,
    smallest_sign_flip_p,
    t_interval,
)

finite = st.floats(-1, 1, allow_subnormal=False)
rows = st.lists(finite, min_size=2, max_size=12)


class TestTInterval:
    @pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
    @pytest.mark.parametrize("n", [2, 3, 10])
    def test_agrees_with_scipy_and_statsmodels(self, n, confidence):
        a, b = np.random.default_rng(n).normal(size=(2, n))
        found = t_interval(a - b, confidence)
        scipy = stats.ttest_rel(a, b).confidence_interval(confidence)
        assert (found.low, found.high) == pytest.approx((scipy.low, scipy.high), rel=1e-12)
        described = DescrStatsW(a - b)
        low, high = described.tconfint_mean(alpha=1 - confidence)
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
        assert (found.mean, found.n) == (pytest.approx(described.mean, rel=1e-12), n)
        assert found.sd == pytest.approx(np.sqrt(described.var * n / (n - 1)), rel=1e-12)

    def test_five_seeds_reach_the_tabulated_quantile(self):
        found = t_interval([-2.0, -1.0, 0.0, 1.0, 2.0])
        assert found.high == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)

    @given(rows)
    def test_swapping_the_methods_mirrors_the_interval(self, differences):
        found, mirrored = t_interval(differences), t_interval([-d for d in differences])
        assert (mirrored.mean, mirrored.sd) == pytest.approx((-found.mean, found.sd), abs=1e-12)
        assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-12)

    @given(rows, finite)
    def test_a_shift_moves_the_interval_and_keeps_its_width(self, differences, shift):
        found, moved = t_interval(differences), t_interval([d + shift for d in differences])
        assert (moved.low, moved.high) == pytest.approx(
            (found.low + shift, found.high + shift), abs=1e-10
        )

    @given(rows, st.randoms())
    def test_the_order_of_seeds_does_not_matter(self, differences, random):
        shuffled = random.sample(differences, len(differences))
        found, other = t_interval(differences), t_interval(shuffled)
        assert (other.mean, other.low) == pytest.approx((found.mean, found.low), abs=1e-12)

    def test_one_difference_has_a_mean_and_no_interval(self):
        found = t_interval([0.25])
        assert (found.mean, found.n) == (0.25, 1)
        assert np.isnan([found.sd, found.low, found.high]).all()

    def test_no_difference_has_no_mean(self):
        found = t_interval([])
        assert found.n == 0
        assert np.isnan([found.mean, found.sd, found.low, found.high]).all()

    @pytest.mark.parametrize(
        ("differences", "confidence"),
        [([0.1, np.nan], 0.95), ([0.1, np.inf], 0.95), ([[0.1]], 0.95), ([0.1], 0.0), ([0.1], 1.0)],
    )
    def test_what_has_no_interval_is_an_error(self, differences, confidence):
        with pytest.raises(ValueError, match=r"got|confidence is"):
            t_interval(differences, confidence)


class TestSmallestSignFlipP:
    @pytest.mark.parametrize(("n", "p"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (10, 0.001953125)])
    def test_is_reached_by_trying_every_pattern_on_the_clearest_difference(self, n, p):
        differences = np.arange(1, n + 1)
        sums = np.abs(np.array(list(product([-1, 1], repeat=n))) @ differences)
        assert np.mean(sums >= sums.max()) == p
        assert smallest_sign_flip_p(n) == p

    def test_one_pair_shows_nothing(self):
        assert smallest_sign_flip_p(1) == 1.0

    def test_no_pairs_is_an_error(self):
        with pytest.raises(ValueError, match="n is 0"):
            smallest_sign_flip_p(0)


class TestPairedT:
    @pytest.mark.parametrize("confidence", [0.8, 0.95])
    @pytest.mark.parametrize("n", [2, 3, 10, 200])
    def test_agrees_with_scipy(self, n, confidence):
        a, b = np.random.default_rng(n).normal([[0.2], [0.0]], 1, (2, n))
        found = paired_t(a, b, confidence)
        for side, ours in (
            ("two-sided", found.p),
            ("greater", found.p_greater),
            ("less", found.p_less),
        ):
            scipy = stats.ttest_rel(a, b, alternative=side)
            assert ours == pytest.approx(scipy.pvalue, rel=1e-9)
        interval = stats.ttest_rel(a, b).confidence_interval(confidence)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert (found.statistic, found.df, found.n) == (
            pytest.approx(scipy.statistic, rel=1e-9),
            n - 1,
            n,
        )

    @given(st.lists(st.integers(-50, 50), min_size=2, max_size=8))
    def test_is_significant_exactly_if_zero_is_outside_the_interval(self, whole):
        a = [0.8 + k / 1000 for k in whole]
        found = paired_t(a, [0.8] * len(a), confidence=0.9)
        if not found.reason and abs(found.p - 0.1) > 1e-9:
            assert (found.p < 0.1) == (found.low > 0 or found.high < 0)

    @pytest.mark.parametrize("gap", [0.0, 0.01, -0.01])
    def test_equal_differences_have_no_p_of_1e_58(self, gap):
        b = np.array([0.8, 0.81, 0.79, 0.83, 0.82])
        for a in (b + gap, np.round(b + gap, 2)):
            found = paired_t(a, b)
            assert np.isnan([found.statistic, found.p, found.p_greater, found.p_less]).all()
            assert (found.estimate, found.low, found.high, found.sd) == (gap, gap, gap, 0)
            assert "all 5 differences" in found.reason

    def test_one_pair_has_a_difference_and_nothing_else(self):
        found = paired_t([0.8], [0.7])
        assert found.estimate == pytest.approx(0.1)
        assert np.isnan([found.low, found.high, found.p, found.sd]).all()
        assert "one pair" in found.reason

    @pytest.mark.parametrize(("a", "b"), [([], []), ([0.8, np.nan, 0.7], [0.7, 0.7, 0.6])])
    def test_pairs_that_cannot_be_subtracted_give_nan_with_a_reason(self, a, b):
        found = paired_t(a, b)
        assert np.isnan([found.estimate, found.low, found.p]).all()
        assert found.reason

    def test_a_confidence_of_one_is_an_error(self):
        with pytest.raises(ValueError, match="confidence is 1"):
            paired_t([1, 2], [1, 3], 1)


class TestOneSampleT:
    def test_agrees_with_scipy(self):
        values = np.random.default_rng(1).normal(0.7, 0.02, 7)
        found, scipy = one_sample_t(values, 0.69), stats.ttest_1samp(values, 0.69)
        interval = scipy.confidence_interval()
        assert (found.statistic, found.p) == pytest.approx(
            (scipy.statistic, scipy.pvalue), rel=1e-9
        )
        assert (found.low, found.high) == pytest.approx(
            (interval.low - 0.69, interval.high - 0.69), rel=1e-9
        )
        assert "one-sample" in found.method

    def test_an_unknown_constant_gives_nan_with_a_reason(self):
        assert "not finite" in one_sample_t([0.7, 0.8], np.nan).reason


class TestCorrectedResampledT:
    def test_without_correlation_it_is_the_paired_test(self):
        a, b = np.random.default_rng(2).normal(size=(2, 6))
        assert corrected_resampled_t(a, b, 0).p == paired_t(a, b).p

    def test_agrees_with_the_formula_of_nadeau_and_bengio(self):
        # 10-fold cross-validation: n_test / n_train is 1/9.
        a, b = np.random.default_rng(3).normal([[0.5], [0.0]], 1, (2, 10))
        d = a - b
        t = d.mean() / np.sqrt((1 / 10 + 1 / 9) * d.var(ddof=1))
        found = corrected_resampled_t(a, b, 1 / 10)
        assert found.statistic == pytest.approx(t, rel=1e-9)
        assert found.p == pytest.approx(2 * stats.t.sf(abs(t), 9), rel=1e-9)

    def test_a_correlation_of_one_is_an_error(self):
        with pytest.raises(ValueError, match="correlation is 1"):
            corrected_resampled_t([1, 2], [1, 3], 1)


class TestBootstrapInterval:
    @pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
    def test_agrees_with_scipy_and_says_that_it_covers_less(self, method):
        a, b = np.random.default_rng(4).exponential(size=(2, 12))
        scipy = stats.bootstrap((a - b,), np.mean, method=method, rng=5, n_resamples=20_000)
        found = bootstrap_interval(a, b, method, resamples=20_000)
        assert (found.low, found.high) == pytest.approx(
            tuple(scipy.confidence_interval), abs=0.05 * scipy.standard_error * 2
        )
        assert "covers less" in found.note

    def test_covers_three_seeds_three_times_in_four(self):
        generator = np.random.default_rng(6)
        runs = generator.normal(size=(300, 3))
        found = [bootstrap_interval(d, np.zeros(3), resamples=500, seed=generator) for d in runs]
        covered = np.mean([f.low <= 0 <= f.high for f in found])
        t = np.mean([t_interval(d).low <= 0 <= t_interval(d).high for d in runs])
        assert covered == pytest.approx(0.75, abs=0.08)
        assert t == pytest.approx(0.95, abs=0.04)

    @pytest.mark.parametrize("a", [[], [np.nan], [0.5], [0.5, 0.5]])
    def test_what_does_not_vary_has_no_interval(self, a):
        found = bootstrap_interval(a, np.zeros(len(a)))
        assert np.isnan([found.low, found.high]).all()
        assert found.reason
