import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats.bootstrap_interval import (
    acceleration,
    bias_correction,
    bootstrap_result,
    jackknife_influence,
    mean_interval,
)

KINDS = ("percentile", "basic", "bca")


def skewed(n=25, seed=0):
    return np.random.default_rng(seed).lognormal(size=n)


class TestBootstrapResult:
    @pytest.mark.parametrize("kind", KINDS)
    def test_agrees_with_scipy_on_a_skewed_mean(self, kind):
        values = skewed()
        ours = mean_interval(values, n_resamples=20_000, kind=kind)
        scipy = stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method={"bca": "BCa"}.get(kind, kind), rng=1
        ).confidence_interval
        assert (ours.low, ours.high) == pytest.approx((scipy.low, scipy.high), abs=0.05)

    @pytest.mark.parametrize("kind", KINDS)
    def test_p_is_below_the_level_where_the_interval_leaves_the_value_out(self, kind):
        values = skewed()
        resampled = np.random.default_rng(2).choice(values, (4001, 25)).mean(axis=1)
        a = acceleration(values - values.mean(), np.zeros(25, int))

        def result(null):
            return bootstrap_result(
                values.mean(), resampled, n=25, kind=kind, acceleration=a, null=null
            )

        interval = result(0.0)
        for bound in (interval.low, interval.high):
            inside, outside = sorted([bound * 0.99, bound * 1.01], key=lambda v: -result(v).p)
            assert result(inside).p > 0.05 > result(outside).p

    @pytest.mark.parametrize("kind", KINDS)
    @given(seed=st.integers(0, 10**6))
    def test_a_change_of_sign_mirrors_everything(self, kind, seed):
        values = np.random.default_rng(seed).gamma(2.0, size=200)
        there, back = (
            bootstrap_result(
                s * 2.0, s * values, n=5, kind=kind, acceleration=s * 0.03, null=s * 1.7
            )
            for s in (1, -1)
        )
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
        assert (there.p, there.p_greater) == pytest.approx((back.p, back.p_less))

    def test_no_p_is_below_one_in_so_many_resamples(self):
        found = bootstrap_result(1.0, 1 + 0.01 * np.arange(-50, 50), n=5)
        assert found.p == pytest.approx(2 / 101)

    def test_equal_resamples_are_no_proof_of_precision(self):
        found = bootstrap_result(0.1 + 0.2, np.full(100, 0.3), n=15)
        assert np.isnan([found.low, found.high, found.p]).all()
        assert "no spread" in found.reason

    def test_a_nan_among_resamples_is_counted(self):
        found = bootstrap_result(0.5, [0.4, np.nan, 0.6], n=15)
        assert np.isnan(found.low)
        assert "1 of 3 resamples are NaN" in found.reason

    def test_an_estimate_beyond_all_resamples_has_no_bca_interval(self):
        found = bootstrap_result(9.0, np.linspace(0, 1, 50), n=15, kind="bca")
        assert np.isnan(found.low)
        assert "BCa has no levels" in found.reason

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(ValueError, match="known: percentile"):
            bootstrap_result(0.5, [0.4, 0.6], n=2, kind="student")


class TestBiasCorrection:
    def test_ties_count_half_though_floats_differ(self):
        resampled = np.array([0.1 + 0.2, 0.3, 0.5, 0.1])
        assert bias_correction(0.3, resampled) == pytest.approx(0.0)


class TestAcceleration:
    def test_of_a_mean_is_a_sixth_of_its_skewness_over_root_n(self):
        values = skewed()
        expected = stats.skew(values) / 6 / np.sqrt(len(values))
        assert acceleration(values - values.mean(), np.zeros(25, int)) == pytest.approx(expected)

    def test_no_influence_gives_zero(self):
        assert acceleration(np.zeros(3), np.zeros(3, int)) == 0

    def test_other_shapes_are_refused(self):
        with pytest.raises(ValueError, match="stratum"):
            acceleration(np.zeros(3), np.zeros(2, int))


class TestJackknifeInfluence:
    def test_of_a_difference_of_two_means_is_each_deviation(self):
        x, y = skewed(6), skewed(4, 1)
        both, stratum = np.concatenate([x, y]), np.array([0] * 6 + [1] * 4)

        def without(i):
            return (
                np.delete(x, i).mean() - y.mean()
                if i < 6
                else x.mean() - np.delete(y, i - 6).mean()
            )

        found = jackknife_influence([without(i) for i in range(len(both))], stratum)
        assert found == pytest.approx(np.concatenate([x - x.mean(), y.mean() - y]))

    def test_a_stratum_of_one_has_none(self):
        assert jackknife_influence([np.nan, 1.0, 2.0], np.array([0, 1, 1]))[0] == 0


class TestMeanInterval:
    def test_three_values_span_at_most_from_the_smallest_to_the_largest(self):
        found = mean_interval([0.004, 0.011, 0.0075])
        assert (found.low, found.high) == pytest.approx((0.004, 0.011))

    def test_constant_values_have_no_interval(self):
        assert "no spread" in mean_interval([0.85 - 0.84, 0.86 - 0.85, 0.84 - 0.83]).reason

    def test_nan_is_refused(self):
        with pytest.raises(ValueError, match="finite"):
            mean_interval([0.1, np.nan])
