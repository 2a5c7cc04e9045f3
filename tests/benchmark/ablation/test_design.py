from __future__ import annotations

from itertools import combinations, permutations, product
from math import fsum

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from benchmark.ablation.design import (
    DESIGNS,
    all_cells,
    factorial,
    ladder,
    neighbours,
    one_at_a_time,
    sampled_shapley,
    shapley,
)


@st.composite
def games(draw, largest=4):
    """A number of keys, and a value for each of their 2ᵏ cells."""
    k = draw(st.integers(1, largest))
    value = st.floats(-1, 1, allow_subnormal=False)
    return k, {cell: draw(value) for cell in product((False, True), repeat=k)}


def of(design, values, term):
    """Return keys → effect of one term of a design."""
    return {
        contrast.keys: fsum(w * values[cell] for cell, w in contrast.weights.items())
        for contrast in design.contrasts
        if contrast.term == term
    }


def cell(k, *changed):
    return tuple(j in changed for j in range(k))


def marginal(values, k, order, key):
    """Return what changing the key does at its place in an order."""
    before = set(order[: order.index(key)])
    return values[cell(k, *before, key)] - values[cell(k, *before)]


class TestShapley:
    @given(games())
    def test_is_the_average_over_all_orders(self, game):
        k, values = game
        orders = [*permutations(range(k))]
        found = of(shapley(k), values, "shapley")
        for j in range(k):
            expected = np.mean([marginal(values, k, order, j) for order in orders])
            assert found[(j,)] == pytest.approx(expected, abs=1e-12)

    @given(games())
    def test_adds_up_to_the_total(self, game):
        k, values = game
        total = values[cell(k, *range(k))] - values[cell(k)]
        assert sum(of(shapley(k), values, "shapley").values()) == pytest.approx(total, abs=1e-12)

    @given(games())
    def test_of_a_key_that_changes_nothing_is_exactly_zero(self, game):
        k, values = game
        values = {c: values[(False, *c[1:])] for c in values}
        assert of(shapley(k), values, "shapley")[(0,)] == 0

    @given(games())
    def test_of_keys_that_can_be_exchanged_is_equal(self, game):
        k, values = game
        by_count = {c: values[cell(k, *range(sum(c)))] for c in values}
        found = [*of(shapley(k), by_count, "shapley").values()]
        assert found == pytest.approx([found[0]] * k, abs=1e-12)

    def test_of_the_glove_game_is_the_textbook_value(self):
        # Two left gloves and one right: a pair is worth 1. Values 1/6, 1/6, 2/3.
        values = {c: float(c[2] and (c[0] or c[1])) for c in all_cells(3)}
        found = of(shapley(3), values, "shapley")
        assert [*found.values()] == pytest.approx([1 / 6, 1 / 6, 2 / 3])


class TestSampledShapley:
    @given(games(), st.integers(0, 50))
    def test_adds_up_to_the_total_whatever_is_drawn(self, game, seed):
        k, values = game
        total = values[cell(k, *range(k))] - values[cell(k)]
        found = of(sampled_shapley(k, 3, seed), values, "shapley")
        assert sum(found.values()) == pytest.approx(total, abs=1e-12)

    @given(games(), st.integers(0, 50))
    def test_is_the_mean_of_its_draws(self, game, seed):
        k, values = game
        design = sampled_shapley(k, 4, seed)
        found = of(design, values, "shapley")
        for contrast in design.contrasts[:-1]:
            assert len(contrast.draws) == 4
            assert all(a[contrast.keys[0]] and not b[contrast.keys[0]] for a, b in contrast.draws)
            expected = np.mean([values[a] - values[b] for a, b in contrast.draws])
            assert found[contrast.keys] == pytest.approx(expected, abs=1e-12)

    def test_of_many_orders_agrees_with_the_exact_value(self):
        values = dict(zip(all_cells(4), np.random.default_rng(0).normal(size=16), strict=True))
        exact = of(shapley(4), values, "shapley")
        design = sampled_shapley(4, 4000, seed=1)
        for contrast in design.contrasts[:-1]:
            gains = [values[a] - values[b] for a, b in contrast.draws]
            error = np.std(gains, ddof=1) / len(gains) ** 0.5
            assert abs(np.mean(gains) - exact[contrast.keys]) < 4 * error

    def test_needs_fewer_cells_than_all(self):
        assert len(sampled_shapley(10, 5, 0).cells) <= 2 + 5 * 9

    def test_of_one_order_is_refused(self):
        with pytest.raises(ValueError, match="at least 2"):
            sampled_shapley(3, 1, 0)


