from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from variants.distances import sinkhorn, wasserstein

Scores = np.ndarray
scores = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=8).map(np.array)
pairs = st.integers(1, 8).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(-1e3, 1e3), min_size=n, max_size=n)] * 2)
)


def exact(x: Scores, y: Scores) -> float:
    return wasserstein(torch.tensor(x), torch.tensor(y)).item()


def by_assignment(x: Scores, y: Scores) -> float:
    """½·W₂² of sets of one size: the cheapest pairing, whatever it is."""
    cost = 0.5 * (np.asarray(x)[:, None] - np.asarray(y)[None, :]) ** 2
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean())


def by_copies(x: Scores, y: Scores) -> float:
    """The same of any sizes: each score is repeated until both sets have lcm(n, m) members."""
    size = math.lcm(len(x), len(y))
    return by_assignment(np.repeat(x, size // len(x)), np.repeat(y, size // len(y)))


class TestWasserstein:
    @settings(deadline=None, max_examples=60)
    @given(pairs)
    def test_is_the_cheapest_assignment_of_sets_of_one_size(
        self, sets: tuple[list[float], list[float]]
    ) -> None:
        x, y = map(np.array, sets)
        assert exact(x, y) == pytest.approx(by_assignment(x, y), rel=1e-9, abs=1e-12)

    @settings(deadline=None, max_examples=60)
    @given(scores, scores)
    def test_is_the_cheapest_assignment_of_copies_where_sizes_differ(
        self, x: Scores, y: Scores
    ) -> None:
        assert exact(x, y) == pytest.approx(by_copies(x, y), rel=1e-9, abs=1e-12)

    def test_of_two_points_is_half_their_squared_distance(self) -> None:
        assert exact(np.array([1.0]), np.array([4.0])) == 4.5

    def test_of_a_shift_is_half_its_square(self) -> None:
        x = np.random.default_rng(0).normal(size=101)
        assert exact(x, x + 3) == pytest.approx(4.5, rel=1e-12)

    @given(scores, scores)
    @settings(deadline=None, max_examples=30)
    def test_is_symmetric_and_zero_between_equals(self, x: Scores, y: Scores) -> None:
        assert exact(x, y) == pytest.approx(exact(y, x), rel=1e-12)
        assert exact(x, x) == 0

    @pytest.mark.parametrize("sizes", [(5, 5), (4, 7), (6, 9), (1, 3)])
    def test_gradient_is_that_of_finite_differences(self, sizes: tuple[int, int]) -> None:
        rng = np.random.default_rng(sum(sizes))
        x, y = rng.normal(size=sizes[0]), rng.normal(size=sizes[1])
        leaf = torch.tensor(x, requires_grad=True)
        (gradient,) = torch.autograd.grad(wasserstein(leaf, torch.tensor(y)), leaf)
        step = 1e-6
        for i, slope in enumerate(gradient.tolist()):
            up, down = x.copy(), x.copy()
            up[i] += step
            down[i] -= step
            assert slope == pytest.approx((exact(up, y) - exact(down, y)) / (2 * step), abs=1e-8)

    def test_of_large_sets_of_coprime_sizes_loses_no_mass(self) -> None:
        assert exact(np.zeros(9973), np.ones(7919)) == pytest.approx(0.5, rel=1e-12)


class TestSinkhorn:
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.normal(0.5, 1.0, 24))
    y = torch.tensor(rng.normal(0.0, 2.0, 17))

    def distance(self, solver: str, blur: float = 1e-3, scaling: float = 0.9) -> torch.Tensor:
        return sinkhorn(self.x, self.y, blur=blur, scaling=scaling, solver=solver)

    def test_in_float64_comes_close_to_the_exact_distance_as_annealing_slows(self) -> None:
        truth = by_copies(self.x.numpy(), self.y.numpy())
        errors = [
            abs(self.distance("geomloss-fp64", scaling=scaling).item() / truth - 1)
            for scaling in (0.5, 0.9, 0.99)
        ]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 2e-3

    def test_exact_is_the_exact_distance_at_any_blur(self) -> None:
        expected = by_copies(self.x.numpy(), self.y.numpy())
        for blur in (1e-4, 10.0):
            assert self.distance("exact", blur).item() == pytest.approx(expected, rel=1e-12)

    def test_at_large_blur_is_half_the_squared_distance_of_the_means(self) -> None:
        # ε → ∞ leaves the squared MMD of the energy −|x − y|²/2: only means count.
        means = (self.x.mean() - self.y.mean()).item()
        assert self.distance("geomloss-fp64", 1e4).item() == pytest.approx(means**2 / 2, rel=1e-4)

    def test_is_the_entropic_costs_less_half_of_each_set_with_itself(self) -> None:
        # Feydy et al., AISTATS 2019, eq. (3), from the entropic costs of three pairs.
        def cost(x: torch.Tensor, y: torch.Tensor, *, debiased: bool = False) -> float:
            keys = {"blur": 0.8, "scaling": 0.99, "solver": "geomloss-fp64"}
            return sinkhorn(x, y, **keys, debiased=debiased).item()  # type: ignore[arg-type]

        parts = cost(self.x, self.y) - (cost(self.x, self.x) + cost(self.y, self.y)) / 2
        assert cost(self.x, self.y, debiased=True) == pytest.approx(parts, rel=1e-3)
        assert cost(self.x, self.x, debiased=True) == pytest.approx(0, abs=1e-6)

    def test_not_debiased_is_the_entropic_cost_by_plain_sinkhorn_iterations(self) -> None:
        # min over plans of Σ π·c + ε·KL(π | a⊗b): its dual by alternating updates.
        blur = 0.8
        eps = blur**2
        cost = 0.5 * (self.x[:, None] - self.y[None, :]) ** 2
        f, g = torch.zeros(24).double(), torch.zeros(17).double()
        for _ in range(2000):
            f = -eps * (torch.logsumexp((g - cost) / eps, dim=1) - np.log(17))
            g = -eps * (torch.logsumexp((f[:, None] - cost) / eps, dim=0) - np.log(24))
        keys = {"blur": blur, "scaling": 0.99, "solver": "geomloss-fp64", "debiased": False}
        value = sinkhorn(self.x, self.y, **keys).item()  # type: ignore[arg-type]
        assert value == pytest.approx((f.mean() + g.mean()).item(), rel=1e-3)

    def test_with_a_diameter_far_too_small_stops_far_from_the_distance(self) -> None:
        keys = {"blur": 1e-3, "scaling": 0.9, "solver": "geomloss-fp64"}
        own = sinkhorn(10 * self.x, 10 * self.y, **keys)  # type: ignore[arg-type]
        reach = 10 * (torch.cat([self.x, self.y]).max() - torch.cat([self.x, self.y]).min()).item()
        same = sinkhorn(10 * self.x, 10 * self.y, **keys, diameter=reach)  # type: ignore[arg-type]
        short = sinkhorn(10 * self.x, 10 * self.y, **keys, diameter=0.2)  # type: ignore[arg-type]
        assert same.item() == pytest.approx(own.item(), rel=1e-6)
        assert short.item() != pytest.approx(own.item(), rel=0.05)

    @pytest.mark.parametrize(
        ("solver", "dtype"),
        [
            ("geomloss-fp32", torch.float32),
            ("geomloss-fp64", torch.float64),
            ("exact", torch.float64),
        ],
    )
    def test_has_the_precision_of_its_solver(self, solver: str, dtype: torch.dtype) -> None:
        assert self.distance(solver).dtype == dtype
