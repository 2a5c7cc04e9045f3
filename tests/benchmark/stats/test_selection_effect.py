from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.stats import selection_effect
from benchmark.stats.selection_effect import best_of_k, best_on, split_half_optimism


def simulated(n=120, epochs=10, seed=0):
    """Epochs of one accuracy that differ by chance alone."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    return label, rng.normal(size=n) + label + rng.normal(size=(epochs, n))


class TestSplitHalfOptimism:
    def test_is_the_mean_of_the_splits_done_one_by_one(self):
        label, scores = simulated(41, 3)
        found = split_half_optimism(label, scores, n_splits=30, seed=7)
        strata_ = (label == 1).astype(int)
        halves = selection_effect._halves(strata_, 30, np.random.default_rng(7)).astype(bool)
        differences = []
        for half in halves.T:
            here = [roc_auc_score(label[half], row[half]) for row in scores]
            best = max(range(3), key=lambda e: (here[e], e))
            there = roc_auc_score(label[~half], scores[best][~half])
            differences.append(here[best] - there)
        assert found.optimism == pytest.approx(np.mean(differences))
        assert found.error == pytest.approx(np.std(differences, ddof=1) / np.sqrt(30))

    def test_choosing_on_the_test_set_is_optimistic_and_choosing_elsewhere_is_not(self):
        label, scores = simulated()
        leak = split_half_optimism(label, scores)
        honest = split_half_optimism(label, scores, chosen=3)
        assert leak.optimism > 10 * leak.error
        assert abs(honest.optimism) < 4 * honest.error

    def test_one_epoch_leaves_nothing_to_choose(self):
        label, scores = simulated(epochs=1)
        found = split_half_optimism(label, scores)
        assert found == split_half_optimism(label, scores, chosen=0)
        assert abs(found.optimism) < 4 * found.error

    def test_the_latest_of_tied_epochs_is_chosen(self):
        label, scores = simulated(epochs=2)
        tied = np.concatenate([scores[:1], scores[:1] * 2 + 1])
        found = split_half_optimism(label, tied, metric="positive_rate", threshold=0.5)
        expected = split_half_optimism(label, tied, metric="positive_rate", threshold=0.5, chosen=1)
        assert found == expected

    def test_other_metrics_are_followed_at_the_epoch_chosen_by_auc(self):
        label, scores = simulated()
        codes = np.arange(120) // 2 % 2
        found = split_half_optimism(
            label, scores, metric="dpd", codes=codes, groups=("a", "b"), n_splits=50
        )
        assert 0 <= found.on_chosen <= 1
        assert found.optimism == pytest.approx(found.on_chosen - found.on_other)

    def test_one_class_is_a_reason(self):
        found = split_half_optimism(np.ones(8, int), np.ones((2, 8)), n_splits=5)
        assert np.isnan(found.optimism)
        assert "5 of 5 splits left out" in found.reason

    def test_a_lone_positive_is_a_reason(self):
        found = split_half_optimism([1, 0, 0, 0, 0], np.eye(5)[:2], n_splits=20)
        assert np.isnan(found.optimism)
        assert found.splits == 0

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"n_splits": 0}, "at least one of each"),
            ({"chosen": 10}, "rows of scores are 0..9"),
            ({"metric": "f1"}, "metric 'f1'"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            split_half_optimism(*simulated(), **options)


class TestHalves:
    @given(st.lists(st.integers(0, 2), min_size=1, max_size=15))
    def test_each_stratum_is_halved_up_to_one_sample(self, codes):
        stratum = np.array(codes)
        half = selection_effect._halves(stratum, 9, np.random.default_rng(0)).astype(int)
        for s in np.unique(stratum):
            size, inside = (stratum == s).sum(), half[stratum == s].sum(axis=0)
            assert set(inside) <= {size // 2, (size + 1) // 2}


class TestBestOn:
    def test_takes_the_latest_of_exact_ties(self):
        assert best_on([0, 1, 1], [[1, 2, 3], [1, 2, 3], [3, 2, 1]]) == 1

    def test_one_class_is_refused(self):
        with pytest.raises(ValueError, match="3 of 3 positive"):
            best_on([1, 1, 1], [[1, 2, 3]])


class TestBestOfK:
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=7), st.data())
    def test_is_the_mean_over_all_subsets(self, values, data):
        k = data.draw(st.integers(1, len(values)))
        for better, choose in ((True, max), (False, min)):
            found = best_of_k(values, k, higher_is_better=better)
            brute = np.mean([choose(subset) for subset in combinations(values, k)])
            assert found.expected == pytest.approx(brute)
            assert found.gain >= -1e-12

    def test_the_best_of_all_is_the_best_and_the_best_of_one_the_mean(self):
        values = [0.1, 0.5, 0.3]
        assert best_of_k(values, 3).expected == 0.5
        assert best_of_k(values, 1).expected == pytest.approx(0.3)

    @pytest.mark.parametrize("values", [[0.1, 0.2], [], [0.1, 0.2, np.nan]])
    def test_too_few_seeds_or_a_missing_value_is_a_reason(self, values):
        found = best_of_k(values, 3)
        assert np.isnan(found.expected)
        assert f"of {len(values)} seeds" in found.reason

    def test_no_seed_is_refused(self):
        with pytest.raises(ValueError, match="k is 0"):
            best_of_k([0.1], 0)
