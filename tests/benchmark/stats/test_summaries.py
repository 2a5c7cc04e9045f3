import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats.summaries import (
    es_auc_interval,
    prediction_interval_for_mean,
    welch_from_summary,
)


class TestWelchFromSummary:
    @pytest.mark.parametrize(("n_a", "n_b"), [(2, 3), (3, 3), (10, 4)])
    def test_agrees_with_scipy(self, n_a, n_b):
        summary = (0.712, 0.004, n_a, 0.705, 0.009, n_b)
        found = welch_from_summary(*summary)
        scipy = stats.ttest_ind_from_stats(*summary, equal_var=False)
        assert (found.statistic, found.p) == pytest.approx(
            (scipy.statistic, scipy.pvalue), rel=1e-9
        )

    def test_percent_and_fractions_give_one_p(self):
        percent = welch_from_summary(71.2, 0.4, 3, 70.5, 0.9, 3)
        fraction = welch_from_summary(0.712, 0.004, 3, 0.705, 0.009, 3)
        assert percent.p == pytest.approx(fraction.p, rel=1e-9)

    def test_tiny_deviations_do_not_underflow(self):
        found = welch_from_summary(0, 1e-120, 3, 0, 1e-120, 3)
        assert found.df == pytest.approx(4)

    @pytest.mark.parametrize(
        ("summary", "told"),
        [
            ((0.7, 0.0, 1, 0.6, 0.1, 3), "one run"),
            ((0.7, 0.0, 3, 0.6, 0.0, 3), "are 0"),
            ((np.nan, 0.1, 3, 0.6, 0.1, 3), "not known"),
            ((0.7, np.nan, 3, 0.6, 0.1, 3), "not known"),
        ],
    )
    def test_without_a_variance_there_is_a_reason(self, summary, told):
        found = welch_from_summary(*summary)
        assert np.isnan([found.p, found.low]).all()
        assert told in found.reason

    @pytest.mark.parametrize(
        ("summary", "named"),
        [((0.7, -0.1, 3, 0.6, 0.1, 3), "sd_a is -0.1"), ((0.7, 0.1, 3, 0.6, 0.1, 0), "n_b 0")],
    )
    def test_what_is_no_summary_is_an_error(self, summary, named):
        with pytest.raises(ValueError, match=named):
            welch_from_summary(*summary)


class TestPredictionIntervalForMean:
    def test_holds_the_mean_of_three_new_seeds_as_often_as_it_says(self):
        runs = np.random.default_rng(1).normal(0.7, 0.01, (4000, 8))
        inside = []
        for old, new in zip(runs[:, :5], runs[:, 5:].mean(axis=1), strict=True):
            found = prediction_interval_for_mean(old.mean(), old.std(ddof=1), 5, 3)
            inside.append(found.low <= new <= found.high)
        assert np.mean(inside) == pytest.approx(0.95, abs=0.012)

    def test_one_new_run_has_the_textbook_interval(self):
        found = prediction_interval_for_mean(10.0, 2.0, 4, 1)
        half = stats.t.ppf(0.975, 3) * 2.0 * np.sqrt(1 + 1 / 4)
        assert (found.low, found.high) == pytest.approx((10 - half, 10 + half))

    @pytest.mark.parametrize(("sd", "n"), [(0.1, 1), (np.nan, 3)])
    def test_without_a_deviation_there_is_a_reason(self, sd, n):
        found = prediction_interval_for_mean(0.7, sd, n, 3)
        assert np.isnan([found.low, found.high]).all()
        assert found.reason

    def test_no_new_run_is_an_error(self):
        with pytest.raises(ValueError, match="new 0"):
            prediction_interval_for_mean(0.7, 0.1, 3, 0)


def es_auc(auc, groups):
    return auc / (1 + np.abs(auc - groups).sum())


class TestEsAucInterval:
    def test_exact_digits_of_one_run_leave_no_slack(self):
        found = es_auc_interval(0.71, [0.7, 0.73, 0.69], rounding=0)
        exact = es_auc(0.71, np.array([0.7, 0.73, 0.69]))
        assert (found.low, found.high) == pytest.approx((exact, exact), rel=1e-12)

    @given(
        st.floats(0.4, 0.95),
        st.lists(st.floats(0.3, 1), min_size=1, max_size=4),
        st.sampled_from([2, 3, 4]),
    )
    def test_holds_every_run_whose_numbers_are_printed_so(self, auc, groups, digits):
        found = es_auc_interval(
            round(auc, digits), np.round(groups, digits), rounding=0.5 * 10.0**-digits
        )
        assert found.low - 1e-12 <= es_auc(auc, np.array(groups)) <= found.high + 1e-12

    @pytest.mark.parametrize("digits", [3, 4])
    def test_rounding_bounds_are_reached_by_some_run(self, digits):
        rounding = 0.5 * 10.0**-digits
        printed = np.array([0.71, 0.7, 0.73, 0.69])
        moves = np.random.default_rng(1).uniform(-rounding, rounding, (20_000, 4))
        corners = rounding * np.sign(moves)
        values = [es_auc(v[0], v[1:]) for v in np.concatenate([printed + moves, printed + corners])]
        found = es_auc_interval(0.71, printed[1:], rounding=rounding)
        assert found.low == pytest.approx(min(values), abs=1e-12)
        assert found.high == pytest.approx(max(values), abs=1e-12)

    @given(
        st.integers(0, 2**32),
        st.integers(2, 6),
        st.integers(1, 4),
        st.sampled_from([0.002, 0.02, 0.1]),
        st.sampled_from([0, 1]),
        st.sampled_from([2, 4]),
    )
    def test_holds_the_mean_of_any_runs_whose_means_and_deviations_are_printed_so(
        self, seed, runs, groups, spread, ddof, digits
    ):
        generator = np.random.default_rng(seed)
        centre = generator.uniform(0.55, 0.9, groups + 1)
        values = np.clip(centre + spread * generator.standard_t(2, (runs, groups + 1)), 0, 1)
        mean, sd = values.mean(axis=0).round(digits), values.std(axis=0, ddof=ddof).round(digits)
        found = es_auc_interval(
            mean[0], mean[1:], rounding=0.5 * 10.0**-digits, sd=sd[0], group_sd=sd[1:]
        )
        truth = np.mean([es_auc(v[0], v[1:]) for v in values])
        assert found.low - 1e-12 <= truth <= found.high + 1e-12

    def test_is_narrow_where_seeds_vary_as_in_papers(self):
        found = es_auc_interval(
            0.68, [0.67, 0.70, 0.66], rounding=5e-5, sd=0.005, group_sd=[0.01, 0.01, 0.01]
        )
        assert found.low < es_auc(0.68, np.array([0.67, 0.70, 0.66])) < found.high
        assert found.high - found.low < 0.02

    def test_an_unknown_number_gives_nan_with_a_reason(self):
        found = es_auc_interval(0.7, [0.7, np.nan], rounding=5e-5)
        assert np.isnan([found.low, found.high]).all()
        assert found.reason

    @pytest.mark.parametrize(
        ("auc", "groups", "named"), [(71.0, [0.7], "71"), (0.7, [], r"shape \(0,\)")]
    )
    def test_percent_and_no_groups_are_errors(self, auc, groups, named):
        with pytest.raises(ValueError, match=named):
            es_auc_interval(auc, groups, rounding=0)
