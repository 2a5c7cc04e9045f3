"""Rank correlations across runs, with exact p-values where runs are few."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial, nan, prod, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.stats.differences import decimals_kept

FloatArray = NDArray[np.float64]

EXACT_UP_TO = 10
"""Rank correlations of so many runs get their exact p, ties or not."""


@dataclass(frozen=True)
class RankCorrelation:
    """A rank correlation across n runs.

    Attributes:
        method: `Spearman rho` or `Kendall tau-b`.
        n: Runs.
        coefficient: In [−1, 1]; NaN where one side is constant.
        p: Two-sided: exact up to `EXACT_UP_TO` runs (given the ties), else asymptotic.
        p_exact: P(|statistic| at least as large) over all assignments; NaN above that size.
        p_asymptotic: Student t for Spearman; for Kendall the normal with tie correction.
        reason: Why numbers are NaN; "" otherwise.
    """

    method: str
    n: int
    coefficient: float
    p: float
    p_exact: float
    p_asymptotic: float
    reason: str = ""


def spearman(x: ArrayLike, y: ArrayLike) -> RankCorrelation:
    """Return Spearman's ρ across runs, with its exact p for few runs.

    Args:
        x: (n,), one value a run, finite.
        y: (n,), of the same runs.

    Raises:
        ValueError: lengths differ, or a value is not finite.

    Source: Spearman, American Journal of Psychology 15, 1904.
    """
    a, b = _paired(x, y)
    n = len(a)
    reason = _degenerate(a, b)
    if reason:
        return RankCorrelation("Spearman rho", n, nan, nan, nan, nan, reason)
    rank_a, rank_b = stats.rankdata(a), stats.rankdata(b)
    rho = float(np.corrcoef(rank_a, rank_b)[0, 1])
    rho = float(np.sign(rho)) if abs(rho) > 1 - 1e-12 else rho  # monotone, to the last bit
    t = rho * sqrt((n - 2) / (1 - rho * rho)) if abs(rho) < 1 else np.inf
    asymptotic = float(2 * stats.t.sf(abs(t), n - 2))
    if n <= EXACT_UP_TO:
        exact = _exact_product(_centred(rank_a), _centred(rank_b))
    elif abs(rho) == 1:  # only rearranging ties does as well; t would say 0
        exact = min(1.0, 2 * prod(map(factorial, _ties(a))) / factorial(n))
    else:
        exact = nan
    return RankCorrelation(
        "Spearman rho", n, rho, asymptotic if np.isnan(exact) else exact, exact, asymptotic
    )


def kendall(x: ArrayLike, y: ArrayLike) -> RankCorrelation:
    """Return Kendall's τ-b across runs, with its exact p for few runs.

    Args:
        x: (n,), one value a run, finite.
        y: (n,), of the same runs.

    Raises:
        ValueError: lengths differ, or a value is not finite.

    Source: Kendall, Biometrika 33, 1945 (ties).
    """
    a, b = _paired(x, y)
    n = len(a)
    reason = _degenerate(a, b)
    if reason:
        return RankCorrelation("Kendall tau-b", n, nan, nan, nan, nan, reason)
    tau, asymptotic = stats.kendalltau(a, b, method="asymptotic")
    exact = _exact_kendall(a, b) if n <= EXACT_UP_TO else nan
    p = exact if n <= EXACT_UP_TO else float(asymptotic)
    return RankCorrelation("Kendall tau-b", n, float(tau), p, exact, float(asymptotic))


def _paired(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"x has shape {a.shape}, y {b.shape}; expected one value a run in both")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a value is not finite; leave that run out of both")
    return a.round(decimals_kept(a)), b.round(decimals_kept(b))  # equal decimals tie


def _degenerate(a: FloatArray, b: FloatArray) -> str:
    if len(a) < 3:
        return f"{len(a)} runs; a rank correlation needs 3"
    for name, values in (("x", a), ("y", b)):
        if (values == values[0]).all():
            return f"{name} is the same in all {len(a)} runs"
    return ""


def _centred(ranks: FloatArray) -> list[int]:
    """Return doubled deviations of ranks from their mean, which are integers."""
    return [int(v) for v in np.rint(2 * ranks).astype(np.int64) - (len(ranks) + 1)]


def _exact_product(a: list[int], b: list[int]) -> float:
    """Return P(|Σ a_i b_π(i)| ≥ |observed|) over all n! permutations π, by subsets of b."""
    n = len(a)
    observed = abs(sum(p * q for p, q in zip(a, b, strict=True)))
    reach = sum(abs(v) for v in a) * max(abs(v) for v in b)
    counts = {0: np.zeros(2 * reach + 1, dtype=np.int64)}
    counts[0][reach] = 1
    for value in a:
        following: dict[int, NDArray[np.int64]] = {}
        for used, table in counts.items():
            for j in range(n):
                if not used >> j & 1:
                    moved = np.roll(table, value * b[j])  # never wraps: |sums| stay within reach
                    key = used | 1 << j
                    following[key] = following[key] + moved if key in following else moved
        counts = following
    return _tail_share(counts[(1 << n) - 1], reach, observed)


def _exact_kendall(x: FloatArray, y: FloatArray) -> float:
    """Return P(|S| ≥ |observed|) over all assignments of y to x, S = concordant − discordant.

    Tied x form blocks, filled in increasing order: each new y counts against those assigned to
    smaller x, so the state is the set of y used so far.
    """
    n = len(x)
    sign = np.sign(y[:, None] - y[None, :]).astype(int)
    reach = comb(n, 2)
    observed = abs(int(np.triu(np.sign(x[None, :] - x[:, None]) * sign.T, 1).sum()))
    counts = {0: np.zeros(2 * reach + 1, dtype=np.int64)}
    counts[0][reach] = 1
    for size in _ties(x):
        following: dict[int, NDArray[np.int64]] = {}
        for used, table in counts.items():
            before = [j for j in range(n) if used >> j & 1]
            gain = sign[:, before].sum(axis=1)
            free = [j for j in range(n) if not used >> j & 1]
            for chosen in combinations(free, size):
                moved = np.roll(table, int(gain[list(chosen)].sum()))
                key = used | sum(1 << j for j in chosen)
                following[key] = following[key] + moved if key in following else moved
        counts = following
    return _tail_share(counts[(1 << n) - 1], reach, observed)


def _ties(values: FloatArray) -> list[int]:
    """Return how often each distinct value occurs, in increasing order."""
    return [int(count) for count in np.unique(values, return_counts=True)[1]]


def _tail_share(table: NDArray[np.int64], centre: int, observed: int) -> float:
    values = np.abs(np.arange(len(table)) - centre)
    return int(table[values >= observed].sum()) / int(table.sum())
