"""Correlation within runs, over epochs.

Epochs of one run are serially correlated, and any two quantities that both drift over training
correlate within it. So epoch means are removed, and p-values come from permuting whole runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, nan, sqrt, tanh

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.stats.exchange import exchange
from benchmark.stats.same_shape import same_shape

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class WithinRuns:
    """A repeated-measures correlation.

    Attributes:
        r: Common correlation within runs.
        slope: Common slope of y on x within runs.
        df: N − runs − 1.
        t, p: Textbook test; assumes independent epochs, which they are not: for reference only.
        low, high: Fisher interval with df + 2 as the effective number of observations.
        n, runs: Observations and runs used.
        reason: Why numbers are NaN; "" otherwise.
    """

    r: float
    slope: float
    df: int
    t: float
    p: float
    low: float
    high: float
    n: int
    runs: int
    reason: str = ""


@dataclass(frozen=True)
class PermutedRuns:
    """The within-run correlation without common trend, tested by exchanging whole runs.

    Attributes:
        r: Correlation after run means and epoch means are removed.
        p: Two-sided, P(|r| at least as large) when y's runs are assigned to x's runs at random.
        smallest_p: What p could be at best with so many runs.
        standard_error: Monte Carlo standard error of p; 0 where all assignments were tried.
        n_assignments: How many were tried.
        runs, epochs: Shape of the data.
        reason: Why r and p are NaN; "" otherwise.
    """

    r: float
    p: float
    smallest_p: float
    standard_error: float
    n_assignments: int
    runs: int
    epochs: int
    reason: str = ""


def within_runs(run: Sequence[object], x: ArrayLike, y: ArrayLike) -> WithinRuns:
    """Return the repeated-measures correlation: one slope for all runs, an intercept each.

    Rows with a NaN are left out. A run with constant x tells nothing of the slope but still
    costs its intercept.

    Args:
        run: (N,), which run a row belongs to.
        x: (N,).
        y: (N,).

    Raises:
        ValueError: lengths differ.

    Source: Bland and Altman, BMJ 310, 1995; Bakdash and Marusich, Frontiers in Psychology 8,
    2017.
    """
    names = np.unique([str(name) for name in run], return_inverse=True)[1]
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not len(names) == len(a) == len(b):
        raise ValueError(f"{len(names)} runs, {len(a)} x and {len(b)} y; expected as many of each")
    whole = np.isfinite(a) & np.isfinite(b)
    names, a, b = np.unique(names[whole], return_inverse=True)[1], a[whole], b[whole]
    n, runs = len(a), int(names.max()) + 1 if len(names) else 0
    df = n - runs - 1
    if df < 1:
        reason = f"{n} observations of {runs} runs leave {max(df, 0)} degrees of freedom"
        return WithinRuns(nan, nan, df, nan, nan, nan, nan, n, runs, reason)
    da, db = _without_means(a, names), _without_means(b, names)
    sxx, syy, sxy = float(da @ da), float(db @ db), float(da @ db)
    scale = [float(np.abs(v).max()) * 1e-12 for v in (a, b)]
    if sxx <= n * scale[0] ** 2 or syy <= n * scale[1] ** 2:
        reason = "x or y is constant within every run"
        return WithinRuns(nan, nan, df, nan, nan, nan, nan, n, runs, reason)
    r, slope = sxy / sqrt(sxx * syy), sxy / sxx
    if abs(r) > 1 - 1e-12:  # to the last bit; t would be whatever rounding leaves
        sign = float(np.sign(r))
        reason = "every run is a straight line of one slope: no test"
        return WithinRuns(sign, slope, df, sign * np.inf, nan, nan, nan, n, runs, reason)
    t = r * sqrt(df / (1 - r * r))
    p = float(2 * stats.t.sf(abs(t), df))
    low, high = _fisher(r, df)
    return WithinRuns(r, slope, df, t, p, low, high, n, runs)


def permute_runs(
    x: ArrayLike, y: ArrayLike, *, n_permutations: int = 10_000, seed: int = 0
) -> PermutedRuns:
    """Return the correlation within runs beyond the common course of training, and its p.

    Run means and epoch means are removed from both. If x and y were unrelated, y's trajectory
    of one run would fit the x of any other run as well, whatever the serial correlation: p is
    the share of such assignments with as large a correlation.

    Args:
        x: (runs, epochs), finite.
        y: The same runs and epochs.
        n_permutations: Drawn where there are more than 5,040 assignments.
        seed: Of those.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    a, b = same_shape(x, y, "runs", "epochs", leave_out="epoch out for all runs")
    runs, epochs = a.shape
    da, db = _two_way(a), _two_way(b)
    sxx, syy = float((da**2).sum()), float((db**2).sum())
    tiny = [(float(np.abs(v).max(initial=0)) * 1e-12) ** 2 * v.size for v in (a, b)]
    if runs < 2 or epochs < 2 or sxx <= tiny[0] or syy <= tiny[1]:
        reason = f"{runs} runs of {epochs} epochs do not vary beyond their means"
        return PermutedRuns(nan, nan, nan, nan, 0, runs, epochs, reason)
    # (i, j): x of run i with y of run j
    found = exchange(da @ db.T, sqrt(sxx * syy), n_permutations, seed)
    return PermutedRuns(
        found.r,
        found.p,
        found.smallest_p,
        found.standard_error,
        found.n_assignments,
        runs,
        epochs,
    )


def _without_means(values: FloatArray, group: NDArray[np.int64]) -> FloatArray:
    means = np.bincount(group, values) / np.bincount(group)
    centred: FloatArray = values - means[group]
    return centred


def _two_way(values: FloatArray) -> FloatArray:
    """Remove run means and epoch means."""
    rows, columns = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    centred: FloatArray = values - rows - columns + values.mean()
    return centred


def _fisher(r: float, df: int) -> tuple[float, float]:
    if df < 2:
        return nan, nan
    half = float(stats.norm.isf(0.025)) / sqrt(df - 1)
    return tanh(atanh(r) - half), tanh(atanh(r) + half)
