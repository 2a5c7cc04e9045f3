"""Differences between two rows of scores, free of the rounding error of their subtraction.

0.8644 − 0.8594 and 0.8540 − 0.8490 are the same decimal but not the same double, so equal
differences look unequal and tests that rank or count them go wrong; differences that are all
equal get a standard deviation of 1e-17 and a p of 1e-58. So scores are subtracted as the decimals
that they print as, and what must tie or be constant is rounded to ten decimals, which removes the
noise of computed scores and nothing that was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Differences:
    """Differences of pairs; empty if `reason` is set.

    Attributes:
        values: (n,), exact in the decimals of the scores, for means and deviations.
        units: (n,) int64, in units of 10^−decimals, for ranks and sums that must tie.
        decimals: See `decimals_kept`.
        mean: Of the values, exact before it is rounded to a double; NaN if there are none.
        n: Number of pairs, those that are not finite included.
        reason: Why there are no differences: a value is not finite, or no pairs; else empty.
    """

    values: FloatArray
    units: NDArray[np.int64]
    decimals: int
    mean: float
    n: int
    reason: str = ""

    @property
    def constant(self) -> bool:
        """Whether there are two or more, all equal to the last unit kept."""
        return self.n > 1 and self.units.size > 0 and int(np.ptp(self.units)) <= 1


def differences(a: ArrayLike, b: ArrayLike) -> Differences:
    """Return a − b.

    Args:
        a: (n,), scores of one metric.
        b: (n,), scores of the same metric paired with a, or a scalar that each is compared with.

    Raises:
        ValueError: not one-dimensional, or of unequal lengths.
    """
    first, second = row("a", a), np.asarray(b, dtype=np.float64)
    if second.ndim == 0:
        second = np.full_like(first, second)
    second = row("b", second)
    n = len(first)
    if len(second) != n:
        raise ValueError(f"a has {n} values and b has {len(second)}; paired samples have as many")
    lost = n - int((np.isfinite(first) & np.isfinite(second)).sum())
    if lost or n == 0:
        reason = f"{lost} of {n} pairs have a value that is not finite" if lost else "no pairs"
        return Differences(np.zeros(0), np.zeros(0, np.int64), 0, math.nan, n, reason)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    exact = [Decimal(repr(x)) - Decimal(repr(y)) for x, y in pairs]
    decimals = decimals_kept(first, second)
    units = np.array([round(d.scaleb(decimals)) for d in exact], np.int64)
    mean = float(sum(exact) / n)
    if np.ptp(units) <= 1:
        mean = float(Decimal(int(units[0])).scaleb(-decimals))
    return Differences(np.array([float(d) for d in exact]), units, decimals, mean, n)


def decimals_kept(*samples: FloatArray) -> int:
    """Return to how many decimals scores are rounded where they must tie.

    Ten; more for scores all below 0.1, so that ten digits remain of the largest, and fewer above
    10,000, where a double has no more than four digits below that.
    """
    largest = max(np.abs(sample).max(initial=0.0) for sample in samples)
    if largest == 0:
        return 10
    whole = math.ceil(math.log10(largest))
    return min(max(10 - whole, min(10, 14 - whole)), 300)


def row(name: str, values: ArrayLike) -> FloatArray:
    """Return values as (n,) float64.

    Raises:
        ValueError: not one-dimensional.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected (n,)")
    return array
