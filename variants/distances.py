"""Distances between two sets of scores on the line, one function each.

A score is one number a sample, so every distance here is between two empirical
distributions in one dimension, with equal weights within a set. Each takes x of shape (n,) and
y of shape (m,), n, m ≥ 1, and returns a scalar. Where a solver is asked for,
`geomloss-fp32` works in float32 as both public codes do, `geomloss-fp64` in float64, and
`exact` is a closed form in float64. The kernel distances are geomloss's own; Sinkhorn's is that
of `variants.sinkhorn`, to the last bit the same on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from geomloss import SamplesLoss
from torch import Tensor

from variants.sinkhorn import Annealing, sinkhorn_divergences


def sinkhorn(
    x: Tensor,
    y: Tensor,
    *,
    blur: float,
    scaling: float,
    solver: str,
    diameter: float | None = None,
    debiased: bool = True,
) -> Tensor:
    """Return the debiased Sinkhorn divergence with cost ½·(x − y)², ε = blur².

    At the blurs of both public codes the value in float32 is right but its gradient is mostly
    rounding error. geomloss stops when its annealing ends, converged or not: between sets that
    overlap the value is some percent low at a scaling of 0.95, about 10% at 0.5. `exact` is the
    limit blur → 0, scaling → 1, see `wasserstein`.

    Args:
        x: (n,) scores, with or without gradient.
        y: (m,) scores.
        blur: geomloss's blur, in units of the scores.
        scaling: Ratio of successive scales of geomloss's ε-annealing, in (0, 1).
        solver: `geomloss-fp32`, `geomloss-fp64` or `exact`.
        diameter: Where the annealing starts, in units of the scores; None is the range of
            both sets. One that is too small leaves the iterations far from converged.
        debiased: Without it, the entropic cost W_ε, which is not 0 between equal sets.

    Returns:
        A scalar in squared units of the scores.

    Source: Feydy et al., AISTATS 2019, eq. (3); geomloss `SamplesLoss("sinkhorn", p=2)`.
    """
    (distance,) = sinkhorn_to_each(
        x, [y], blur=blur, scaling=scaling, solver=solver, diameter=diameter, debiased=debiased
    )
    return distance


def sinkhorn_to_each(
    x: Tensor,
    groups: Sequence[Tensor],
    *,
    blur: float,
    scaling: float,
    solver: str,
    diameter: float | None = None,
    debiased: bool = True,
) -> Sequence[Tensor]:
    """Return `sinkhorn(x, y, …)` of every group y, all in one solve."""
    if solver == "exact":
        return [wasserstein(x, y) for y in groups]
    annealing = Annealing(blur, scaling, diameter)
    dtype = _precision(solver)
    return sinkhorn_divergences(x, groups, annealing, debiased=debiased, dtype=dtype).unbind()


def wasserstein(x: Tensor, y: Tensor) -> Tensor:
    """Return ½·W₂² exactly, by sorting.

    On the line the optimal plan for a convex cost is monotone: it joins equal quantiles. The
    two quantile functions are step functions with jumps at i/n and j/m, so

        ½·W₂² = ½ ∫₀¹ (F⁻¹(q) − G⁻¹(q))² dq = ½ Σ_k Δ_k · (x₍i(k)₎ − y₍j(k)₎)²

    over the at most n + m − 1 pieces between consecutive jumps, Δ_k their lengths. The jumps
    are kept as integers in units of 1/(n·m), so no piece is lost or doubled to rounding. The
    plan does not depend on the values within an ordering, so autograd through the gathered
    values is the exact derivative wherever no two scores are equal.

    Args:
        x: (n,) scores, n ≥ 1.
        y: (m,) scores, m ≥ 1.

    Returns:
        A float64 scalar, in squared units of the scores.
    """
    mass, of_x, of_y = _monotone_plan(len(x), len(y), x.device)
    xs, ys = torch.sort(x.double()).values[of_x], torch.sort(y.double()).values[of_y]
    return 0.5 * (mass * (xs - ys) ** 2).sum()


@lru_cache(maxsize=64)  # finding it makes the processor wait for the device
def _monotone_plan(n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pieces' lengths, and which order statistics of n and of m they join."""
    with torch.inference_mode(False):  # what is kept must do for a backward pass, too
        rows = torch.arange(1, n + 1, device=device) * m
        columns = torch.arange(1, m + 1, device=device) * n
        ends = torch.unique(torch.cat([rows, columns]))
        mass = torch.diff(ends, prepend=ends.new_zeros(1)).double() / (n * m)
        return mass, torch.searchsorted(rows, ends), torch.searchsorted(columns, ends)


