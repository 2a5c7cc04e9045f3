"""One number for a method over runs × tasks, with stratified bootstrap intervals.

A task is a block (dataset × architecture) or whatever else has runs of its own; every task
resamples its runs independently, so no task is ever lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.stats.differences import decimals_kept

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A value with its percentile interval over resamples.

    Attributes:
        value: On the data as they are.
        low, high: Percentile interval.
        confidence: Of the interval; over n runs a task it covers less: at n = 3 about 75%
            where 95% is asked for.
        n_resamples: How many.
    """

    value: float
    low: float
    high: float
    confidence: float
    n_resamples: int


def iqm(scores: ArrayLike) -> float:
    """Return the interquartile mean: the mean of all scores without the lowest and highest quarter.

    ⌊n/4⌋ scores are cut at each end, so it differs from a fractional trimmed mean unless n is a
    multiple of 4.

    Args:
        scores: Any shape, finite.

    Raises:
        ValueError: no score, or one that is not finite.

    Source: Agarwal et al., NeurIPS 2021 (the rliable package).
    """
    return float(_iqm(_scores(scores).reshape(1, -1))[0])


def probability_of_improvement(x: ArrayLike, y: ArrayLike) -> float:
    """Return the mean over tasks of P(a run of x beats a run of y), ties counting one half.

    Args:
        x: (runs_x, tasks), higher is better.
        y: (runs_y, tasks); runs need not match.

    Raises:
        ValueError: tasks differ, or a score is not finite.

    Source: Agarwal et al., NeurIPS 2021.
    """
    a, b = _tables(x, y)
    return float(_improvement(a[None], b[None])[0])


def iqm_interval(
    scores: ArrayLike, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Return the interquartile mean with its stratified percentile bootstrap interval.

    Args:
        scores: (runs, tasks).
        confidence: In (0, 1).
        n_resamples: At least 1.
        seed: Of the resamples.
    """
    (table,) = _tables(scores)
    return _bootstrap(
        lambda drawn: _iqm(drawn[0].reshape(len(drawn[0]), -1)),
        [table],
        confidence,
        n_resamples,
        seed,
    )


def improvement_interval(
    x: ArrayLike,
    y: ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the probability of improvement with its interval; x and y are resampled apart."""
    tables = _tables(x, y)
    return _bootstrap(
        lambda drawn: _improvement(*drawn), list(tables), confidence, n_resamples, seed
    )


def _bootstrap(
    statistic: Callable[[list[FloatArray]], FloatArray],
    tables: list[FloatArray],
    confidence: float,
    n_resamples: int,
    seed: int,
) -> Interval:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1")
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}; expected at least 1")
    generator = np.random.default_rng(seed)
    values = []
    chunk = max(1, 2_000_000 // sum(table.size for table in tables))
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        drawn = []
        for table in tables:
            runs, tasks = table.shape
            rows = generator.integers(runs, size=(size, runs, tasks))
            drawn.append(table[rows, np.arange(tasks)])
        values.append(statistic(drawn))
    found = np.concatenate(values)
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    value = float(statistic([table[None] for table in tables])[0])
    return Interval(value, float(low), float(high), confidence, n_resamples)


def _iqm(scores: FloatArray) -> FloatArray:
    """Return (M,) interquartile means of the rows of (M, n)."""
    n = scores.shape[1]
    cut = n // 4
    kept: FloatArray = np.sort(scores, axis=1)[:, cut : n - cut].mean(axis=1)
    return kept


def _improvement(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return (M,) probabilities for (M, runs_x, tasks) against (M, runs_y, tasks)."""
    ahead = (x[:, :, None, :] - y[:, None, :, :]).round(decimals_kept(x, y))  # equal decimals tie
    won: FloatArray = ((ahead > 0) + 0.5 * (ahead == 0)).mean(axis=(1, 2, 3))
    return won


def _tables(*tables: ArrayLike) -> tuple[FloatArray, ...]:
    found = tuple(_scores(table) for table in tables)
    shapes = [table.shape for table in found]
    if any(len(shape) != 2 for shape in shapes) or len({shape[-1] for shape in shapes}) != 1:
        raise ValueError(f"scores have shapes {shapes}; expected (runs, tasks) of the same tasks")
    return found


def _scores(scores: ArrayLike) -> FloatArray:
    values = np.asarray(scores, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise ValueError(f"{values.size} scores of which {bad} are not finite; expected finite")
    return values
