import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats import effects
from benchmark.stats.effects import (
    cliffs_delta,
    cohens_dav,
    cohens_drm,
    cohens_dz,
    hedges_correction,
    hedges_gz,
    matched_rank_biserial,
    ordered_pairs,
    paired_dominance,
    probability_of_improvement,
)

scores = st.lists(st.integers(0, 20).map(lambda k: k / 20), min_size=1, max_size=8)
PAIRED = [cohens_dz, hedges_gz, cohens_dav, cohens_drm, paired_dominance, matched_rank_biserial]


class TestCohensDz:
    def test_is_mean_over_sd_of_the_differences(self):
        a, b = np.random.default_rng(1).normal(size=(2, 9))
        assert cohens_dz(a, b).estimate == pytest.approx((a - b).mean() / (a - b).std(ddof=1))

    @pytest.mark.parametrize("n", [2, 5, 40])
    @pytest.mark.parametrize("confidence", [0.9, 0.95])
    def test_its_bounds_leave_the_observed_t_in_either_tail(self, n, confidence):
        a, b = np.random.default_rng(n).normal([[0.5], [0.0]], 1, (2, n))
        found = cohens_dz(a, b, confidence)
        t = found.estimate * np.sqrt(n)
        tail = (1 - confidence) / 2
        low, high = found.low * np.sqrt(n), found.high * np.sqrt(n)
        assert stats.nct.sf(t, n - 1, low) == pytest.approx(tail, rel=1e-7)
        assert stats.nct.cdf(t, n - 1, high) == pytest.approx(tail, rel=1e-7)

    def test_covers_the_true_effect(self):
        generator = np.random.default_rng(2)
        runs = generator.normal(0.8, 1, (250, 5))
        found = [cohens_dz(d, np.zeros(5)) for d in runs]
        assert np.mean([f.low <= 0.8 <= f.high for f in found]) == pytest.approx(0.95, abs=0.035)

    def test_no_effect_has_an_interval_around_zero(self):
        found = cohens_dz([0.7, 0.9], [0.8, 0.8])
        assert found.estimate == 0
        assert found.low == pytest.approx(-found.high)
        assert found.high == pytest.approx(stats.norm.ppf(0.975) / np.sqrt(2), rel=1e-9)

    def test_an_enormous_effect_has_an_interval(self):
        a = np.array([0.9, 0.9000001, 0.8999999, 0.90000005])
        found = cohens_dz(a, np.full(4, 0.1))
        # As d grows, all that is unknown is the standard deviation: d·√(χ²/df).
        low, high = found.estimate * np.sqrt(stats.chi2.ppf([0.025, 0.975], 3) / 3)
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


class TestHedgesGz:
    def test_the_correction_has_its_closed_form(self):
        # Γ(1/2) = √π, Γ(1) = 1, Γ(3/2) = √π/2, Γ(2) = 1.
        assert hedges_correction(2) == pytest.approx(1 / np.sqrt(np.pi), rel=1e-13)
        assert hedges_correction(3) == pytest.approx(np.sqrt(np.pi / 6), rel=1e-13)
        assert hedges_correction(4) == pytest.approx(np.sqrt(2 / np.pi), rel=1e-13)

    def test_removes_the_bias_of_d(self):
        runs = np.random.default_rng(3).normal(1.0, 1, (4000, 6))
        g = [hedges_correction(5) * d.mean() / d.std(ddof=1) for d in runs]
        assert np.mean(g) == pytest.approx(1.0, abs=0.035)
        a = runs[0]
        assert hedges_gz(a, np.zeros(6)).estimate == pytest.approx(g[0], rel=1e-9)

    def test_does_not_exist_for_two_pairs(self):
        found = hedges_gz([0.8, 0.83], [0.7, 0.75])
        assert np.isnan(found.estimate)
        assert "two pairs" in found.reason

    def test_needs_more_than_one_degree_of_freedom(self):
        with pytest.raises(ValueError, match="df is 1"):
            hedges_correction(1)


