from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from geomloss import SamplesLoss
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from torch import Tensor

from variants.distances import sinkhorn, wasserstein
from variants.sinkhorn import Annealing, sinkhorn_divergences
from variants.transport_problems import layout

RELEASED = Annealing(blur=1e-4, scaling=0.5)
SIZES = [(32, 32, 32), (32, 4, 32), (8, 8), (1, 5, 1), (7,), (20, 33, 20, 5)]
"""Of the groups, beside a main batch of as many as the first."""

dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["fp32", "fp64"])

Solver = Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]]
Solved = tuple[list[Tensor], list[Tensor]]


def drawn(kind: str, sizes: Sequence[int], rng: np.random.Generator) -> list[Tensor]:
    """Scores of a main batch and its groups, of the size that a key `score` has, in float32."""
    n, *groups = sizes

    def scores(size: int) -> np.ndarray:
        if kind == "cosine":
            return rng.normal(0.3, 0.05, size)
        if kind == "logit":
            return rng.normal(25, 4, size)
        return np.abs(rng.normal(1, 0.5, size)) * 10 ** rng.uniform(2, 5)

    sets = [scores(n), *map(scores, groups)]
    if kind == "squared-logits":  # as released: groups are divided by their sum
        sets[1:] = [y / y.sum() for y in sets[1:]]
    return [torch.tensor(each, dtype=torch.float32) for each in sets]


def solved(solver: Solver, sets: Sequence[Tensor], weights: Sequence[float]) -> Solved:
    """Values, and gradients of λ Σ w·value at x and all groups, as a training takes them."""
    x, *groups = [each.clone().requires_grad_() for each in sets]
    values = solver(x, groups)
    total = x.new_zeros(())
    for value, weight in zip(values, weights, strict=True):
        total = total + weight * value
    gradients = torch.autograd.grad(1e-7 * total, [x, *groups])
    return [value.detach() for value in values], list(gradients)


def by_geomloss(annealing: Annealing, debiased: bool, dtype: torch.dtype) -> Solver:
    """One group after the other."""
    start = {} if annealing.diameter is None else {"diameter": annealing.diameter}
    loss = SamplesLoss(
        "sinkhorn",
        p=2,
        blur=annealing.blur,
        scaling=annealing.scaling,
        debias=debiased,
        **start,
    )
    return lambda x, groups: [loss(x.to(dtype)[:, None], y.to(dtype)[:, None]) for y in groups]


def ours(
    annealing: Annealing, debiased: bool, dtype: torch.dtype, like_geomloss: bool = True
) -> Solver:
    return lambda x, groups: sinkhorn_divergences(
        x, groups, annealing, debiased=debiased, dtype=dtype, like_geomloss=like_geomloss
    ).unbind()


def same_bits(a: Solved, b: Solved) -> bool:
    return all(torch.equal(p, q) for p, q in zip([*a[0], *a[1]], [*b[0], *b[1]], strict=True))


def by_hand(x: np.ndarray, y: np.ndarray, annealing: Annealing, debiased: bool = True) -> float:
    """The documented iterations for one pair of sets, in numpy."""
    reach = max(x.max(), y.max()) - min(x.min(), y.min())
    steps = np.arange(*np.log([reach**2, annealing.blur**2, annealing.scaling**2]))

    def cost(p: np.ndarray, q: np.ndarray) -> float:
        def update(of: np.ndarray, on: np.ndarray, dual: np.ndarray, eps: float) -> np.ndarray:
            exponent = (dual[None] - (of[:, None] - on[None]) ** 2 / 2) / eps
            return np.asarray(-eps * (logsumexp(exponent, axis=1) - np.log(len(on))))

        f, g = update(p, q, np.zeros(len(q)), reach**2), update(q, p, np.zeros(len(p)), reach**2)
        for eps in [reach**2, *np.exp(steps), annealing.blur**2]:
            f, g = (f + update(p, q, g, eps)) / 2, (g + update(q, p, f, eps)) / 2
        eps = annealing.blur**2
        return float(update(p, q, g, eps).mean() + update(q, p, f, eps).mean())

    return cost(x, y) - (cost(x, x) + cost(y, y)) / 2 * debiased


