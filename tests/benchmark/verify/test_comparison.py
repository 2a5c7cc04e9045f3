"""What counts as a deviation, and what rounding excuses."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.verify.comparison import LARGEST_ROUNDING, Comparison

finite = st.floats(min_value=-1e6, max_value=1e6)


def never() -> float:
    raise AssertionError("rounding was asked for a number that does not deviate")


class TestNumber:
    @given(finite, finite.filter(lambda x: abs(x) > 1e-3))
    def test_the_deviation_is_relative_to_the_scale(self, ours: float, recorded: float) -> None:
        found = Comparison("c", inf)
        found.number("x", ours, recorded, scale=recorded)
        assert found.result().deviation == pytest.approx(
            abs(ours - recorded) / abs(recorded), rel=1e-12
        )

    @pytest.mark.parametrize("value", [nan, inf, -inf, 0.0])
    def test_nan_and_infinities_equal_themselves(self, value: float) -> None:
        found = Comparison("c", 0.0)
        found.number("x", value, value, scale=value)
        assert found.result().status == "pass"

    @pytest.mark.parametrize("pair", [(nan, 1.0), (1.0, nan), (inf, 1.0), (inf, -inf)])
    def test_against_a_number_they_miss(self, pair: tuple[float, float]) -> None:
        found = Comparison("c", 1e9)
        found.number("x", *pair, scale=pair[1], rounding=lambda: 1.0)
        assert found.result().status == "miss"
        assert found.result().deviation == inf

    def test_anything_beside_a_recorded_zero_misses(self) -> None:
        found = Comparison("c", 1e9)
        found.number("x", 1e-30, 0.0, scale=0.0, rounding=lambda: 1.0)
        assert found.result().status == "miss"

    def test_tolerance_zero_makes_the_last_bit_a_miss(self) -> None:
        found = Comparison("c", 0.0)
        found.number("x", float(np.nextafter(1.0, 2.0)), 1.0)
        assert found.result().status == "miss"

    def test_rounding_is_taken_off_and_noted(self) -> None:
        found = Comparison("c", 1e-5)
        found.number("x", 1.02, 1.0, scale=1.0, rounding=lambda: 0.03)
        assert found.result().status == "pass"
        assert "1 numbers agree to what float32 rounding" in found.result().note

    def test_rounding_excuses_no_more_than_it_is(self) -> None:
        found = Comparison("c", 1e-5)
        found.number("x", 1.02, 1.0, scale=1.0, rounding=lambda: 0.005)
        assert found.result().deviation == pytest.approx(0.015)

    def test_rounding_is_capped(self) -> None:
        found = Comparison("c", 1e-5)
        found.number("x", 2.0, 1.0, scale=1.0, rounding=lambda: 10.0)
        assert found.result().deviation == pytest.approx(1 - LARGEST_ROUNDING)

    def test_rounding_is_not_asked_within_the_tolerance(self) -> None:
        found = Comparison("c", 1e-5)
        found.number("x", 1 + 1e-6, 1.0, scale=1.0, rounding=never)
        assert found.result().deviation == pytest.approx(1e-6)

    def test_nothing_compared_is_a_miss(self) -> None:
        assert Comparison("c", 1.0).result().status == "miss"


class TestGradient:
    ours = np.array([3.0, 4.0])

    def test_a_noisy_one_is_left_out_and_counted(self) -> None:
        found = Comparison("c", 1e-5)
        found.number("x", 1.0, 1.0)
        found.gradient("g", self.ours, 3 * self.ours, lambda: 1.0, noisy=True)
        found.gradient_norm("g", 5.0, 15.0, lambda: 1.0, noisy=True)
        assert (found.result().status, found.cases, found.left_out) == ("pass", 1, 2)

    def test_one_in_float64_is_never_left_out(self) -> None:
        found = Comparison("c", 1e-5)
        found.gradient("g", self.ours, 3 * self.ours, lambda: 1.0)
        assert found.result().status == "miss"

    @pytest.mark.parametrize("factor", [1e-6, 0.5, 1.01, 1e6])
    def test_a_damaged_recording_does_not_excuse_itself(self, factor: float) -> None:
        found = Comparison("c", 1e-5)
        found.gradient_norm("g", 5.0, 5.0 * factor, lambda: 1e-3, noisy=True)
        assert found.result().status == "miss"


class TestArray:
    def test_the_largest_difference_counts_and_is_located(self) -> None:
        found = Comparison("c", 0.0)
        found.array("x", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.5], [3.0, 4.25]])
        assert found.result().deviation == 0.5
        assert "x, entry 0, 1" in found.result().note

    def test_nan_equals_nan_only(self) -> None:
        found = Comparison("c", 0.0)
        found.array("x", [nan, 1.0], [nan, 1.0])
        assert found.result().status == "pass"
        found.array("x", [nan, 1.0], [0.0, 1.0])
        assert found.result().deviation == inf

    def test_another_shape_misses(self) -> None:
        found = Comparison("c", 1e9)
        found.array("x", [1.0], [1.0, 1.0])
        assert found.result().status == "miss"


class TestSame:
    def test_the_things_are_not_printed(self) -> None:
        found = Comparison("c", 0.0)
        found.same("note 3", "words of a patient", "other words")
        assert found.result().status == "miss"
        assert "patient" not in found.result().note
