import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.stats.bayes import posterior, signed_rank_posterior
from benchmark.stats.paired import paired_t

thousandths = st.lists(st.integers(-30, 30), min_size=2, max_size=8)
ropes = st.sampled_from([0.0, 0.005, 0.02])


def three(found):
    return found.worse, found.equivalent, found.better


class TestPosterior:
    def test_without_a_region_the_tails_are_the_one_sided_p_values(self):
        d = np.random.default_rng(1).normal(0.01, 0.02, 6)
        found, t = posterior(d, 0.0), paired_t(d, np.zeros(6))
        assert three(found) == pytest.approx((t.p_greater, 0.0, t.p_less), abs=1e-12)
        assert (found.low, found.high) == pytest.approx((t.low, t.high), rel=1e-9)

    @pytest.mark.parametrize("correlation", [0.0, 0.1])
    def test_agrees_with_draws_of_variance_and_mean(self, correlation):
        # Flat prior on the mean and on log variance, drawn rather than integrated.
        d = np.random.default_rng(2).normal(0.01, 0.02, 5)
        generator = np.random.default_rng(3)
        variance = 4 * d.var(ddof=1) / generator.chisquare(4, 200_000)
        factor = 1 / 5 + correlation / (1 - correlation)
        mean = generator.normal(d.mean(), np.sqrt(variance * factor))
        expected = (mean < -0.01).mean(), (abs(mean) < 0.01).mean(), (mean > 0.01).mean()
        assert three(posterior(d, 0.01, correlation)) == pytest.approx(expected, abs=0.006)

    @given(thousandths, ropes)
    def test_sums_to_one_and_mirrors(self, whole, rope):
        d = np.array(whole) / 1000
        found, mirrored = posterior(d, rope), posterior(-d, rope)
        assert sum(three(found)) == pytest.approx(1, abs=1e-12)
        assert three(mirrored) == pytest.approx(three(found)[::-1], abs=1e-12)

    @given(thousandths, ropes)
    def test_a_wider_region_holds_more(self, whole, rope):
        d = np.array(whole) / 1000
        narrow, wide = posterior(d, rope), posterior(d, rope + 0.003)
        assert wide.equivalent >= narrow.equivalent - 1e-12

    @pytest.mark.parametrize(
        ("gap", "rope", "expected"),
        [
            (0.0, 0.0, (0.5, 0, 0.5)),
            (0.0, 0.01, (0, 1, 0)),
            (0.01, 0.01, (0, 0.5, 0.5)),
            (-0.01, 0.01, (0.5, 0.5, 0)),
            (0.02, 0.01, (0, 0, 1)),
        ],
    )
    def test_equal_differences_are_a_point_and_said_to_be_one(self, gap, rope, expected):
        b = np.array([0.8, 0.83, 0.79])
        found = posterior((b + gap) - b, rope)
        assert three(found) == expected
        assert "a point" in found.reason

    @pytest.mark.parametrize("values", [[], [0.1], [0.1, np.nan]])
    def test_too_little_data_gives_nan_with_a_reason(self, values):
        found = posterior(values, 0.01)
        assert np.isnan(three(found)).all()
        assert found.reason

    @pytest.mark.parametrize(
        ("rope", "correlation", "named"),
        [(-0.1, 0, "rope is -0.1"), (np.nan, 0, "rope is nan"), (0.1, 1, "correlation is 1")],
    )
    def test_what_is_out_of_range_is_named(self, rope, correlation, named):
        with pytest.raises(ValueError, match=named):
            posterior([0.1, 0.2], rope, correlation)


class TestSignedRankPosterior:
    def test_agrees_with_draws_one_by_one(self):
        d, rope = np.array([0.012, -0.004, 0.02, 0.003, -0.015]), 0.005
        z = np.array([0.0, *d])
        sums = z[:, None] + z
        generator = np.random.default_rng(4)
        won = np.zeros(3)
        for _ in range(4000):
            gamma = generator.gamma([0.5, 1, 1, 1, 1, 1])
            weight = np.outer(gamma, gamma) / gamma.sum() ** 2
            left, right = weight[sums < -2 * rope].sum(), weight[sums > 2 * rope].sum()
            won[np.argmax([left, 1 - left - right, right])] += 1
        found = signed_rank_posterior(d, rope)
        assert three(found) == pytest.approx(won / 4000, abs=0.035)

    @settings(max_examples=20)
    @given(thousandths, ropes)
    def test_sums_to_one_and_mirrors(self, whole, rope):
        d = np.array(whole) / 1000
        found = signed_rank_posterior(d, rope, samples=500)
        mirrored = signed_rank_posterior(-d, rope, samples=500)
        assert sum(three(found)) == pytest.approx(1, abs=1e-9)
        assert three(mirrored) == pytest.approx(three(found)[::-1], abs=1e-9)

    def test_equal_scores_are_equivalent_or_without_a_region_even(self):
        assert three(signed_rank_posterior([0.0, 0.0], 0.01)) == (0, 1, 0)
        assert three(signed_rank_posterior([0.0, 0.0], 0.0)) == (0.5, 0, 0.5)

    def test_a_difference_on_the_edge_counts_half_though_its_double_is_off(self):
        # One block of 0.02 against the pseudo-block of 0: their mean is on the edge of 0.01.
        typed, computed = [0.02], [0.83 - 0.81]
        assert typed != computed
        on, near = (signed_rank_posterior(d, 0.01, samples=2000) for d in (typed, computed))
        assert three(on) == three(near)

    def test_a_seed_repeats_the_draws(self):
        d = [0.012, -0.004, 0.02]
        first, again = (signed_rank_posterior(d, 0.005, seed=7, samples=1000) for _ in range(2))
        assert first == again
        assert first.p_error < 0.02

    @pytest.mark.parametrize("values", [[], [0.1, np.inf]])
    def test_nothing_to_compare_gives_nan_with_a_reason(self, values):
        found = signed_rank_posterior(values, 0.01)
        assert np.isnan(three(found)).all()
        assert found.reason

    @pytest.mark.parametrize("changes", [{"samples": 0}, {"prior_strength": 0}, {"rope": -1}])
    def test_what_is_out_of_range_is_an_error(self, changes):
        with pytest.raises(ValueError, match=r"expected (above 0|0 or more)"):
            signed_rank_posterior([0.1, 0.2], **{"rope": 0.01, **changes})
