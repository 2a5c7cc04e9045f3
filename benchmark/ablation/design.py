"""Designs: which cells of the 2ᵏ are needed, and how effects are made of their values.

A cell says for each of k keys whether it has the value of `from` (False) or of `to` (True).
Every effect is a contrast, a weighted sum of cell values, so that all designs go through one
computation and share runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, prod

import numpy as np

Cell = tuple[bool, ...]
"""For each key, whether it has the value of `to`."""

TOTAL = "total"
"""The term that is the difference between both ends."""

TERMS: Mapping[str, str] = {
    "alone": "the key is changed, all others stay as in 'from'",
    "last": "the key is changed, all others are as in 'to' already",
    "step": "the key is changed after those above it",
    "main": "average effect over all values of the other keys",
    "interaction": "effect of the first key with the second as in 'to', minus that with the "
    "second as in 'from', averaged over all values of the others",
    "shapley": "average effect over all orders in which the keys can be changed",
    TOTAL: "all keys are changed",
}
"""Term → what it says of its keys."""


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of cell values.

    Attributes:
        term: A key of `TERMS`.
        keys: Positions of the keys that it is about; all for the total.
        weights: Cell → weight, none of them 0.
        draws: For sampled Shapley values, (cell with the key, cell without) of each order.
    """

    term: str
    keys: tuple[int, ...]
    weights: Mapping[Cell, float]
    draws: Sequence[tuple[Cell, Cell]] = ()


@dataclass(frozen=True)
class Design:
    """The contrasts of one way to ablate.

    Attributes:
        name: A key of `DESIGNS`.
        contrasts: Its terms, the total last.
        adds_up: The term whose effects sum to the total; "" if none does.
        orders: Number of sampled orders; 0 for a design that is exact.
    """

    name: str
    contrasts: Sequence[Contrast]
    adds_up: str = ""
    orders: int = 0

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that the design needs, those nearer to `from` first."""
        return sort_cells(cell for contrast in self.contrasts for cell in contrast.weights)


def one_at_a_time(k: int) -> Design:
    """Return the effect of each of k keys alone, and as the last one."""
    none, every = ends(k)
    alone = [_step("alone", j, _flipped(none, j), none) for j in range(k)]
    last = [_step("last", j, every, _flipped(every, j)) for j in range(k)]
    return Design("one-at-a-time", [*alone, *last, _total(k)])


def ladder(k: int) -> Design:
    """Return the effect of each of k keys, changed one after the other in their order."""
    steps = [
        _step("step", j, tuple(i <= j for i in range(k)), tuple(i < j for i in range(k)))
        for j in range(k)
    ]
    return Design("ladder", [*steps, _total(k)], adds_up="step")


def factorial(k: int) -> Design:
    """Return main effects and two-way interactions over all 2ᵏ cells.

    They are the coefficients of the saturated linear model with keys coded −½ (from) and +½.
    """
    subsets = [*combinations(range(k), 1), *combinations(range(k), 2)]
    terms = [
        Contrast(
            "main" if len(subset) == 1 else "interaction",
            subset,
            {
                cell: prod(1 if cell[j] else -1 for j in subset) / 2.0 ** (k - len(subset))
                for cell in all_cells(k)
            },
        )
        for subset in subsets
    ]
    return Design("factorial", [*terms, _total(k)])


def shapley(k: int) -> Design:
    """Return the exact Shapley value of each of k keys, over all 2ᵏ cells.

    Source: Shapley, "A value for n-person games", 1953.
    """
    terms = []
    for j in range(k):
        weights = {}
        for cell in all_cells(k):
            others = sum(cell) - cell[j]
            weight = 1 / (k * comb(k - 1, others))
            weights[cell] = weight if cell[j] else -weight
        terms.append(Contrast("shapley", (j,), weights))
    return Design("shapley", [*terms, _total(k)], adds_up="shapley")


def sampled_shapley(k: int, orders: int, seed: int) -> Design:
    """Return estimates of the Shapley values of k keys from random orders.

    Each order's effects sum to the total, so the estimates do too.

    Args:
        k: Number of keys.
        orders: How many orders are drawn, at least 2 for a standard error.
        seed: Of the orders.

    Source: Castro, Gómez & Tejada, "Polynomial calculation of the Shapley value based on
        sampling", Computers & Operations Research 36(5), 2009.
    """
    if orders < 2:
        raise ValueError(f"orders is {orders}; expected at least 2, for a standard error")
    random = np.random.default_rng(seed)
    draws: list[list[tuple[Cell, Cell]]] = [[] for _ in range(k)]
    for _ in range(orders):
        cell = ends(k)[0]
        for j in random.permutation(k).tolist():
            draws[j].append((_flipped(cell, j), cell))
            cell = _flipped(cell, j)
    terms = []
    for j, pairs in enumerate(draws):
        counts: dict[Cell, int] = {}
        for after, before in pairs:  # with and without the key never meet: no count cancels
            counts[after] = counts.get(after, 0) + 1
            counts[before] = counts.get(before, 0) - 1
        weights = {cell: count / orders for cell, count in counts.items()}
        terms.append(Contrast("shapley", (j,), weights, pairs))
    return Design("shapley", [*terms, _total(k)], adds_up="shapley", orders=orders)


DESIGNS: Mapping[str, Callable[[int], Design]] = {
    "one-at-a-time": one_at_a_time,
    "ladder": ladder,
    "factorial": factorial,
    "shapley": shapley,
}
"""Name → the exact design for k keys."""


def ends(k: int) -> tuple[Cell, Cell]:
    """Return the cells `from` and `to`."""
    return (False,) * k, (True,) * k


def all_cells(k: int) -> tuple[Cell, ...]:
    """Return all 2ᵏ cells, those nearer to `from` first."""
    return sort_cells(product((False, True), repeat=k))


def sort_cells(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the cells without repetition, by the number of changed keys, then by key."""
    return tuple(sorted(set(cells), key=lambda c: (sum(c), tuple(not changed for changed in c))))


def neighbours(cells: Iterable[Cell], key: int) -> list[tuple[Cell, Cell]]:
    """Return the pairs of given cells that differ in one key alone: without it, with it."""
    known = set(cells)
    return [
        (cell, _flipped(cell, key))
        for cell in sort_cells(known)
        if not cell[key] and _flipped(cell, key) in known
    ]


def _flipped(cell: Cell, key: int) -> Cell:
    return tuple(not value if j == key else value for j, value in enumerate(cell))


def _step(term: str, key: int, after: Cell, before: Cell) -> Contrast:
    return Contrast(term, (key,), {after: 1.0, before: -1.0})


def _total(k: int) -> Contrast:
    none, every = ends(k)
    return Contrast(TOTAL, tuple(range(k)), {every: 1.0, none: -1.0})
