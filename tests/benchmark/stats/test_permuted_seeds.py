from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.stats.permuted_seeds import between_seeds, within_seeds
from benchmark.stats.within_runs import permute_runs


def walks(random: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    return random.normal(size=shape).cumsum(axis=-1)


class TestBetweenSeeds:
    def test_p_is_the_share_of_all_assignments_with_as_large_a_correlation(self) -> None:
        random = np.random.default_rng(3)
        x, y = random.normal(size=(2, 5, 3))
        a, b = x - x.mean(axis=0), y - y.mean(axis=0)
        every = [abs((a * b[list(order)]).sum()) for order in permutations(range(5))]
        found = between_seeds(x, y)
        assert found.p == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-12))
        assert found.r == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
        assert found.smallest_p == 1 / 120

    def test_differences_between_arms_count_for_nothing(self) -> None:
        random = np.random.default_rng(4)
        x, y = random.normal(size=(2, 6, 2))
        moved = between_seeds(x + np.array([0, 50]), y + np.array([0, 70]))
        assert moved.r == pytest.approx(between_seeds(x, y).r)
        assert moved.p == between_seeds(x, y).p

    def test_a_copy_of_an_arm_is_no_further_evidence(self) -> None:
        random = np.random.default_rng(5)
        x, y = random.normal(size=(2, 6, 1))
        one, many = between_seeds(x, y), between_seeds(np.tile(x, 9), np.tile(y, 9))
        assert many.p == one.p
        assert many.r == pytest.approx(one.r)

    def test_unrelated_arms_that_share_seeds_are_called_at_the_stated_rate(self) -> None:
        # Nine arms that hardly differ: runs are not exchangeable, seeds are.
        random = np.random.default_rng(6)
        hits = 0
        for _ in range(400):
            x, y = random.normal(size=(2, 5, 1)) + 0.05 * random.normal(size=(2, 5, 9))
            hits += between_seeds(x, y).p <= 0.05
        assert hits / 400 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)

    def test_finds_a_planted_association(self) -> None:
        random = np.random.default_rng(7)
        x = random.normal(size=(7, 3))
        assert between_seeds(x, 2 * x + 0.2 * random.normal(size=(7, 3))).p < 0.01

    def test_a_constant_has_no_correlation_and_says_why(self) -> None:
        found = between_seeds(np.ones((4, 2)), np.random.default_rng(0).normal(size=(4, 2)))
        assert np.isnan(found.r)
        assert np.isnan(found.p)
        assert "do not vary" in found.reason

    def test_one_seed_shows_nothing(self) -> None:
        assert "1 seeds do not vary" in between_seeds([[1.0, 2.0]], [[3.0, 4.0]]).reason

    def test_refuses_other_shapes_and_what_is_not_finite(self) -> None:
        with pytest.raises(ValueError, match=r"expected the same \(seeds, arms\)$"):
            between_seeds([1.0, 2.0], [1.0, 2.0])
        with pytest.raises(ValueError, match="not finite"):
            between_seeds([[1.0], [np.nan]], [[1.0], [2.0]])


class TestWithinSeeds:
    def test_of_one_arm_is_the_permutation_of_its_runs(self) -> None:
        random = np.random.default_rng(8)
        x, y = walks(random, 5, 8), walks(random, 5, 8)
        ours, theirs = within_seeds(x[:, None], y[:, None]), permute_runs(x, y)
        assert ours.r == pytest.approx(theirs.r)
        assert ours.p == theirs.p

    def test_neither_the_course_of_an_arm_nor_the_level_of_a_run_counts(self) -> None:
        random = np.random.default_rng(9)
        x, y = walks(random, 4, 3, 6), walks(random, 4, 3, 6)
        course, level = random.normal(size=(3, 6)), random.normal(size=(4, 3, 1))
        moved = within_seeds(x + course + level, y - course + 3 * level)
        assert moved.r == pytest.approx(within_seeds(x, y).r)

    def test_random_walks_of_arms_that_share_seeds_are_called_at_the_stated_rate(self) -> None:
        random = np.random.default_rng(10)
        hits = 0
        for _ in range(400):
            x, y = walks(random, 2, 5, 1, 6) + 0.05 * random.normal(size=(2, 5, 6, 6))
            hits += within_seeds(x, y).p <= 0.05
        assert hits / 400 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)

    def test_finds_a_planted_association(self) -> None:
        random = np.random.default_rng(11)
        x = walks(random, 7, 2, 8)
        assert within_seeds(x, x + 0.3 * random.normal(size=x.shape)).p < 0.01

    def test_refuses_runs_without_epochs(self) -> None:
        with pytest.raises(ValueError, match=r"expected the same \(seeds, arms, epochs\)$"):
            within_seeds([[1.0]], [[2.0]])
