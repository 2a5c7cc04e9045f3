"""Which transport problems the Sinkhorn divergences of several groups are, and how they stack.

The divergence between x and a group y is made of four problems: x → y, y → x, x → x and y → y.
Problems of one shape are one stack, whatever their groups. All of it is positions, which depend
on nothing but the sizes of the sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


class Problem(NamedTuple):
    """Transport from the points of set `rows` to those of set `columns`.

    Set 0 is x and set g the g-th group. A potential of the problem lives on its rows; the one
    on its columns belongs to its `partner`.
    """

    rows: int
    columns: int
    group: int

    @property
    def partner(self) -> Problem:
        """The opposite direction; itself where rows and columns are one set."""
        return Problem(self.columns, self.rows, self.group)

    @property
    def within(self) -> Problem:
        """The problem from the rows to themselves."""
        return Problem(self.rows, self.rows, self.group)


@dataclass(frozen=True)
class Stack:
    """P problems from r points to c points each.

    Attributes:
        rows: (P, r, 1), positions among all points.
        columns: (P, 1, c), the same.
        own: Where the potentials of the rows lie among all potentials.
        partner: (P, 1, c), where those of the columns do.
        group: (P,), from 0.
        sign: (P, 1, 1), 1 between x and a group and −1 within a set.
    """

    rows: Tensor
    columns: Tensor
    own: slice
    partner: Tensor
    group: Tensor
    sign: Tensor


@dataclass(frozen=True)
class Layout:
    """The problems of a divergence for each group.

    A divergence has two sides, x and the group; sides stand in the order of the groups.

    Attributes:
        lengths: Of all sets, as they are or padded.
        weights: (Σ lengths,), of all points: 1/n in a set of n, and 0 where it is padded.
        stacks: The problems by shape.
        groups: (potentials,), the group of each potential, from 0.
        sides: Points of each side.
        points: (Σ sides,), positions of the sides' points among all points.
        between: (Σ sides,), positions of their potentials of x → y and y → x.
        within: The same of x → x and y → y; None where the divergence is not debiased.
    """

    lengths: tuple[int, ...]
    weights: Tensor
    stacks: tuple[Stack, ...]
    groups: Tensor
    sides: tuple[int, ...]
    points: Tensor
    between: Tensor
    within: Tensor | None


@lru_cache(maxsize=64)
def layout(
    sizes: tuple[int, ...],
    padded: bool,
    debiased: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> Layout:
    """Return the problems between the first set and each of the others.

    Args:
        sizes: Of the sets, x first.
        padded: Whether all sets become as long as the longest, so that there is one stack.
        debiased: Whether there are problems within a set.
        dtype: Of the weights.
        device: Of all tensors.
    """
    lengths = (max(sizes),) * len(sizes) if padded else sizes
    sides = [s for g in range(1, len(sizes)) for s in (Problem(0, g, g), Problem(g, 0, g))]
    problems = sides + [side.within for side in sides if debiased]

    def shape(problem: Problem) -> tuple[int, int]:
        return lengths[problem.rows], lengths[problem.columns]

    problems.sort(key=shape)
    points = _consecutive(lengths)
    at = dict(zip(problems, _consecutive(shape(p)[0] for p in problems), strict=True))

    def tensor(parts: Iterable[NDArray[np.int64]]) -> Tensor:
        return torch.from_numpy(np.concatenate([*parts])).to(device)

    def stack(of: list[Problem]) -> Stack:
        r, c = shape(of[0])
        sign = [-1.0 if p.rows == p.columns else 1.0 for p in of]
        return Stack(
            rows=tensor(points[p.rows] for p in of).view(-1, r, 1),
            columns=tensor(points[p.columns] for p in of).view(-1, 1, c),
            own=slice(int(at[of[0]][0]), int(at[of[-1]][-1]) + 1),
            partner=tensor(at[p.partner] for p in of).view(-1, 1, c),
            group=torch.tensor([p.group - 1 for p in of], device=device),
            sign=torch.tensor(sign, dtype=dtype, device=device)[:, None, None],
        )

    uniform = [torch.ones(n, dtype=dtype) / n for n in sizes]
    weights = [functional.pad(w, (0, n - len(w))) for w, n in zip(uniform, lengths, strict=True)]
    return Layout(
        lengths=lengths,
        weights=torch.cat(weights).to(device),
        stacks=tuple(stack([*run]) for _, run in groupby(problems, key=shape)),
        groups=tensor(np.full_like(at[p], p.group - 1) for p in problems),
        sides=tuple(lengths[side.rows] for side in sides),
        points=tensor(points[side.rows] for side in sides),
        between=tensor(at[side] for side in sides),
        within=tensor(at[side.within] for side in sides) if debiased else None,
    )


def _consecutive(lengths: Iterable[int]) -> list[NDArray[np.int64]]:
    """Return 0, 1, 2, … cut into parts of these lengths."""
    counts = [*lengths]
    return [np.arange(end - n, end) for n, end in zip(counts, accumulate(counts), strict=True)]
