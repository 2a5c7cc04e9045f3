"""The numbers that an objective gives a recorded case, and how far rounding moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.verify.comparison import Comparison
from benchmark.verify.loss_cases import LossCase
from benchmark.verify.pack import Entry
from variants.group_distance import GroupDistance
from variants.logit_shrink import LogitShrink
from variants.objective import Features

Penalised = GroupDistance | LogitShrink
"""Objectives of a contrastive loss and a penalty on features."""

ORDERS = 4
MARGIN = 8.0
"""Another machine's rounding may lie further off than the few orders tried here."""


@dataclass(frozen=True)
class LossNumbers:
    """What an objective says of a case; gradients are with respect to the batch's images.

    Attributes:
        base: Contrastive loss.
        distance: Sum of the weighted distances, without λ.
        parts: One distance for each group.
        weighted: λ · distance, and 0 where the penalty is left out of the loss.
        total: The loss.
        gradient: Of `distance`, (N, d) float64.
        total_gradient: Of the loss.
        unit_gradient: Of base + distance.
    """

    base: float
    distance: float
    parts: tuple[float, ...]
    weighted: float
    total: float
    gradient: Tensor
    total_gradient: Tensor
    unit_gradient: Tensor


def evaluate(objective: Penalised, case: LossCase) -> LossNumbers:
    """Return the values and gradients that an objective gives a case."""
    image = case.batch.image.detach().requires_grad_()
    terms = objective.terms(replace(case.batch, image=image), case.groups)
    base, distance = terms["clip"], terms["fairness"]
    of_base, of_distance = (
        torch.autograd.grad(term.value, image, retain_graph=True)[0].double()
        for term in (base, distance)
    )
    return LossNumbers(
        base=base.value.item(),
        distance=distance.value.item(),
        parts=tuple(part.item() for part in distance.parts.values()),
        weighted=(distance.weight * distance.value).item(),
        total=(base.weight * base.value + distance.weight * distance.value).item(),
        gradient=of_distance,
        total_gradient=base.weight * of_base + distance.weight * of_distance,
        unit_gradient=of_base + of_distance,
    )


def in_other_orders(case: LossCase) -> Iterator[tuple[LossCase, Tensor]]:
    """Yield the case with its feature dimensions in other orders, and what undoes each.

    Nothing changes but the rounding of sums, so how far a number moves shows how well float32
    determines it, without a look at what was recorded.
    """
    width = case.batch.image.shape[1]
    for seed in range(ORDERS):
        order = torch.from_numpy(np.random.default_rng(seed).permutation(width))

        def turned(features: Features, order: Tensor = order) -> Features:
            return replace(features, image=features.image[:, order], text=features.text[:, order])

        groups = {name: turned(features) for name, features in case.groups.items()}
        yield replace(case, batch=turned(case.batch), groups=groups), torch.argsort(order)


@dataclass(frozen=True)
class Recomputed:
    """An objective's numbers for a case, with what float32 rounding alone does to them.

    Attributes:
        objective: What is checked.
        case: The input.
        orders_of: The objective that is tried in other orders; `objective` itself unless it
            takes too long.
        unrounded: The same numbers in float64, where `orders_of` does not show the rounding of
            the solver itself.
        noisy: Whether the solver works in float32, where a gradient can be noise.
    """

    objective: Penalised
    case: LossCase
    orders_of: Penalised
    unrounded: LossNumbers | None = None
    noisy: bool = False

    @cached_property
    def numbers(self) -> LossNumbers:
        """What is compared."""
        return evaluate(self.objective, self.case)

    def compare(
        self,
        found: Comparison,
        where: str,
        recorded: float,
        pick: Callable[[LossNumbers], float],
        scale: float | None = None,
    ) -> None:
        """Compare one number; its deviation is relative to `scale`, or to the recorded one."""
        found.number(
            where,
            pick(self.numbers),
            recorded,
            scale=recorded if scale is None else scale,
            rounding=lambda: self._rounding(lambda a, b: abs(pick(a) - pick(b))),
        )

    def compare_groups(self, found: Comparison, part: Entry, field: str, scale: float) -> None:
        """Compare each group's distance, relative to their sum: a group's own may be nothing."""
        for group, recorded in enumerate(part.numbers(field, len(self.case.groups))):
            ours = partial(_part, group)
            self.compare(found, f"{part.where}, {field} {group}", recorded, ours, scale)

    def compare_norm(
        self, found: Comparison, where: str, recorded: float, gradient: str = "gradient"
    ) -> None:
        """Compare the L2 norm of a gradient, where float32 determines it."""
        ours: Tensor = getattr(self.numbers, gradient)
        rounding = partial(self._gradient_rounding, gradient)
        found.gradient_norm(where, float(ours.norm()), recorded, rounding, self.noisy)

    def compare_gradient(
        self, found: Comparison, where: str, recorded: NDArray[Any], gradient: str = "gradient"
    ) -> None:
        """Compare a gradient, where float32 determines it."""
        ours: Tensor = getattr(self.numbers, gradient)
        rounding = partial(self._gradient_rounding, gradient)
        found.gradient(where, ours.numpy(), recorded.astype(np.float64), rounding, self.noisy)

    def _gradient_rounding(self, gradient: str) -> float:
        return self._rounding(
            lambda a, b: float((getattr(a, gradient) - getattr(b, gradient)).norm())
        )

    def _rounding(self, apart: Callable[[LossNumbers, LossNumbers], float]) -> float:
        plain, *others = self._in_other_orders
        moved = max(apart(plain, other) for other in others)
        if self.unrounded is not None:
            moved += apart(self.numbers, self.unrounded)
        return MARGIN * moved

    @cached_property
    def _in_other_orders(self) -> list[LossNumbers]:
        same = self.orders_of is self.objective
        found = [self.numbers if same else evaluate(self.orders_of, self.case)]
        for case, back in in_other_orders(self.case):
            moved = evaluate(self.orders_of, case)
            names = ("gradient", "total_gradient", "unit_gradient")
            found.append(replace(moved, **{name: getattr(moved, name)[:, back] for name in names}))
        return found


def _part(group: int, numbers: LossNumbers) -> float:
    return numbers.parts[group]
