import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from benchmark.stats.power import (
    power_paired_t,
    power_tost,
    required_n,
    required_n_tost,
    resolution_warning,
    smallest_effect,
)

effects = st.floats(0.3, 3)
sizes = st.integers(2, 40)


def simulated(d_z, n, accept, count=20_000):
    runs = np.random.default_rng(1).normal(d_z, 1, (count, n))
    return accept(runs.mean(axis=1), runs.std(axis=1, ddof=1) / np.sqrt(n)).mean()


class TestPowerPairedT:
    @pytest.mark.parametrize(
        ("ours", "theirs"), [("two-sided", "two-sided"), ("one-sided", "larger")]
    )
    @pytest.mark.parametrize("n", [2, 3, 10, 50])
    @pytest.mark.parametrize("d_z", [0.1, 0.8, 2.5])
    def test_agrees_with_statsmodels(self, d_z, n, ours, theirs):
        expected = TTestPower().power(d_z, n, 0.05, alternative=theirs)
        assert power_paired_t(d_z, n, 0.05, ours) == pytest.approx(expected, rel=1e-8)

    @pytest.mark.parametrize("alternative", ["two-sided", "one-sided"])
    @pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
    def test_no_effect_is_found_at_the_level(self, alpha, alternative):
        assert power_paired_t(0, 5, alpha, alternative) == pytest.approx(alpha, rel=1e-10)

    def test_agrees_with_simulated_tests(self):
        critical = stats.t.ppf(0.975, 4)
        share = simulated(1.2, 5, lambda mean, se: np.abs(mean / se) > critical)
        assert power_paired_t(1.2, 5) == pytest.approx(share, abs=0.012)

    @given(effects, sizes)
    def test_grows_with_effect_and_with_pairs(self, d_z, n):
        power = power_paired_t(d_z, n)
        assert power_paired_t(d_z * 1.1, n) >= power
        assert power_paired_t(d_z, n + 1) >= power
        assert power_paired_t(-d_z, n) == pytest.approx(power)

    @pytest.mark.parametrize("d_z", [50, 1e4, 1e8])
    def test_an_enormous_effect_is_certain(self, d_z):
        assert power_paired_t(d_z, 5) == pytest.approx(1)

    def test_the_wrong_direction_has_no_one_sided_power(self):
        assert 0 < power_paired_t(-1, 5, alternative="one-sided") < 0.001

    def test_one_pair_has_no_test(self):
        assert np.isnan(power_paired_t(1, 1))


class TestRequiredN:
    @settings(max_examples=40)
    @given(effects, st.sampled_from([0.8, 0.9]), st.sampled_from(["two-sided", "one-sided"]))
    def test_is_the_first_n_that_reaches_the_power(self, d_z, power, alternative):
        found = required_n(d_z, power, alternative=alternative)
        reached = [power_paired_t(d_z, n, 0.05, alternative) for n in range(2, found.n + 1)]
        assert reached[-1] >= power
        assert all(p < power for p in reached[:-1])
        assert found.power == reached[-1]
        assert found.n == max(2, np.ceil(found.n_real))
        assert power_paired_t(d_z, found.n_real, 0.05, alternative) == pytest.approx(power)

    def test_no_effect_needs_no_number_of_pairs(self):
        for found in (required_n(0.0), required_n(-1.0, alternative="one-sided")):
            assert found.n is None
            assert "however many" in found.reason

    def test_a_sign_does_not_matter_two_sided(self):
        assert required_n(-0.8) == required_n(0.8)

    def test_a_minute_effect_is_refused_with_a_reason(self):
        assert "10,000,000" in required_n(1e-5).reason

    def test_an_enormous_effect_needs_two_pairs(self):
        found = required_n(1000.0)
        assert found.n == 2
        assert np.isnan(found.power_before)

    @pytest.mark.parametrize("power", [0.05, 1.0])
    def test_a_power_out_of_reach_is_an_error(self, power):
        with pytest.raises(ValueError, match=f"power is {power}"):
            required_n(1.0, power)


class TestSmallestEffect:
    @settings(max_examples=40)
    @given(sizes, st.sampled_from([0.8, 0.9]), st.sampled_from(["two-sided", "one-sided"]))
    def test_has_exactly_the_power(self, n, power, alternative):
        d_z = smallest_effect(n, power, 0.05, alternative)
        assert power_paired_t(d_z, n, 0.05, alternative) == pytest.approx(power, abs=1e-9)

    def test_one_pair_shows_no_effect(self):
        assert np.isnan(smallest_effect(1))