class TestFactorial:
    @given(games())
    def test_is_the_linear_model_with_keys_coded_plus_and_minus_half(self, game):
        k, values = game
        cells = [*values]
        coded = np.array(cells, float) - 0.5
        subsets = [s for m in range(1, k + 1) for s in combinations(range(k), m)]
        x = np.column_stack([coded[:, list(s)].prod(axis=1) for s in subsets])
        fitted = sm.OLS([values[c] for c in cells], sm.add_constant(x)).fit().params[1:]
        expected = dict(zip(subsets, fitted, strict=True))
        found = of(factorial(k), values, "main") | of(factorial(k), values, "interaction")
        assert found == pytest.approx({s: expected[s] for s in found}, abs=1e-9)

    @given(games())
    def test_main_effects_are_averages_over_the_other_keys(self, game):
        k, values = game
        for (j,), effect in of(factorial(k), values, "main").items():
            pairs = neighbours(values, j)
            assert len(pairs) == 2 ** (k - 1)
            expected = np.mean([values[b] - values[a] for a, b in pairs])
            assert effect == pytest.approx(expected, abs=1e-12)

    def test_an_interaction_is_a_difference_of_two_effects(self):
        values = {(False, False): 1.0, (True, False): 2.0, (False, True): 4.0, (True, True): 9.0}
        assert of(factorial(2), values, "interaction") == {(0, 1): (9 - 4) - (2 - 1)}

    @pytest.mark.parametrize("k", [1, 2, 3, 5])
    def test_needs_all_cells_and_has_every_pair_once(self, k):
        design = factorial(k)
        assert set(design.cells) == set(product((False, True), repeat=k))
        assert len(design.contrasts) == k + k * (k - 1) // 2 + 1


class TestOneAtATime:
    @given(games())
    def test_is_exactly_the_difference_of_two_cells_of_the_factorial(self, game):
        k, values = game
        every, design = set(range(k)), one_at_a_time(k)
        for j in range(k):
            alone = values[cell(k, j)] - values[cell(k)]
            last = values[cell(k, *every)] - values[cell(k, *every - {j})]
            assert of(design, values, "alone")[(j,)] == alone
            assert of(design, values, "last")[(j,)] == last

    def test_needs_both_ends_and_their_neighbours(self):
        assert len(one_at_a_time(5).cells) == 2 + 2 * 5


class TestLadder:
    @given(games())
    def test_changes_one_key_after_the_other(self, game):
        k, values = game
        found = of(ladder(k), values, "step")
        order = tuple(range(k))
        assert found == {(j,): marginal(values, k, order, j) for j in order}
        assert len(ladder(k).cells) == k + 1


class TestEveryDesign:
    @pytest.mark.parametrize("name", DESIGNS)
    @pytest.mark.parametrize("k", [1, 2, 4])
    def test_has_the_total_last_and_starts_from_the_unchanged_cell(self, name, k):
        design = DESIGNS[name](k)
        assert design.contrasts[-1].weights == {cell(k, *range(k)): 1, cell(k): -1}
        assert design.cells[0] == cell(k)
        assert len({*design.cells}) == len(design.cells)

    @given(st.sampled_from(sorted(DESIGNS)), st.integers(1, 4))
    def test_finds_no_effect_in_cells_of_equal_value(self, name, k):
        values = dict.fromkeys(all_cells(k), 0.7)
        for contrast in DESIGNS[name](k).contrasts:
            assert abs(fsum(w * values[c] for c, w in contrast.weights.items())) < 1e-15
