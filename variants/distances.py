"""Distances between two sets of scores on the line, one function each.

A score is one number a sample, so every distance here is between two empirical
distributions in one dimension, with equal weights within a set.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor


def sinkhorn(x: Tensor, y: Tensor, *, blur: float, scaling: float, solver: str) -> Tensor:
    """Return the debiased Sinkhorn divergence with cost ½·(x − y)², ε = blur².

    Args:
        x: (n,) scores, with or without gradient.
        y: (m,) scores.
        blur: geomloss's blur, in units of the scores.
        scaling: Ratio of successive scales of geomloss's ε-annealing, in (0, 1).
        solver: `geomloss-fp32` works in float32, as both public codes do. At their blurs the
            value is right but the gradient is mostly rounding error. `geomloss-fp64` works in
            float64. `exact` is the limit blur → 0, see `wasserstein`.

    Returns:
        A scalar in squared units of the scores, in the precision of the solver.

    Source: Feydy et al., AISTATS 2019, eq. (3); geomloss `SamplesLoss("sinkhorn", p=2)`.
    """
    if solver == "exact":
        return wasserstein(x, y)
    dtype = torch.float64 if solver == "geomloss-fp64" else torch.float32
    loss = _samples_loss(blur, scaling)
    value: Tensor = loss(x.to(dtype)[:, None], y.to(dtype)[:, None])
    return value


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
    n, m = len(x), len(y)
    rows = torch.arange(1, n + 1, device=x.device) * m
    columns = torch.arange(1, m + 1, device=x.device) * n
    ends = torch.unique(torch.cat([rows, columns]))
    mass = torch.diff(ends, prepend=ends.new_zeros(1)).double() / (n * m)
    xs = torch.sort(x.double()).values[torch.searchsorted(rows, ends)]
    ys = torch.sort(y.double()).values[torch.searchsorted(columns, ends)]
    return 0.5 * (mass * (xs - ys) ** 2).sum()


@cache
def _samples_loss(blur: float, scaling: float) -> Any:
    from geomloss import SamplesLoss

    return SamplesLoss("sinkhorn", p=2, blur=blur, scaling=scaling)
