from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.stats.spread import Spread, size_slope, spread


class TestSpread:
    def test_agrees_with_a_published_interval(self) -> None:
        # Chi-square quantiles of 9 degrees of freedom as tables print them: 2.700 and 19.023.
        values = np.arange(10.0)
        found = spread(values)
        assert found.low == pytest.approx(found.sd * math.sqrt(9 / 19.023), rel=1e-4)
        assert found.high == pytest.approx(found.sd * math.sqrt(9 / 2.700), rel=1e-3)

    def test_covers_at_the_stated_rate(self) -> None:
        draws = np.random.default_rng(0).normal(scale=3, size=(2000, 5))
        hits = sum((s := spread(row)).low <= 3 <= s.high for row in draws)
        assert abs(hits / 2000 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 2000)

    @given(st.lists(st.floats(-1, 1), min_size=3, max_size=8, unique=True), st.floats(-5, 5))
    def test_a_shift_changes_nothing(self, values: list[float], shift: float) -> None:
        moved = spread(np.array(values) + shift)
        assert moved.sd == pytest.approx(np.std(values, ddof=1), abs=1e-9)

    def test_one_run_has_none(self) -> None:
        found = spread([0.5])
        assert math.isnan(found.sd)
        assert found.reason == "1 runs have no standard deviation"

    def test_equal_values_have_no_interval(self) -> None:
        found = spread([0.1, 0.1, 0.1])
        assert found.sd == 0
        assert math.isnan(found.low)
        assert "same value" in found.reason

    def test_refuses_what_is_not_finite(self) -> None:
        with pytest.raises(ValueError, match="finite"):
            spread([0.1, math.nan])


class TestSizeSlope:
    def test_means_of_n_have_slope_minus_a_half(self) -> None:
        sizes = [10.0, 20.0, 40.0, 80.0]
        exact = [Spread(5, 1 / math.sqrt(n), math.nan, math.nan) for n in sizes]
        assert size_slope(sizes, exact).slope == pytest.approx(-0.5)

    def test_covers_the_true_slope_at_the_stated_rate_with_unequal_runs(self) -> None:
        random = np.random.default_rng(1)
        sizes, runs = [10.0, 20.0, 40.0, 80.0], [4, 9, 5, 6]
        hits, slopes = 0, []
        for _ in range(1500):
            drawn = [
                spread(random.normal(scale=n**-0.5, size=k))
                for n, k in zip(sizes, runs, strict=True)
            ]
            found = size_slope(sizes, drawn)
            slopes.append(found.slope)
            hits += found.low <= -0.5 <= found.high
        assert abs(hits / 1500 - 0.95) < 0.02
        assert abs(np.mean(slopes) + 0.5) < 4 * np.std(slopes) / math.sqrt(1500)
        assert found.se == pytest.approx(np.std(slopes), rel=0.1)

    def test_two_sizes_and_a_constant_are_not_enough(self) -> None:
        some = [Spread(5, 0.1, 0, 1), Spread(5, 0.2, 0, 1), Spread(5, 0.0, 0, 1)]
        found = size_slope([1, 2, 3], some)
        assert math.isnan(found.slope)
        assert found.reason == "2 sizes with a standard deviation above 0; a slope needs 3"

    def test_refuses_a_size_of_zero(self) -> None:
        with pytest.raises(ValueError, match="above 0"):
            size_slope([0.0], [Spread(5, 0.1, 0, 1)])
