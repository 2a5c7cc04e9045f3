"""Pareto fronts of several metrics, and how surely a method lies on one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class FrontShares:
    """The front of A arms in M metrics, over resamples.

    Attributes:
        on_front: (A,), whether the arm's means lie on the front.
        share: (A,), of the resamples in which it does; NaN without a resample that has all
            metrics.
        share_if_equal: (A,), the share that noise alone gives: the same resamples, with every
            arm's means moved to one point. An arm whose share is not well above it may owe its
            place to luck.
        low, high: (A, M), percentile interval of each mean.
        bias: (A, M), mean over resamples minus the observed mean: gaps between groups grow by
            resampling.
        n_resamples: In which every arm has every metric.
        n_left_out: The others.
    """

    on_front: BoolArray
    share: FloatArray
    share_if_equal: FloatArray
    low: FloatArray
    high: FloatArray
    bias: FloatArray
    n_resamples: int
    n_left_out: int


def pareto_front(points: ArrayLike) -> BoolArray:
    """Return which points no other point dominates.

    One dominates another if it is at least as good in every metric and better in one. Equal
    points are on the front together. A point with a NaN is on no front and dominates none.

    Args:
        points: (A, M, ...), more is better in every metric; trailing axes are fronts of their
            own, such as resamples.

    Returns:
        (A, ...).
    """
    p = np.asarray(points, dtype=np.float64)
    beaten = np.zeros((len(p), *p.shape[2:]), dtype=bool)
    for other in p:
        beaten |= (other >= p).all(axis=1) & (other > p).any(axis=1)
    found: BoolArray = ~beaten & ~np.isnan(p).any(axis=1)
    return found


def resampled_means(values: ArrayLike, draws: NDArray[np.integer]) -> FloatArray:
    """Return the mean over the seeds drawn in each resample.

    Args:
        values: (A, S), or (A, S, B) where a value differs by resample already.
        draws: (B, n), numbers of seeds in 0..S-1.

    Returns:
        (A, B).
    """
    v = np.asarray(values, dtype=np.float64)
    count = np.stack([(draws == s).sum(axis=1) for s in range(v.shape[1])]) / draws.shape[1]
    found: FloatArray = np.einsum("as,sb->ab" if v.ndim == 2 else "asb,sb->ab", v, count)
    return found


def draw_seeds(n_seeds: int, n_resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (B, n) numbers of seeds, drawn with replacement.

    n is S − 1: then the variance of a resampled mean is that of a mean of S seeds without bias,
    where S draws make it (S − 1)/S of that, a third too small with three seeds. One seed is drawn
    as it is.

    Source: Rao & Wu, "Resampling inference with complex survey data", JASA 83, 1988.
    """
    return rng.integers(n_seeds, size=(n_resamples, max(1, n_seeds - 1)))


def front_shares(
    observed: ArrayLike,
    resampled: ArrayLike,
    confidence: float = 0.95,
    *,
    centre: ArrayLike | None = None,
) -> FrontShares:
    """Return how often each arm is on the front.

    Args:
        observed: (A, M), means; more is better.
        resampled: (A, M, B), the same over resamples that all arms share.
        confidence: Of the intervals.
        centre: (A, M), what resampled means are on average, where that is known: over seeds, the
            observed means. None takes the mean of the resamples. Few seeds make few different
            resamples, in which gaps that move in steps often tie; around an estimate the error of
            B draws would decide those ties, and move `share_if_equal` by as much as 0.2.

    Raises:
        ValueError: shapes that do not fit.
    """
    means, drawn = (np.asarray(v, dtype=np.float64) for v in (observed, resampled))
    if means.ndim != 2 or drawn.ndim != 3 or drawn.shape[:2] != means.shape:
        raise ValueError(f"means have shape {means.shape}, resamples {drawn.shape}")
    whole: BoolArray = np.asarray(np.isfinite(drawn).all(axis=(0, 1)))
    kept = drawn[:, :, whole]
    nothing = np.full(means.shape, np.nan)
    if not kept.shape[2]:
        shares = nothing[:, 0], nothing[:, 0]
        low = high = bias = nothing
    else:
        average = kept.mean(axis=2)
        origin = average if centre is None else np.asarray(centre, dtype=np.float64)
        # Rounded, so that arms without noise tie there and rounding does not choose among them.
        alike = (kept - origin[:, :, None]).round(12)
        shares = pareto_front(kept).mean(axis=1), pareto_front(alike).mean(axis=1)
        ends = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(kept, ends, axis=2)
        bias = average - means
    left_out = int(np.count_nonzero(~whole))
    return FrontShares(
        pareto_front(means), *shares, low, high, bias, len(whole) - left_out, left_out
    )
