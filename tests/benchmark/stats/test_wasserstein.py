from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from benchmark.stats.wasserstein import half_w2_squared

numbers = st.lists(st.floats(-50, 50).map(lambda v: round(v, 3)), min_size=1, max_size=7)


class TestHalfW2Squared:
    @given(numbers, numbers)
    def test_agrees_with_the_best_assignment_of_repeated_values(
        self, x: list[float], y: list[float]
    ) -> None:
        # n copies of each y and m of each x are sets of one size, where a plan is a permutation.
        a, b = np.repeat(x, len(y)), np.repeat(y, len(x))
        cost = (a[:, None] - b[None, :]) ** 2 / 2
        rows, columns = optimize.linear_sum_assignment(cost)
        assert half_w2_squared(x, y) == pytest.approx(cost[rows, columns].mean(), abs=1e-9)

    def test_a_shift_moves_every_value_by_as_much(self) -> None:
        x = np.random.default_rng(0).normal(size=40)
        assert half_w2_squared(x, x + 3) == pytest.approx(4.5)

    def test_agrees_with_scipy_where_all_values_move_by_the_same_distance(self) -> None:
        # Then W₁ is that distance, and ½·W₂² half its square.
        x = np.repeat([0.0, 1.0, 5.0], 4)
        y = np.array([0.25, 1.25, 5.25])
        assert half_w2_squared(x, y) == pytest.approx(stats.wasserstein_distance(x, y) ** 2 / 2)

    @given(numbers, numbers)
    def test_is_symmetric_and_not_negative(self, x: list[float], y: list[float]) -> None:
        assert half_w2_squared(x, y) == pytest.approx(half_w2_squared(y, x), abs=1e-12)
        assert half_w2_squared(x, y) >= 0

    @given(numbers)
    def test_is_zero_between_a_set_and_its_copies(self, x: list[float]) -> None:
        assert half_w2_squared(x, x * 3) == 0

    def test_agrees_with_the_distance_that_runs_record(self) -> None:
        torch = pytest.importorskip("torch")
        from variants.distances import wasserstein

        random = np.random.default_rng(1)
        x, y = random.normal(size=61), random.normal(size=143)
        there = wasserstein(torch.from_numpy(x), torch.from_numpy(y)).item()
        assert half_w2_squared(x, y) == pytest.approx(there, rel=1e-12)

    @pytest.mark.parametrize("x", [[], [[1.0]], [np.inf]])
    def test_refuses_what_is_not_a_set_of_numbers(self, x: list[float]) -> None:
        with pytest.raises(ValueError, match=r"expected|finite"):
            half_w2_squared(x, [1.0])
