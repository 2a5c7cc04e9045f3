from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats.exact import sign_flip, sign_test, wilcoxon_normal, wilcoxon_signed_rank

tied = st.lists(st.integers(-4, 4), min_size=1, max_size=8)
TESTS = [sign_flip, wilcoxon_signed_rank, wilcoxon_normal, sign_test]


def of(whole):
    """Scores whose differences are so many thousandths."""
    return [0.8 + k / 1000 for k in whole], [0.8] * len(whole)


def by_brute_force(parts, observed):
    """p two-sided, greater and less of a sum of parts under all signs."""
    sums = [np.dot(signs, parts) for signs in product([-1, 1], repeat=len(parts))]
    greater = np.mean([s >= observed - 1e-9 for s in sums])
    less = np.mean([s <= observed + 1e-9 for s in sums])
    return min(1.0, 2 * min(greater, less)), greater, less


def ps(found):
    return found.p, found.p_greater, found.p_less


class TestSignFlip:
    @given(tied)
    def test_agrees_with_every_pattern_tried(self, whole):
        assert ps(sign_flip(*of(whole))) == by_brute_force(np.abs(whole), sum(whole))

    def test_agrees_with_scipy_where_no_sum_ties(self):
        a, b = np.random.default_rng(1).normal(size=(2, 9))
        scipy = stats.permutation_test(
            (a, b),
            lambda x, y, axis: (x - y).mean(axis),
            permutation_type="samples",
            vectorized=True,
        )
        assert sign_flip(a, b).p == pytest.approx(scipy.pvalue, rel=1e-12)

    def test_draws_above_twenty_pairs_agree_with_the_normal_limit(self):
        a, b = np.random.default_rng(2).normal([[0.3], [0.0]], 1, (2, 60))
        d = a - b
        found = sign_flip(a, b, seed=3)
        limit = 2 * stats.norm.sf(abs(d.sum()) / np.sqrt((d**2).sum()))
        assert "99999 draws" in found.method
        assert 0 < found.p_error < 0.002
        assert found.p == pytest.approx(limit, abs=5 * found.p_error + 0.003)

    def test_draws_never_give_zero(self):
        found = sign_flip(np.arange(30) + 1.0, np.zeros(30), resamples=99)
        assert found.p == pytest.approx(1 / 100)

    def test_a_seed_repeats_the_draws(self):
        a, b = np.random.default_rng(4).normal(size=(2, 25))
        first, again, other = (sign_flip(a, b, seed=s, resamples=999) for s in (1, 1, 2))
        assert first == again
        assert first.p != other.p

    def test_twenty_pairs_are_enumerated(self):
        found = sign_flip(np.linspace(0.7, 0.8, 20), np.full(20, 0.6))
        assert (found.p, found.p_error) == (2.0**-19, 0.0)

    def test_no_draws_are_an_error(self):
        with pytest.raises(ValueError, match="resamples is 0"):
            sign_flip([1], [0], resamples=0)


class TestWilcoxonSignedRank:
    @given(tied)
    def test_dropping_zeros_agrees_with_every_pattern_tried(self, whole):
        kept = np.array([k for k in whole if k])
        ranks = stats.rankdata(np.abs(kept))
        assert ps(wilcoxon_signed_rank(*of(whole))) == pytest.approx(
            by_brute_force(ranks, (np.sign(kept) * ranks).sum()), abs=1e-12
        )

    @given(tied)
    def test_pratt_agrees_with_every_pattern_tried(self, whole):
        ranks = stats.rankdata(np.abs(whole)) * (np.array(whole) != 0)
        assert ps(wilcoxon_signed_rank(*of(whole), "pratt")) == pytest.approx(
            by_brute_force(ranks, (np.sign(whole) * ranks).sum()), abs=1e-12
        )

    @pytest.mark.parametrize("n", [5, 20, 50])
    @pytest.mark.parametrize("side", ["two-sided", "greater", "less"])
    def test_agrees_with_scipy_without_ties_and_zeros(self, n, side):
        a, b = np.random.default_rng(n).normal([[0.4], [0.0]], 1, (2, n))
        scipy = stats.wilcoxon(a, b, alternative=side, method="exact")
        found = wilcoxon_signed_rank(a, b)
        ours = {"two-sided": found.p, "greater": found.p_greater, "less": found.p_less}[side]
        assert ours == pytest.approx(scipy.pvalue, rel=1e-10)

    @pytest.mark.parametrize("zeros", ["drop", "pratt"])
    def test_many_pairs_come_close_to_the_normal_approximation(self, zeros):
        whole = np.random.default_rng(5).integers(-20, 24, 300)
        exact, normal = (f(*of(whole), zeros) for f in (wilcoxon_signed_rank, wilcoxon_normal))
        assert exact.p == pytest.approx(normal.p, rel=0.01)
        assert "exact" in exact.method

    def test_above_five_hundred_pairs_the_method_says_that_it_approximates(self):
        a = np.random.default_rng(6).normal(0.05, 1, 501)
        found = wilcoxon_signed_rank(a, np.zeros(501))
        assert "normal approximation" in found.method
        assert found.p == pytest.approx(
            stats.wilcoxon(a, method="asymptotic", correction=True).pvalue, rel=1e-9
        )

    def test_an_unknown_treatment_of_zeros_is_named(self):
        with pytest.raises(ValueError, match="zsplit"):
            wilcoxon_signed_rank([1], [0], "zsplit")