def energy(x: Tensor, y: Tensor, *, solver: str) -> Tensor:
    """Return E|X − Y| − ½·E|X − X′| − ½·E|Y − Y′|, in units of the scores.

    Half of Székely's energy distance; the MMD of the kernel −|x − y|.

    Source: Székely & Rizzo, Journal of Statistical Planning and Inference 143(8), 2013.
    """
    if solver == "exact":
        return -_maximum_mean_discrepancy(x, y, lambda gap: gap)
    return _geomloss("energy", x, y, solver)


def gaussian(x: Tensor, y: Tensor, *, bandwidth: float | str, solver: str) -> Tensor:
    """Return ½·MMD² of the kernel exp(−(x − y)² / 2σ²), without unit, in [0, 1).

    Args:
        x: (n,) scores.
        y: (m,) scores.
        bandwidth: σ in units of the scores, or `median`, see `median_distance`.
        solver: `geomloss-fp32`, `geomloss-fp64` or `exact`. geomloss expands the square: in
            float32 scores of 100 are compared with an error of up to 0.6%.

    Source: Gretton et al., JMLR 13, 2012, biased estimate; geomloss `SamplesLoss("gaussian")`.
    """
    sigma = median_distance(x, y) if bandwidth == "median" else float(bandwidth)
    if solver == "exact":
        return _maximum_mean_discrepancy(x, y, lambda gap: torch.exp(-0.5 * (gap / sigma) ** 2))
    return _geomloss("gaussian", x, y, solver, blur=sigma)


def laplacian(x: Tensor, y: Tensor, *, bandwidth: float | str, solver: str) -> Tensor:
    """Return ½·MMD² of the kernel exp(−|x − y| / σ), without unit, in [0, 1).

    Arguments and source as for `gaussian`; in float32 geomloss errs by up to 1.3%.
    """
    sigma = median_distance(x, y) if bandwidth == "median" else float(bandwidth)
    if solver == "exact":
        return _maximum_mean_discrepancy(x, y, lambda gap: torch.exp(-gap / sigma))
    return _geomloss("laplacian", x, y, solver, blur=sigma)


def mean_gap(x: Tensor, y: Tensor) -> Tensor:
    """Return ½·(mean of x − mean of y)², in squared units of the scores.

    What is left of ½·W₂² if only the means differ; never more than it.
    """
    return 0.5 * (x.double().mean() - y.double().mean()) ** 2


def median_distance(x: Tensor, y: Tensor) -> float:
    """Return the median heuristic: the median distance of two different scores of both sets.

    A constant for the gradient. 1 where all scores are equal, which leaves every kernel at 1.

    Source: Garreau, Jitkrittum & Kanagawa, arXiv 1707.07269, 2017.
    """
    pooled = torch.cat([x.detach().double(), y.detach().double()])
    return float(torch.pdist(pooled[:, None]).median()) or 1.0


def _maximum_mean_discrepancy(x: Tensor, y: Tensor, kernel: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ½·mean k(x, x′) + ½·mean k(y, y′) − mean k(x, y), k a function of |x − y|."""

    def mean(a: Tensor, b: Tensor) -> Tensor:
        return kernel((a.double()[:, None] - b.double()[None, :]).abs()).mean()

    return 0.5 * mean(x, x) + 0.5 * mean(y, y) - mean(x, y)


def _geomloss(loss: str, x: Tensor, y: Tensor, solver: str, **options: float) -> Tensor:
    dtype = _precision(solver)
    samples_loss = SamplesLoss(loss, p=2, **options)
    value: Tensor = samples_loss(x.to(dtype)[:, None], y.to(dtype)[:, None])
    return value


def _precision(solver: str) -> torch.dtype:
    return torch.float64 if solver == "geomloss-fp64" else torch.float32
