from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.stats.across_arms import across_arms


class TestAcrossArms:
    def test_is_the_t_test_of_scipys_correlations(self) -> None:
        random = np.random.default_rng(0)
        x, y = random.normal(size=(2, 6, 5))
        rho = [stats.spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
        theirs, ours = stats.ttest_1samp(rho, 0), across_arms(x, y)
        assert ours.estimate == pytest.approx(np.mean(rho))
        assert ours.p == pytest.approx(theirs.pvalue)
        assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()))

    def test_arms_that_wander_together_are_called_at_the_stated_rate(self) -> None:
        # Doses without effect: each seed walks away from its first arm, x and y on their own.
        random = np.random.default_rng(1)
        hits = 0
        for _ in range(600):
            x, y = random.normal(size=(2, 5, 7)).cumsum(axis=-1)
            hits += across_arms(x, y).p <= 0.05
        assert hits / 600 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)

    def test_a_test_over_the_arms_means_would_call_many_more(self) -> None:
        random = np.random.default_rng(2)
        hits = 0
        for _ in range(300):
            x, y = random.normal(size=(2, 5, 7)).cumsum(axis=-1).mean(axis=1)
            hits += stats.spearmanr(x, y).pvalue <= 0.05
        assert hits / 300 > 0.1

    def test_finds_a_planted_order(self) -> None:
        random = np.random.default_rng(3)
        x = np.arange(6) + 0.5 * random.normal(size=(5, 6))
        assert across_arms(x, 2 * np.arange(6) + random.normal(size=(5, 6))).p < 0.01

    def test_a_seed_whose_arms_are_all_alike_is_left_out(self) -> None:
        random = np.random.default_rng(4)
        x, y = random.normal(size=(2, 4, 5))
        y[0] = 0.3
        assert across_arms(x, y).n == 3
        assert across_arms(x, y).p == across_arms(x[1:], y[1:]).p

    @pytest.mark.parametrize(("shape", "reason"), [((4, 2), "2 arms"), ((1, 5), "1 seeds")])
    def test_too_few_are_not_estimable(self, shape: tuple[int, int], reason: str) -> None:
        found = across_arms(*np.random.default_rng(5).normal(size=(2, *shape)))
        assert np.isnan(found.p)
        assert reason in found.reason

    def test_refuses_other_shapes_and_what_is_not_finite(self) -> None:
        with pytest.raises(ValueError, match=r"\(seeds, arms\)"):
            across_arms([1.0, 2.0], [1.0, 2.0])
        with pytest.raises(ValueError, match="not finite"):
            across_arms([[1.0, np.nan, 2.0]], [[1.0, 2.0, 3.0]])
