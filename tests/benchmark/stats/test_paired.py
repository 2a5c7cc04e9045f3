from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from benchmark.stats.paired import smallest_sign_flip_p, t_interval

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
