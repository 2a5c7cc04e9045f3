import itertools

import numpy as np
import pytest

from benchmark.metrics.evaluate import evaluate
from benchmark.stats.permuted_gaps import permuted_gaps

GROUPS = ("a", "b", "c")


def simulated(n=90, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    label, codes = np.arange(n) % 2, np.arange(n) // 2 % 3
    return label, rng.normal(size=n) + label + shift * (codes == 1), codes


def by_metric(*arguments, **options):
    return {gap.metric: gap for gap in permuted_gaps(*arguments, **options)}


class TestPermutedGaps:
    def test_gaps_and_their_means_are_those_of_evaluate(self):
        label, score, codes = simulated()
        rows = {
            row.metric: row.value
            for row in evaluate(label, score, codes, GROUPS, permutations=700, seed=5)
        }
        found = by_metric(label, score, codes, GROUPS, permutations=700, seed=5)
        for metric, gap in found.items():
            assert gap.observed == pytest.approx(rows[metric])
            assert gap.expected == pytest.approx(rows[f"{metric}_permuted"])

    def test_p_of_a_tiny_dpd_is_that_of_all_permutations(self):
        score, codes = np.array([1.0, 1, 1, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 1, 1, 1])
        label = np.array([0, 1, 0, 1, 0, 1, 0])
        gaps = [
            abs(score[list(at)].mean() - np.delete(score, at).mean())
            for at in itertools.combinations(range(7), 4)
        ]
        exact = np.mean(np.array(gaps) >= 0.75 - 1e-9)
        found = by_metric(label, score, codes, ("a", "b"), permutations=4000)["dpd"]
        assert found.observed == 0.75
        assert found.p == pytest.approx(exact, abs=4 * found.p_error)

    def test_p_is_uniform_where_groups_do_not_matter_and_small_where_they_do(self):
        none = [by_metric(*simulated(seed=s), GROUPS, permutations=99)["dpd"].p for s in range(150)]
        assert 0.4 < np.mean(none) < 0.65  # ties make it a little larger than half
        assert np.mean(np.array(none) <= 0.05) < 0.1
        assert by_metric(*simulated(shift=3.0), GROUPS, permutations=999)["dpd"].p < 0.01

    def test_samples_of_unknown_group_take_no_part(self):
        label, score, codes = simulated()
        known = codes != 2
        with_unknown = permuted_gaps(label, score, np.where(known, codes, -1), GROUPS)
        assert with_unknown == permuted_gaps(label[known], score[known], codes[known], GROUPS)

    def test_a_group_of_one_class_has_no_p_but_for_dpd(self):
        label, score = np.array([0, 1, 0, 1, 1, 1]), np.arange(6.0)
        found = by_metric(label, score, [0, 0, 0, 0, 1, 1], ("a", "b"), permutations=50)
        assert np.isnan(found["auc_gap"].p)
        assert "one class" in found["auc_gap"].reason
        assert 0 < found["dpd"].p <= 1

    @pytest.mark.parametrize("codes", [[0, 0, 0], [-1, -1, -1]])
    def test_fewer_than_two_groups_have_no_gap(self, codes):
        for gap in permuted_gaps([0, 1, 1], [0.1, 0.2, 0.3], codes, GROUPS, permutations=5):
            assert np.isnan([gap.observed, gap.p]).all()
            assert "fewer than two groups" in gap.reason

    def test_all_scores_equal_are_p_one(self):
        label, _, codes = simulated()
        for gap in permuted_gaps(label, np.ones(90), codes, GROUPS, permutations=50):
            assert (gap.observed, gap.p) == (0, 1)

    def test_no_permutations_are_refused(self):
        with pytest.raises(ValueError, match="at least 1"):
            permuted_gaps(*simulated(), GROUPS, permutations=0)