@dtypes
class TestAgainstGeomloss:
    @pytest.mark.parametrize("kind", ["cosine", "logit", "squared-logits"])
    @pytest.mark.parametrize("sizes", SIZES, ids=str)
    def test_values_and_gradients_are_the_same_to_the_last_bit(
        self, kind: str, sizes: tuple[int, ...], dtype: torch.dtype
    ) -> None:
        rng = np.random.default_rng(sum(sizes))
        for annealing, debiased in (
            (RELEASED, True),
            (Annealing(1e-6, 0.7), True),
            (Annealing(0.05, 0.5, diameter=2.0), True),
            (RELEASED, False),
        ):
            sets = drawn(kind, (sizes[0], *sizes), rng)
            weights = rng.choice([1.0, 0.5, 0.3], len(sizes)).tolist()
            expected = solved(by_geomloss(annealing, debiased, dtype), sets, weights)
            found = solved(ours(annealing, debiased, dtype), sets, weights)
            assert same_bits(found, expected)

    def test_they_are_on_two_threads_too(self, dtype: torch.dtype) -> None:
        # 49,152 costs: enough for torch to share them among threads; those of a group are not.
        torch.set_num_threads(2)
        sets = drawn("logit", [64] * 4, np.random.default_rng(1))
        weights = [1 / 3] * 3
        expected = solved(by_geomloss(RELEASED, True, dtype), sets, weights)
        assert same_bits(solved(ours(RELEASED, True, dtype), sets, weights), expected)

    def test_they_are_where_scores_repeat(self, dtype: torch.dtype) -> None:
        x = torch.tensor([0.25, 0.25, 0.5, 0.25])
        sets = [x, x.clone(), torch.tensor([0.5, 0.5, 0.5, 0.5])]
        expected = solved(by_geomloss(RELEASED, True, dtype), sets, [1.0, 1.0])
        assert same_bits(solved(ours(RELEASED, True, dtype), sets, [1.0, 1.0]), expected)

    @pytest.mark.parametrize("debiased", [True, False])
    @pytest.mark.parametrize("kind", ["cosine", "logit", "squared-logits"])
    def test_padded_sets_agree_but_for_rounding(
        self, kind: str, debiased: bool, dtype: torch.dtype
    ) -> None:
        sets = drawn(kind, (32, 32, 5, 40), np.random.default_rng(2))
        if dtype == torch.float64:
            sets = [each.double() for each in sets]
        # In float32, gradients at a small blur are rounding error, here as there.
        annealing = Annealing(0.02 * float(sets[0].max()), 0.7)
        expected = solved(by_geomloss(annealing, debiased, dtype), sets, [1.0] * 3)
        found = solved(ours(annealing, debiased, dtype, like_geomloss=False), sets, [1.0] * 3)
        scale = max(float(sets[0].abs().max()) ** 2, 1e-3)
        for a, b in zip(found[0], expected[0], strict=True):
            tolerance = 1e-6 if dtype == torch.float64 else 1e-6 * scale
            assert a.item() == pytest.approx(b.item(), rel=1e-6, abs=tolerance)
        if dtype == torch.float64:
            for a, b in zip(found[1], expected[1], strict=True):
                assert (a - b).norm() <= 1e-6 * b.norm()


class TestAgainstTheory:
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.normal(0.5, 1.0, 24))
    groups = tuple(map(torch.tensor, np.split(rng.normal(0.0, 2.0, 65), [24, 48])))

    def divergences(self, annealing: Annealing, like_geomloss: bool = True) -> list[float]:
        solver = ours(annealing, True, torch.float64, like_geomloss)
        return [value.item() for value in solver(self.x, self.groups)]

    @pytest.mark.parametrize("debiased", [True, False])
    def test_is_what_the_documented_iterations_give_by_hand(self, debiased: bool) -> None:
        annealing = Annealing(0.3, 0.8)
        found = ours(annealing, debiased, torch.float64)(self.x, self.groups)
        for value, y in zip(found, self.groups, strict=True):
            expected = by_hand(self.x.numpy(), y.numpy(), annealing, debiased)
            assert value.item() == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("like_geomloss", [True, False])
    def test_comes_close_to_the_exact_distances_as_annealing_slows(
        self, like_geomloss: bool
    ) -> None:
        exact = [wasserstein(self.x, y).item() for y in self.groups]
        errors = [
            np.abs(np.subtract(self.divergences(Annealing(1e-3, s), like_geomloss), exact)).max()
            for s in (0.5, 0.9, 0.99)
        ]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 2e-3 * max(exact)

    def test_of_a_shifted_set_is_half_the_squared_shift(self) -> None:
        # Feydy's thesis, section 3.2: the debiased divergence sees a translation exactly.
        (value,) = ours(Annealing(0.5, 0.99), True, torch.float64)(self.x, [self.x + 3])
        assert value.item() == pytest.approx(4.5, rel=1e-3)

    @pytest.mark.parametrize("like_geomloss", [True, False])
    def test_gradient_is_that_of_finite_differences_where_iterations_converge(
        self, like_geomloss: bool
    ) -> None:
        annealing = Annealing(3.0, 0.98, diameter=12.0)
        solver = ours(annealing, True, torch.float64, like_geomloss)
        sets = [self.x, *self.groups]
        weights = [0.2, 0.3, 0.5]
        _, gradients = solved(solver, sets, weights)
        for which, gradient in enumerate(gradients):
            for i in (0, 7, 16):
                ends = []
                for step in (1e-4, -1e-4):
                    moved = [each.clone() for each in sets]
                    moved[which][i] += step
                    values = solver(moved[0], moved[1:])
                    ends.append(sum(w * v.item() for w, v in zip(weights, values, strict=True)))
                slope = 1e-7 * (ends[0] - ends[1]) / 2e-4
                assert gradient[i].item() == pytest.approx(slope, rel=2e-3, abs=1e-11)