class TestPowerTost:
    @pytest.mark.parametrize("difference", [0.0, 0.4, 1.5])
    @pytest.mark.parametrize("n", [3, 10])
    def test_agrees_with_simulated_tests(self, n, difference):
        critical = stats.t.ppf(0.95, n - 1)

        def both(mean, se):
            return ((mean + 1.5) / se > critical) & ((mean - 1.5) / se < -critical)

        share = simulated(difference, n, both)
        assert power_tost(1.5, 1.0, n, difference) == pytest.approx(share, abs=0.012)

    @pytest.mark.parametrize(("n", "margin"), [(2, 0.5), (2, 4.0), (4, 1.0), (12, 1.3), (60, 0.5)])
    def test_agrees_with_the_integral_over_the_mean(self, n, margin):
        # The other order of integration: given the mean, the sample SD must be small enough.
        mp = pytest.importorskip("mpmath")
        df, difference = n - 1, 0.2
        critical = float(stats.t.ppf(0.95, df))

        def given_mean(z):
            mean = difference + z / mp.sqrt(n)
            largest = (margin - abs(mean)) * mp.sqrt(n) / critical
            if largest <= 0:
                return mp.mpf(0)
            share = mp.gammainc(mp.mpf(df) / 2, 0, df * largest**2 / 2, regularized=True)
            return mp.npdf(z) * share

        edges = [max(-10, min(10, (m - difference) * np.sqrt(n))) for m in (-margin, 0, margin)]
        points = sorted({-10.0, *map(float, edges), 10.0})
        exact = float(mp.quad(given_mean, points))
        assert power_tost(margin, 1.0, n, difference) == pytest.approx(exact, abs=1e-9)

    @given(st.floats(0.2, 3), sizes, st.floats(-0.1, 0.1))
    @settings(max_examples=40)
    def test_grows_with_the_margin_and_depends_on_the_ratio_to_sd(self, margin, n, difference):
        power = power_tost(margin, 1.0, n, difference)
        assert power_tost(margin * 1.2, 1.0, n, difference) >= power - 1e-10
        assert power_tost(margin / 100, 0.01, n, difference / 100) == pytest.approx(power, abs=1e-9)
        assert power_tost(margin, 1.0, n, -difference) == pytest.approx(power, abs=1e-9)

    def test_at_the_margin_it_approaches_the_level(self):
        assert power_tost(1.0, 1.0, 200, 1.0) == pytest.approx(0.05, abs=1e-6)
        assert power_tost(1.0, 1.0, 4, 1.0) < 0.05

    def test_seeds_that_vary_more_than_the_margin_have_hardly_any(self):
        assert power_tost(0.01, 0.02, 3) < 0.03

    def test_unequal_bounds_are_taken(self):
        assert power_tost((-5.0, 1.0), 1.0, 10) == pytest.approx(
            power_paired_t(1.0, 10, 0.05, "one-sided"), abs=1e-6
        )

    def test_one_pair_has_no_test(self):
        assert np.isnan(power_tost(1, 1, 1))

    @pytest.mark.parametrize("sd", [0, -1, np.nan, np.inf])
    def test_a_standard_deviation_that_is_none_is_an_error(self, sd):
        with pytest.raises(ValueError, match=f"sd is {sd}"):
            power_tost(0.01, sd, 5)


class TestRequiredNTost:
    @pytest.mark.parametrize("margin", [0.4, 1.0, 5.0])
    @pytest.mark.parametrize("power", [0.8, 0.9])
    def test_is_the_first_n_that_reaches_the_power(self, margin, power):
        found = required_n_tost(margin, 1.0, power=power)
        assert found.power == power_tost(margin, 1.0, found.n) >= power
        if found.n > 2:
            assert found.power_before == power_tost(margin, 1.0, found.n - 1) < power

    def test_equivalence_takes_more_pairs_than_a_difference_of_the_margin(self):
        assert required_n_tost(1.0, 1.0).n > required_n(1.0).n

    def test_a_difference_beyond_the_margin_is_refused_with_a_reason(self):
        found = required_n_tost(0.01, 0.01, difference=0.01)
        assert found.n is None
        assert "not within" in found.reason


class TestResolutionWarning:
    @pytest.mark.parametrize(("margin", "n"), [(0.05, 20), (0.1, 10), (0.02, 1000)])
    def test_is_silent_where_one_sample_moves_a_rate_by_the_margin_at_most(self, margin, n):
        assert resolution_warning(margin, n) == ""

    def test_names_the_margin_and_the_group(self):
        text = resolution_warning(0.05, 15)
        assert "0.05" in text
        assert "1/15 = 0.0667" in text

    def test_an_empty_group_has_no_rate(self):
        assert "no sample" in resolution_warning(0.05, 0)