class TestWilcoxonNormal:
    @pytest.mark.parametrize("zeros", ["drop", "pratt"])
    @pytest.mark.parametrize("continuity", [True, False])
    @pytest.mark.parametrize("side", ["two-sided", "greater", "less"])
    def test_agrees_with_scipy_with_ties_and_zeros(self, zeros, continuity, side):
        whole = np.array([0, 3, 3, -1, 2, 2, 0, -3, 5, 1, 1, 4])
        method = {"drop": "wilcox", "pratt": "pratt"}[zeros]
        scipy = stats.wilcoxon(
            whole, zero_method=method, correction=continuity, alternative=side, method="asymptotic"
        )
        found = wilcoxon_normal(*of(whole), zeros, continuity)
        ours = {"two-sided": found.p, "greater": found.p_greater, "less": found.p_less}[side]
        assert ours == pytest.approx(scipy.pvalue, rel=1e-9)


class TestSignTest:
    @given(tied)
    def test_agrees_with_the_binomial_test(self, whole):
        above, below = sum(k > 0 for k in whole), sum(k < 0 for k in whole)
        found = sign_test(*of(whole))
        if above + below:
            for side, ours in (("greater", found.p_greater), ("less", found.p_less)):
                scipy = stats.binomtest(above, above + below, alternative=side).pvalue
                assert ours == pytest.approx(scipy, rel=1e-12)
        assert found.p == min(1.0, 2 * min(found.p_greater, found.p_less))


@pytest.mark.parametrize("test", TESTS)
class TestEveryTest:
    def test_equal_scores_give_one(self, test):
        found = test([0.8, 0.7, 0.6], [0.8, 0.7, 0.6])
        assert ps(found) == (1.0, 1.0, 1.0)

    def test_one_pair_shows_nothing(self, test):
        assert test([0.8], [0.7]).p > 0.3

    def test_a_value_that_is_not_finite_gives_nan_with_a_reason(self, test):
        found = test([0.8, np.nan], [0.7, 0.7])
        assert np.isnan(ps(found)).all()
        assert "1 of 2" in found.reason

    def test_no_pairs_give_nan_with_a_reason(self, test):
        found = test([], [])
        assert np.isnan(ps(found)).all()
        assert found.reason == "no pairs"

    @settings(max_examples=30)
    @given(whole=tied)
    def test_swapping_the_methods_swaps_the_sides(self, test, whole):
        a, b = of(whole)
        found, mirrored = test(a, b), test(b, a)
        assert mirrored.p == pytest.approx(found.p, abs=1e-12)
        assert mirrored.p_greater == pytest.approx(found.p_less, abs=1e-12)

    @settings(max_examples=30)
    @given(whole=tied, random=st.randoms(use_true_random=False))
    def test_the_order_of_seeds_does_not_matter(self, test, whole, random):
        shuffled = random.sample(whole, len(whole))
        assert ps(test(*of(shuffled))) == pytest.approx(ps(test(*of(whole))), abs=1e-12)


@pytest.mark.parametrize("test", [sign_flip, wilcoxon_signed_rank])
@pytest.mark.parametrize("n", [1, 3, 5, 10])
def test_the_smallest_p_is_two_over_two_to_the_n(test, n):
    assert test(np.arange(1.0, n + 1), np.zeros(n)).p == min(1.0, 2.0 ** (1 - n))
