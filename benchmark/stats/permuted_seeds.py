"""Association over seeds, in several arms that share them.

Runs of one seed see the same batches whatever their objective, so what chance does to one arm it
does to the others: they are one observation, not many. Permuting whole runs would count arms
that hardly differ as repetitions of each other. So the seed is the unit, with all its runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.stats.exchange import exchange
from benchmark.stats.same_shape import same_shape

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PermutedSeeds:
    """A pooled correlation over seeds, tested by exchanging whole seeds.

    Attributes:
        r: The correlation after the means over seeds are removed.
        p: Two-sided, P(|r| at least as large) when y of a seed is assigned to x of another.
        smallest_p: What p could be at best with so many seeds.
        standard_error: Monte Carlo standard error of p; 0 where all assignments were tried.
        n_assignments: How many were tried.
        seeds: Their number.
        reason: Why r and p are NaN; "" otherwise.
    """

    r: float
    p: float
    smallest_p: float
    standard_error: float
    n_assignments: int
    seeds: int
    reason: str = ""


def between_seeds(
    x: ArrayLike, y: ArrayLike, *, n_permutations: int = 10_000, seed: int = 0
) -> PermutedSeeds:
    """Return the correlation of two quantities over seeds, pooled over arms.

    Each arm's means over seeds are removed, so differences between arms count for nothing.

    Args:
        x: (seeds, arms), finite: one value a run.
        y: The same runs.
        n_permutations: Drawn where there are more than 5,040 assignments of seeds.
        seed: Of those.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    a, b = _checked(x, y, "seeds", "arms")
    return _permuted(a, b, n_permutations, seed)


def within_seeds(
    x: ArrayLike, y: ArrayLike, *, n_permutations: int = 10_000, seed: int = 0
) -> PermutedSeeds:
    """Return the correlation within runs over epochs, beyond the common course of an arm.

    The mean of each run and each arm's mean at every epoch are removed: what is left is how a
    run departs, epoch by epoch, from its arm's course. Serial correlation does no harm, because
    trajectories are exchanged whole; see `benchmark.stats.within_runs`.

    Args:
        x: (seeds, arms, epochs), finite.
        y: The same runs and epochs.
        n_permutations: Drawn where there are more than 5,040 assignments of seeds.
        seed: Of those.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    a, b = _checked(x, y, "seeds", "arms", "epochs")
    a, b = (v - v.mean(axis=-1, keepdims=True) for v in (a, b))
    return _permuted(a.reshape(len(a), -1), b.reshape(len(b), -1), n_permutations, seed)


def _checked(x: ArrayLike, y: ArrayLike, *axes: str) -> tuple[FloatArray, FloatArray]:
    a, b = same_shape(x, y, *axes, leave_out="seed or epoch out for all runs")
    if not a.size:
        raise ValueError(f"x and y have shape {a.shape}, which holds no value")
    return a, b


def _permuted(a: FloatArray, b: FloatArray, n_permutations: int, seed: int) -> PermutedSeeds:
    """Test (seeds, k) after removing the means over seeds."""
    seeds = len(a)
    sizes = [max(float(np.abs(v).max()), 1e-300) for v in (a, b)]
    da, db = a - a.mean(axis=0), b - b.mean(axis=0)
    sxx, syy = float((da**2).sum()), float((db**2).sum())
    if any(s <= (size * 1e-12) ** 2 * a.size for s, size in zip((sxx, syy), sizes, strict=True)):
        reason = f"the values of {seeds} seeds do not vary beyond their means"
        return PermutedSeeds(nan, nan, nan, nan, 0, seeds, reason)
    found = exchange(da @ db.T, sqrt(sxx * syy), n_permutations, seed)
    return PermutedSeeds(
        found.r, found.p, found.smallest_p, found.standard_error, found.n_assignments, seeds
    )
