from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.ablation.design import (
    DESIGNS,
    Contrast,
    Design,
    all_cells,
    factorial,
    ladder,
    one_at_a_time,
    sampled_shapley,
    shapley,
)
from benchmark.ablation.effects import effects
from benchmark.errors import FairbenchError

K, SEEDS = 3, 5


@pytest.fixture
def values():
    random = np.random.default_rng(3)
    shared = random.normal(0, 0.02, SEEDS)  # what the cells of one seed have in common
    return {
        cell: 0.7 + shared + 0.01 * sum(cell) + random.normal(0, 0.003, SEEDS)
        for cell in all_cells(K)
    }


def named(found, term):
    return {e.contrast.keys: e for e in found if e.contrast.term == term}


class TestTests:
    @pytest.mark.parametrize("alpha", [0.05, 0.1])
    def test_are_students_over_seeds(self, values, alpha):
        found = named(effects(ladder(K), values, {}, alpha), "step")
        for j in range(K):
            after = values[tuple(i <= j for i in range(K))]
            before = values[tuple(i < j for i in range(K))]
            expected = stats.ttest_rel(after, before)
            interval = expected.confidence_interval(1 - alpha)
            result = found[(j,)].result
            assert result.p == pytest.approx(expected.pvalue, rel=1e-9)
            assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
            assert result.n == SEEDS

    @pytest.mark.parametrize("design", ["ladder", "shapley"])
    def test_are_corrected_over_the_keys_by_holm(self, values, design):
        found = effects(DESIGNS[design](K), values, {})
        *keys, total = found
        expected = multipletests([e.result.p for e in keys], method="holm")[1]
        assert [e.p_adjusted for e in keys] == pytest.approx(expected, rel=1e-12)
        assert {e.family for e in keys} == {K}
        assert total.family == 0
        assert np.isnan(total.p_adjusted)

    def test_of_one_at_a_time_are_one_family(self, values):
        found = effects(one_at_a_time(K), values, {})[:-1]
        expected = multipletests([e.result.p for e in found], method="holm")[1]
        assert [e.p_adjusted for e in found] == pytest.approx(expected, rel=1e-12)
        assert {e.family for e in found} == {2 * K}

    def test_of_main_effects_and_interactions_are_two_families(self, values):
        found = effects(factorial(K), values, {})
        for term in ("main", "interaction"):
            part = [*named(found, term).values()]
            expected = multipletests([e.result.p for e in part], method="holm")[1]
            assert [e.p_adjusted for e in part] == pytest.approx(expected, rel=1e-12)

    def test_leave_out_what_could_not_be_tested(self, values):
        values = {cell: values[(False, *cell[1:])] for cell in values}  # key 0 changes nothing
        idle, *others = [*named(effects(shapley(K), values, {}), "shapley").values()]
        assert idle.result.estimate == 0
        assert np.isnan(idle.p_adjusted)
        assert "standard deviation is 0" in idle.result.reason
        assert {e.family for e in others} == {K - 1}


class TestSum:
    @pytest.mark.parametrize(
        "design", [ladder(K), shapley(K), sampled_shapley(K, 4, 0)], ids=lambda d: d.name
    )
    def test_is_the_total_with_every_seed(self, values, design):
        *parts, total = effects(design, values, {})
        for seed in range(SEEDS):
            summed = sum(e.by_seed[seed] for e in parts)
            assert summed == pytest.approx(total.by_seed[seed], abs=1e-12)

    def test_that_misses_the_total_is_an_error_that_names_both(self, values):
        right = shapley(K)
        first, *rest = right.contrasts
        wrong = {cell: weight * (1 + 1e-6) for cell, weight in first.weights.items()}
        design = Design("shapley", [Contrast("shapley", (0,), wrong), *rest], adds_up="shapley")
        with pytest.raises(FairbenchError, match=r"3 keys sum to [\d.]+ and .* difference is"):
            effects(design, values, {})


class TestMissingValues:
    def test_drop_a_seed_from_the_contrasts_that_need_it(self, values):
        values[(True, False, False)][1] = np.nan
        found = effects(one_at_a_time(K), values, {})
        alone, last = named(found, "alone"), named(found, "last")
        assert (alone[(0,)].result.n, alone[(0,)].left_out) == (SEEDS - 1, 1)
        assert sorted(alone[(0,)].by_seed) == [0, 2, 3, 4]
        assert {e.result.n for e in (alone[(1,)], *last.values(), found[-1])} == {SEEDS}

    def test_drop_a_seed_from_all_of_a_design_that_adds_up(self, values):
        values[(True, False, False)][1] = np.nan
        for name in ("ladder", "shapley"):
            found = effects(DESIGNS[name](K), values, {})
            assert {(e.result.n, e.left_out) for e in found} == {(SEEDS - 1, 1)}

    def test_of_a_whole_cell_make_its_effects_not_estimable_for_a_reason(self, values):
        lacking = {(True, False, False): "'a', impossible: a and b exclude each other"}
        del values[(True, False, False)]
        found = effects(ladder(K), values, lacking)
        steps = named(found, "step")
        for j in (0, 1):
            assert np.isnan(steps[(j,)].result.estimate)
            assert "exclude each other" in steps[(j,)].result.reason
        assert steps[(2,)].result.n == found[-1].result.n == SEEDS

    def test_of_every_seed_leave_nothing_to_estimate(self, values):
        for seed, cell in enumerate([*values][:SEEDS]):
            values[cell][seed] = np.nan
        for effect in effects(shapley(K), values, {}):
            assert np.isnan(effect.result.estimate)
            assert "no seed has a value" in effect.result.reason

    def test_with_one_seed_left_give_an_effect_without_interval(self, values):
        one = {cell: row[:1] for cell, row in values.items()}
        for effect in effects(shapley(K), one, {}):
            assert np.isfinite(effect.result.estimate)
            assert np.isnan(effect.result.low)
            assert np.isnan(effect.p_adjusted)


class TestSampling:
    def test_has_the_standard_error_of_its_orders(self, values):
        design = sampled_shapley(K, 6, 2)
        for effect in effects(design, values, {})[:-1]:
            gains = [(values[a] - values[b]).mean() for a, b in effect.contrast.draws]
            assert effect.se_orders == pytest.approx(stats.sem(gains), rel=1e-12)

    def test_is_none_for_exact_values(self, values):
        assert all(np.isnan(e.se_orders) for e in effects(shapley(K), values, {}))
