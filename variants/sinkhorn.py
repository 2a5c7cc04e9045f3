"""Sinkhorn divergences between one set of scores and several others, all in one solve.

The divergence is S_ε(x, y) = W_ε(x, y) − ½·W_ε(x, x) − ½·W_ε(y, y), W_ε the entropic cost of
transport at ½·(x − y)². With uniform weights aᵢ, bⱼ and potentials f on x, g on y,

    W_ε(x, y) = Σᵢ aᵢ fᵢ + Σⱼ bⱼ gⱼ,    fᵢ = −ε·log Σⱼ exp(log bⱼ + gⱼ/ε − ½·(xᵢ − yⱼ)²/ε),

and the same for g with x and y exchanged. Step by step both move half the way to these
right-hand sides, while ε falls from the squared diameter to blur² by a factor of scaling². One
more full step gives the value; and the gradient, with the potentials in its exponents held
constant. Feydy et al., "Interpolating between Optimal Transport and MMD using Sinkhorn
Divergences", AISTATS 2019, eq. (3) and section 3; Feydy's thesis of 2020, algorithm 3.5.

The public codes take it from geomloss (`SamplesLoss("sinkhorn", p=2)`), one group after the
other. At their blurs a float32 gradient is mostly rounding error, so how a number is rounded is
part of the method: on a CPU each one comes of the same operations in the same order as in
geomloss 0.3.1, and values and gradients are the same to the last bit. What differs is that the
problems of one shape share each operation, and that no exponential of the iterations underflows,
which is what geomloss spends most of its time on. Other devices add in an order of their own:
there sets are padded to one length, and all problems are one stack.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from variants.transport_problems import Layout, Stack, layout


@dataclass(frozen=True)
class Annealing:
    """How ε falls.

    Attributes:
        blur: Root of the last ε, in units of the scores.
        scaling: Ratio of successive roots of ε, in (0, 1).
        diameter: Root of the first ε, in units of the scores; None is the range of both sets.
    """

    blur: float
    scaling: float
    diameter: float | None = None

    def schedule(self, reach: float) -> list[float]:
        """Return ε at every step, for two sets whose scores together have a range of `reach`."""
        start = self.diameter or reach or self.blur  # nothing to anneal where all are equal
        if not math.isfinite(start):
            return [math.nan]
        between = np.arange(2 * np.log(start), 2 * np.log(self.blur), 2 * np.log(self.scaling))
        return [start**2, *np.exp(between).tolist(), self.blur**2]


def sinkhorn_divergences(
    x: Tensor,
    groups: Sequence[Tensor],
    annealing: Annealing,
    *,
    debiased: bool = True,
    dtype: torch.dtype = torch.float32,
    like_geomloss: bool | None = None,
) -> Tensor:
    """Return the divergence between x and each group.

    Args:
        x: (n,) scores, with or without gradient.
        groups: G sets of scores, (m,) each with m of its own; n, m ≥ 1.
        annealing: How ε falls; without a diameter, for each group in as many steps as it takes.
        debiased: Without it, the entropic costs W_ε(x, y), which are not 0 between equal sets.
        dtype: What is computed in.
        like_geomloss: Whether shapes and order of sums are geomloss's; None: on a CPU.

    Returns:
        (G,) of that dtype, in squared units of the scores; NaN where a score is not finite.
    """
    if not groups:
        return x.new_empty(0, dtype=dtype)
    alike = x.device.type == "cpu" if like_geomloss is None else like_geomloss
    values: Tensor = _Divergences.apply(annealing, debiased, dtype, alike, x, *groups)
    return values


@dataclass(frozen=True)
class _Costs:
    """A stack's points (P, r, 1) and (P, 1, c), ½·(x − y)² (P, r, c), and log b (P, 1, c)."""

    stack: Stack
    rows: Tensor
    columns: Tensor
    cost: Tensor
    log_weight: Tensor

    @classmethod
    def of(cls, stack: Stack, points: Tensor, weights: Tensor) -> _Costs:
        x, y = points[stack.rows], points[stack.columns]
        cost = (x * x - 2 * (x * y) + y * y) / 2
        return cls(stack, x, y, cost, weights[stack.columns].log())

    def exponents(self, potentials: Tensor, epsilon: Tensor) -> Tensor:
        """Return log b + g/ε − cost/ε, (P, r, c), from all potentials and ε (P, 1, 1) or ()."""
        dual = torch.addcdiv(self.log_weight, potentials.take(self.stack.partner), epsilon)
        return torch.addcdiv(dual, self.cost, epsilon, value=-1)


