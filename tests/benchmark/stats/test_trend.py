from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from benchmark.stats.trend import dose_trend

DOSES = np.arange(-8.0, -3)
NOISE = np.random.default_rng(0).normal(size=(6, 5))

several = arrays(
    float, st.tuples(st.integers(2, 6), st.just(5)), elements=st.integers(-50, 50).map(float)
)


def wandering(seeds: int, doses: int, rng: np.random.Generator) -> np.ndarray:
    """Values without effect of the dose, which wander with it, as runs of one seed do."""
    return rng.normal(size=(seeds, 1)) + np.cumsum(rng.normal(size=(seeds, doses)), axis=1)


class TestSlope:
    def test_of_each_seed_is_that_of_scipy_linregress(self) -> None:
        found = dose_trend(DOSES, NOISE)
        expected = [stats.linregress(DOSES, row).slope for row in NOISE]
        assert found.slopes == pytest.approx(expected)

    def test_is_tested_by_scipys_t_test_over_seeds(self) -> None:
        found = dose_trend(DOSES, NOISE).slope
        expected = stats.ttest_1samp([stats.linregress(DOSES, row).slope for row in NOISE], 0)
        interval = expected.confidence_interval(0.95)
        assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))

    def test_is_found_where_it_was_planted(self) -> None:
        found = dose_trend(DOSES, 3 + 2 * DOSES + 0.1 * NOISE)
        assert found.slope.low < 2 < found.slope.high
        assert found.slope.p < 1e-6

    @pytest.mark.parametrize(("seeds", "doses"), [(3, 5), (10, 7)])
    def test_keeps_its_level_where_values_of_a_seed_wander(self, seeds: int, doses: int) -> None:
        rng = np.random.default_rng(seeds)
        p = [dose_trend(np.arange(doses), wandering(seeds, doses, rng)).slope.p for _ in range(400)]
        rejected = int(np.count_nonzero(np.array(p) <= 0.05))
        assert stats.binomtest(rejected, len(p), 0.05).pvalue > 0.001

    def test_is_what_pages_test_does_not_keep_there(self) -> None:
        rng = np.random.default_rng(1)
        tables = [wandering(10, 7, rng) for _ in range(200)]
        p = [
            2 * min(stats.page_trend_test(v, method="asymptotic").pvalue for v in (table, -table))
            for table in tables
        ]
        assert np.mean(np.array(p) <= 0.05) > 0.15

    def test_of_one_seed_has_no_p(self) -> None:
        found = dose_trend(DOSES, NOISE[:1]).slope
        assert np.isnan(found.p)
        assert "no interval" in found.reason

    def test_of_equal_slopes_has_no_p(self) -> None:
        found = dose_trend(DOSES, np.tile(DOSES, (3, 1))).slope
        assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1))
        assert np.isnan(found.p)

    @settings(max_examples=40)
    @given(several)
    def test_turns_round_with_the_doses(self, values: np.ndarray) -> None:
        there, back = dose_trend(DOSES, values), dose_trend(-DOSES, values)
        assert back.slopes == pytest.approx(-there.slopes)
        assert back.page == pytest.approx(-there.page)


class TestPage:
    @settings(max_examples=40)
    @given(several)
    def test_is_scipys_statistic_between_its_least_and_its_largest(
        self, values: np.ndarray
    ) -> None:
        seeds, k = values.shape
        if seeds < 3:  # scipy wants three rows
            return
        statistic = stats.page_trend_test(values, method="asymptotic").statistic
        order = np.arange(1, k + 1)
        least, largest = seeds * order @ order[::-1], seeds * order @ order
        expected = 2 * (statistic - least) / (largest - least) - 1
        assert dose_trend(DOSES, values).page == pytest.approx(expected)

    def test_is_one_where_every_seed_rises(self) -> None:
        assert dose_trend(DOSES, np.exp(DOSES) * np.array([[1.0], [5.0]])).page == pytest.approx(1)

    def test_of_values_that_are_all_equal_is_zero(self) -> None:
        assert dose_trend(DOSES, np.full((3, 5), 0.3)).page == 0


class TestInput:
    @pytest.mark.parametrize("doses", [[1.0, 2.0], [1.0, 2.0, 2.0]])
    def test_needs_three_different_doses(self, doses: list[float]) -> None:
        with pytest.raises(ValueError, match="3 or more, all different"):
            dose_trend(doses, np.zeros((2, len(doses))))

    def test_needs_a_value_at_every_dose(self) -> None:
        with pytest.raises(ValueError, match="not finite"):
            dose_trend(DOSES, np.where(NOISE > 2, np.nan, NOISE * np.nan))

    def test_needs_as_many_values_as_doses(self) -> None:
        with pytest.raises(ValueError, match=r"shape \(6, 4\)"):
            dose_trend(DOSES, NOISE[:, :4])
