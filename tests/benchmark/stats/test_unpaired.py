from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats.paired import paired_t
from benchmark.stats.unpaired import mann_whitney, permutation, welch_t

tied = st.lists(st.integers(0, 6).map(lambda k: 0.7 + k / 100), min_size=1, max_size=5)
TESTS = [welch_t, permutation, mann_whitney]


def ps(found):
    return found.p, found.p_greater, found.p_less


class TestWelchT:
    @pytest.mark.parametrize(("n_a", "n_b"), [(2, 2), (3, 7), (20, 4)])
    def test_agrees_with_scipy(self, n_a, n_b):
        generator = np.random.default_rng(n_a)
        a, b = generator.normal(0.5, 2, n_a), generator.normal(0, 0.5, n_b)
        found, scipy = welch_t(a, b), stats.ttest_ind(a, b, equal_var=False)
        interval = scipy.confidence_interval()
        assert (found.statistic, found.df, found.p) == pytest.approx(
            (scipy.statistic, scipy.df, scipy.pvalue), rel=1e-9
        )
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert found.n == n_a + n_b
        assert "unpaired" in found.method

    def test_pairing_by_seed_is_sharper_where_seeds_matter(self):
        generator = np.random.default_rng(1)
        seeds = generator.normal(0.7, 0.05, 6)
        a, b = seeds + 0.01 + generator.normal(0, 0.003, 6), seeds
        assert paired_t(a, b).p < 0.05 < welch_t(a, b).p

    @pytest.mark.parametrize(
        ("a", "b", "told"),
        [
            ([0.8], [0.7, 0.6], "one run"),
            ([0.8, 0.8], [0.7, 0.7], "both standard deviations are 0"),
            ([0.1 + 0.2, 0.3], [0.7, 0.7], "both standard deviations are 0"),
        ],
    )
    def test_without_a_variance_there_is_a_difference_and_a_reason(self, a, b, told):
        found = welch_t(a, b)
        assert found.estimate == pytest.approx(np.mean(a) - np.mean(b))
        assert np.isnan([found.statistic, found.low, *ps(found)]).all()
        assert told in found.reason


class TestPermutation:
    @given(tied, tied)
    def test_agrees_with_every_division_tried(self, a, b):
        pooled = np.rint(np.array(a + b) * 100)
        size, n = len(a), len(a) + len(b)
        gaps = []
        for chosen in combinations(range(n), size):
            rest = [i for i in range(n) if i not in chosen]
            gaps.append(pooled[list(chosen)].mean() - pooled[rest].mean())
        observed = pooled[:size].mean() - pooled[size:].mean()
        expected = (
            np.mean(np.abs(gaps) >= abs(observed) - 1e-9),
            np.mean(np.array(gaps) >= observed - 1e-9),
            np.mean(np.array(gaps) <= observed + 1e-9),
        )
        assert ps(permutation(a, b)) == pytest.approx(expected, abs=1e-12)

    def test_drawn_labels_agree_with_all_labels(self, monkeypatch):
        a, b = np.random.default_rng(2).normal([[0.5], [0.0]], 1, (2, 8))
        exact = permutation(a, b)
        monkeypatch.setattr("benchmark.stats.unpaired.LARGEST_ENUMERATED", 0)
        drawn = permutation(a, b, seed=1)
        assert (exact.p_error, "draws" in drawn.method) == (0, True)
        assert drawn.p == pytest.approx(exact.p, abs=5 * drawn.p_error)
        assert drawn == permutation(a, b, seed=1)

    def test_no_draws_are_an_error(self):
        with pytest.raises(ValueError, match="resamples is 0"):
            permutation([1], [0], resamples=0)


class TestMannWhitney:
    @given(tied, tied)
    def test_agrees_with_every_division_of_the_ranks_tried(self, a, b):
        ranks, size = stats.rankdata(np.rint(np.array(a + b) * 100)), len(a)
        sums = np.array([ranks[list(c)].sum() for c in combinations(range(len(ranks)), size)])
        greater, less = (
            np.mean(sums >= ranks[:size].sum() - 1e-9),
            np.mean(sums <= ranks[:size].sum() + 1e-9),
        )
        expected = min(1.0, 2 * min(greater, less)), greater, less
        assert ps(mann_whitney(a, b)) == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize(("n_a", "n_b"), [(4, 9), (25, 30)])
    def test_agrees_with_scipys_exact_test_without_ties(self, n_a, n_b):
        generator = np.random.default_rng(n_a)
        a, b = generator.normal(0.3, 1, n_a), generator.normal(0, 1, n_b)
        found, scipy = mann_whitney(a, b), stats.mannwhitneyu(a, b, method="exact")
        assert (found.statistic, found.p) == pytest.approx(
            (scipy.statistic, scipy.pvalue), rel=1e-9
        )

    def test_above_sixty_readings_the_method_says_that_it_approximates(self):
        a, b = np.random.default_rng(3).normal([[0.3], [0.0]], 1, (2, 40))
        found, scipy = mann_whitney(a, b), stats.mannwhitneyu(a, b, method="asymptotic")
        assert found.p == pytest.approx(scipy.pvalue, rel=1e-9)
        assert "normal approximation" in found.method


@pytest.mark.parametrize("test", TESTS)
class TestEveryTest:
    @settings(max_examples=30)
    @given(a=tied, b=tied)
    def test_swapping_the_samples_swaps_the_sides(self, test, a, b):
        found, mirrored = test(a, b), test(b, a)
        assert mirrored.estimate == pytest.approx(-found.estimate, abs=1e-15)
        assert (mirrored.p, mirrored.p_greater) == pytest.approx(
            (found.p, found.p_less), abs=1e-12, nan_ok=True
        )

    @pytest.mark.parametrize(("a", "b"), [([], [1.0]), ([1.0], []), ([1.0, np.nan], [1.0, 2.0])])
    def test_nothing_to_compare_gives_nan_with_a_reason(self, test, a, b):
        found = test(a, b)
        assert np.isnan([found.estimate, *ps(found)]).all()
        assert found.reason


@pytest.mark.parametrize("test", [permutation, mann_whitney])
def test_equal_readings_give_one(test):
    assert ps(test([0.8, 0.8], [0.8, 0.8, 0.8])) == (1.0, 1.0, 1.0)