class _Divergences(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        annealing: Annealing,
        debiased: bool,
        dtype: torch.dtype,
        like_geomloss: bool,
        *scores: Tensor,
    ) -> Tensor:
        sets = [each.to(dtype) for each in scores]
        sizes = tuple(len(each) for each in sets)
        where = layout(sizes, not like_geomloss, debiased, dtype, sets[0].device)
        lengths = zip(sets, where.lengths, strict=True)
        points = torch.cat([functional.pad(each, (0, n - len(each))) for each, n in lengths])
        costs = [_Costs.of(stack, points, where.weights) for stack in where.stacks]

        schedules = [annealing.schedule(reach) for reach in _reaches(sets, annealing)]
        potentials = _annealed(where, costs, schedules)
        epsilon = points.new_tensor(annealing.blur**2)
        exponents = [each.exponents(potentials, epsilon) for each in costs]
        totals = [_log_sum_exp(each.clone()) for each in exponents]
        last = torch.cat([(total * -epsilon).flatten() for total in totals])

        ctx.solved = where, costs, exponents, totals, epsilon
        ctx.like_geomloss, ctx.given = like_geomloss, [(len(s), s.dtype) for s in scores]
        gaps = last[where.between]
        if where.within is not None:
            gaps = gaps - last[where.within]
        sides = torch.split(where.weights[where.points] * gaps, [*where.sides])
        sums = torch.stack([side.sum() for side in sides])
        return sums[0::2] + sums[1::2]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        # dW/dxᵢ = aᵢ Σⱼ πᵢⱼ (xᵢ − yⱼ), π the plan of the last step, each of its rows with sum 1.
        # Factors and summands come one by one as automatic differentiation has them.
        where, costs, exponents, totals, epsilon = ctx.solved
        pulls, pushes = [], []
        for each, exponent, total in zip(costs, exponents, totals, strict=True):
            mass = upstream[each.stack.group, None, None] * where.weights[each.stack.rows]
            plan = _exp(exponent - total)
            mass = mass * each.stack.sign * epsilon * plan / epsilon / 2
            pushes.append((mass.sum(dim=2, keepdim=True) * each.rows).flatten())
            pulls.append(_products(-2 * mass, each.columns, ctx.like_geomloss).flatten())
        push, pull = torch.cat(pushes), torch.cat(pulls)
        gradient = torch.zeros_like(push[where.between])
        for at in (where.within, where.between):
            if at is not None:
                gradient = gradient + pull[at] + push[at] + push[at]
        sides = torch.split(gradient, [*where.sides])
        (n, dtype), *given = ctx.given
        # From the last group to the first: so does autograd add the terms of a sum.
        of_x = reduce(add, [side[:n].to(dtype) for side in sides[0::2]][::-1])
        of_groups = [side[:m].to(d) for side, (m, d) in zip(sides[1::2], given, strict=True)]
        return None, None, None, None, of_x, *of_groups


def _reaches(sets: Sequence[Tensor], annealing: Annealing) -> list[float]:
    """Return the range of x and each group together."""
    if annealing.diameter is not None:
        return [annealing.diameter] * (len(sets) - 1)
    low, high = (torch.stack(ends) for ends in zip(*(s.aminmax() for s in sets), strict=True))
    reaches = torch.maximum(high[0], high[1:]) - torch.minimum(low[0], low[1:])
    return [float(reach) for reach in reaches.tolist()]


def _annealed(where: Layout, costs: Sequence[_Costs], schedules: Sequence[list[float]]) -> Tensor:
    """Return all potentials, each as it is when ε of its group has fallen to the last value."""
    steps = [len(schedule) for schedule in schedules]
    filled = [schedule + schedule[-1:] * (max(steps) - len(schedule)) for schedule in schedules]
    table = torch.tensor(filled, dtype=where.weights.dtype).T.to(where.weights.device)
    epsilon = [table[:, each.stack.group, None, None].unbind() for each in costs]
    potentials = where.weights.new_zeros(len(where.groups))
    own = [potentials[each.stack.own].view(each.rows.shape) for each in costs]

    def add_right_hand_sides(step: int) -> None:
        now = [e[step] for e in epsilon]
        # All of them are known before a potential moves.
        exponents = [each.exponents(potentials, e) for each, e in zip(costs, now, strict=True)]
        for f, exponent, e in zip(own, exponents, now, strict=True):
            f.sub_(_log_sum_exp(exponent).mul_(e))

    add_right_hand_sides(0)
    ends = torch.tensor(steps, device=where.groups.device)[where.groups]
    kept, done = potentials, 0
    for end in sorted({*steps}):
        for step in range(done, end):
            add_right_hand_sides(step)
            potentials.mul_(0.5)
        kept, done = torch.where(ends == end, potentials, kept), end
    return kept


def _log_sum_exp(exponents: Tensor) -> Tensor:
    """Return the logarithm of sums over the last dimension of exponents, which it overwrites."""
    largest = exponents.amax(dim=2, keepdim=True)
    return _exp(exponents.sub_(largest)).sum(dim=2, keepdim=True).log_().add_(largest)


def _exp(exponents: Tensor) -> Tensor:
    """Return exponentials of exponents, which it overwrites, and 0 for those that underflow.

    Beside a summand near 1 no bit of a sum is theirs, and a processor takes a hundred times as
    long for a number that underflows.
    """
    tiny = torch.finfo(exponents.dtype).tiny
    found = exponents.clamp_min_(math.log(tiny) + 2).exp_()
    kept: Tensor = functional.threshold(found, 8 * tiny, 0.0, inplace=True)
    return kept


def _products(matrices: Tensor, vectors: Tensor, like_geomloss: bool) -> Tensor:
    """Return the products of (P, r, c) matrices and (P, 1, c) vectors, (P, r) in some shape."""
    if like_geomloss:  # a product of all P at once is rounded differently
        pairs = zip(torch.split(matrices, 1), torch.split(vectors.mT, 1), strict=True)
        return torch.cat([torch.bmm(matrix, vector) for matrix, vector in pairs])
    return (matrices * vectors).sum(dim=2)  # a matrix product might be one in TF32
