"""A correlation tested by exchanging whole units: what was measured on one, with another's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import factorial, sqrt

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_ENUMERATED = 5040
"""7!: assignments of up to so many units are all tried."""


@dataclass(frozen=True)
class Exchange:
    """A permutation test.

    Attributes:
        r: The correlation as observed.
        p: Two-sided, P(|r| at least as large) over the assignments.
        smallest_p: What p could be at best with so many units.
        standard_error: Monte Carlo standard error of p; 0 where all assignments were tried.
        n_assignments: How many were tried.
    """

    r: float
    p: float
    smallest_p: float
    standard_error: float
    n_assignments: int


def exchange(products: FloatArray, scale: float, n_permutations: int, seed: int) -> Exchange:
    """Return the correlation Σᵢ pᵢᵢ / scale and its p over assignments π, Σᵢ pᵢπ(ᵢ) / scale.

    Args:
        products: (units, units); entry (i, j) is the inner product of x of unit i with y of
            unit j.
        scale: √(Σx² · Σy²), which no assignment changes; not 0.
        n_permutations: Drawn where there are more than `MAX_ENUMERATED` assignments.
        seed: Of those.
    """
    units = len(products)
    observed = float(np.trace(products)) / scale
    every = factorial(units) <= MAX_ENUMERATED
    if every:
        orders = np.array(list(permutations(range(units))))
    else:
        generator = np.random.default_rng(seed)
        orders = generator.permuted(np.tile(np.arange(units), (n_permutations, 1)), axis=1)
    found = np.abs(products[np.arange(units), orders].sum(axis=1)) / scale
    extreme = int(np.count_nonzero(found >= abs(observed) - 1e-12))
    if every:
        return Exchange(observed, extreme / len(orders), 1 / len(orders), 0.0, len(orders))
    p = (extreme + 1) / (len(orders) + 1)
    error = sqrt(p * (1 - p) / len(orders))
    return Exchange(observed, p, 1 / (len(orders) + 1), error, len(orders))