scores = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=6).map(torch.tensor)


class TestProperties:
    @given(scores, st.lists(scores, min_size=1, max_size=4), st.booleans())
    @settings(max_examples=25)
    def test_a_group_does_not_depend_on_the_others(
        self, x: Tensor, groups: list[Tensor], debiased: bool
    ) -> None:
        solver = ours(RELEASED, debiased, torch.float32)
        together = solver(x, groups)
        for value, y in zip(together, groups, strict=True):
            assert torch.equal(value, solver(x, [y])[0])

    @given(scores, st.permutations(range(6)), st.booleans())
    @settings(max_examples=25)
    def test_the_order_of_samples_does_not_matter(
        self, y: Tensor, order: list[int], like_geomloss: bool
    ) -> None:
        x = torch.arange(6.0, dtype=torch.float64)
        moved = torch.tensor([i for i in order if i < len(y)])
        solver = ours(Annealing(0.5, 0.6), True, torch.float64, like_geomloss)
        plain, of = solved(solver, [x, y.double()], [1.0])
        other, of_other = solved(solver, [x, y.double()[moved]], [1.0])
        torch.testing.assert_close(other, plain, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(of_other[1], of[1][moved], rtol=1e-6, atol=1e-13)

    @given(scores, st.booleans())
    @settings(max_examples=25)
    def test_is_0_between_equal_sets(self, x: Tensor, like_geomloss: bool) -> None:
        solver = ours(RELEASED, True, torch.float64, like_geomloss)
        (value,), (of_x, of_y) = solved(solver, [x, x.clone()], [1.0])
        assert value.item() == pytest.approx(0, abs=1e-9)
        assert max(of_x.abs().max(), of_y.abs().max()) < 1e-18

    def test_a_group_that_does_not_carry_gradient_changes_nothing_of_the_others(self) -> None:
        x, y, z = torch.randn(3, 6, generator=torch.Generator().manual_seed(0)).unbind()
        solver = ours(RELEASED, True, torch.float32)
        x = x.clone().requires_grad_()
        (alone,) = torch.autograd.grad(torch.stack([*solver(x, [y, z])]).sum(), x)
        y = y.clone().requires_grad_()
        of_x, of_y = torch.autograd.grad(torch.stack([*solver(x, [y, z])]).sum(), [x, y])
        assert torch.equal(of_x, alone)
        assert of_y.abs().min() > 0


class TestWithoutAnAnswer:
    x = torch.tensor([1.0, 2.0, 4.0])

    def test_a_score_that_is_not_finite_makes_its_groups_nan(self) -> None:
        for bad in (math.nan, math.inf):
            y = torch.tensor([1.0, bad])
            alone, other = sinkhorn_divergences(self.x, [y, self.x + 1], RELEASED)
            assert math.isnan(alone)
            assert torch.equal(
                other, sinkhorn(self.x, self.x + 1, blur=1e-4, scaling=0.5, solver="geomloss-fp32")
            )
            both = sinkhorn_divergences(torch.tensor([bad, 0.0]), [self.x, self.x], RELEASED)
            assert both.isnan().all()

    def test_without_groups_there_are_no_divergences(self) -> None:
        assert sinkhorn_divergences(self.x, [], RELEASED).shape == (0,)

    @pytest.mark.parametrize("like_geomloss", [True, False])
    def test_where_all_scores_are_equal_it_is_0_without_gradient(self, like_geomloss: bool) -> None:
        solver = ours(RELEASED, True, torch.float32, like_geomloss)
        values, gradients = solved(solver, [torch.full((3,), 0.3), torch.full((2,), 0.3)], [1.0])
        assert values[0].item() == 0
        assert all(not gradient.any() for gradient in gradients)


class TestLayout:
    @pytest.mark.parametrize(
        ("sizes", "padded", "debiased", "shapes"),
        [
            ((4, 4, 4), False, True, [(8, 4, 4)]),
            ((4, 4, 4), False, False, [(4, 4, 4)]),
            ((4, 2, 2), False, True, [(2, 2, 2), (2, 2, 4), (2, 4, 2), (2, 4, 4)]),
            ((4, 2, 7), True, True, [(8, 7, 7)]),
        ],
    )
    def test_problems_of_one_shape_are_one_stack(
        self,
        sizes: tuple[int, ...],
        padded: bool,
        debiased: bool,
        shapes: list[tuple[int, int, int]],
    ) -> None:
        found = layout(sizes, padded, debiased, torch.float32, torch.device("cpu"))
        stacked = [(*stack.rows.shape[:2], stack.columns.shape[2]) for stack in found.stacks]
        assert stacked == shapes