class TestOrderedPairs:
    @given(scores, scores)
    def test_delta_is_the_rescaled_mann_whitney_statistic(self, a, b):
        u = stats.mannwhitneyu(a, b).statistic
        assert cliffs_delta(a, b).estimate == pytest.approx(2 * u / (len(a) * len(b)) - 1)
        assert probability_of_improvement(a, b).estimate == pytest.approx(u / (len(a) * len(b)))

    @given(scores, scores)
    def test_every_pair_is_counted_once(self, a, b):
        assert sum(ordered_pairs(a, b)) == len(a) * len(b)
        assert ordered_pairs(a, b)[:2] == ordered_pairs(b, a)[1::-1]

    def test_the_noise_of_computed_scores_ties(self):
        assert ordered_pairs([0.1 + 0.2], [0.3]) == (0, 0, 1)

    def test_pairing_plays_no_part(self):
        a, b = [0.7, 0.8, 0.9], [0.65, 0.75, 0.85]
        assert cliffs_delta(a, b) == cliffs_delta(a, b[::-1])
        assert "unpaired" in cliffs_delta(a, b).name

    @pytest.mark.parametrize(("a", "b"), [([], [1.0]), ([1.0], []), ([np.nan], [1.0])])
    def test_nothing_to_compare_gives_nan_with_a_reason(self, a, b):
        for effect in (cliffs_delta(a, b), probability_of_improvement(a, b)):
            assert np.isnan(effect.estimate)
            assert effect.reason


class TestMatchedRankBiserial:
    def test_is_the_share_of_favourable_ranks_minus_the_rest(self):
        # ranks of |d| = 1, 2, 3, 4: favourable 1 + 3 + 4
        found = matched_rank_biserial([1, -2, 3, 4, 0], [0, 0, 0, 0, 0])
        assert found.estimate == pytest.approx((8 - 2) / 10)


class TestDifferentMeaningsOfPairedD:
    def test_differ_a_thousandfold_where_seeds_dominate(self):
        generator = np.random.default_rng(4)
        seed_effect = generator.normal(0, 1, 20)
        a, b = seed_effect + 1e-3 + generator.normal(0, 1e-3, (1, 20))[0], seed_effect
        assert cohens_dz(a, b).estimate > 300 * cohens_dav(a, b).estimate

    def test_agree_where_scores_are_uncorrelated(self):
        a, b = np.array([1.0, 2, 3, 4]), np.array([1.0, 0, 0, 1])
        assert np.corrcoef(a, b)[0, 1] == pytest.approx(0)
        assert cohens_drm(a, b).estimate == pytest.approx(np.sqrt(2) * cohens_dz(a, b).estimate)
        variance = (a.var(ddof=1) + b.var(ddof=1)) / 2
        assert cohens_dav(a, b).estimate == pytest.approx(2 / np.sqrt(variance))

    def test_a_baseline_without_variation_has_no_correlation(self):
        assert "correlation" in cohens_drm([1, 2, 4], [1, 1, 1]).reason
        assert cohens_dav([1, 2, 4], [1, 1, 1]).reason == ""
        assert "varies" in cohens_dav([2, 2, 2], [1, 1, 1]).reason


@pytest.mark.parametrize("effect", PAIRED)
class TestEveryPairedEffect:
    def test_swapping_the_methods_mirrors_it(self, effect):
        a, b = np.random.default_rng(5).normal(size=(2, 6))
        assert effect(b, a).estimate == pytest.approx(-effect(a, b).estimate)

    @pytest.mark.parametrize("a", [[], [np.nan, 0.5]])
    def test_nothing_to_compare_gives_nan_with_a_reason(self, effect, a):
        found = effect(a, [0.0] * len(a))
        assert np.isnan(found.estimate)
        assert found.reason

    def test_shapes_that_differ_are_an_error(self, effect):
        with pytest.raises(ValueError, match="as many"):
            effect([1, 2], [1])


def test_equal_differences_have_no_standardised_effect():
    a, b = [0.81, 0.82, 0.8], [0.8, 0.81, 0.79]
    for effect in (cohens_dz, hedges_gz, cohens_drm):
        assert np.isnan(effect(a, b).estimate)
        assert effect(a, b).reason
    assert paired_dominance(a, b).estimate == 1
    assert effects.matched_rank_biserial(a, a).reason == "all differences are 0"
