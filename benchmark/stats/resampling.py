"""Resampling patients by weights: how often each sample occurs in each resample.

A resample is a column of integer weights, not a list of indices: rates are then one matrix
product, and an AUC is one walk through the samples in the order of their scores, for all
resamples at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray

Weights = NDArray[np.integer]
"""(N, B): sample n occurs weights[n, b] times in resample b."""

CHUNK = 2500
"""Resamples in memory at once: N × 2500 bytes of weights."""

_BLOCK = 256  # resamples counted at once: their counters stay in the processor's cache


def strata(*codes: ArrayLike) -> IntArray:
    """Return the stratum of each sample, numbered from 0: one for each combination of codes.

    Args:
        codes: Of shape (N,) each, such as the group and the label.

    Raises:
        ValueError: no codes, or shapes that differ.
    """
    stacked = np.stack([np.asarray(code) for code in codes])
    _, stratum = np.unique(stacked, axis=1, return_inverse=True)
    return np.asarray(stratum, dtype=np.int64).ravel()


def resample_weights(
    stratum: IntArray, n_resamples: int, rng: np.random.Generator
) -> Iterator[Weights]:
    """Yield the weights of `n_resamples` stratified resamples in chunks of at most `CHUNK`.

    Within each stratum as many samples are drawn, with replacement, as it holds; so none is
    lost. A stratum of one sample never varies. A sample's chance is 1/m of its stratum up to
    2⁻³², since a draw is 32 random bits times m, cut.

    Args:
        stratum: (N,), from `strata`.
        n_resamples: B, at least 1.
        rng: Draws on it.
    """
    members = [np.flatnonzero(stratum == s) for s in range(int(stratum.max(initial=-1)) + 1)]
    for start in range(0, n_resamples, CHUNK):
        width = min(CHUNK, n_resamples - start)
        weights = np.empty((len(stratum), width), dtype=np.uint8)
        for block in range(0, width, _BLOCK):
            columns = slice(block, min(block + _BLOCK, width))
            for samples in members:
                count = _counts(len(samples), columns.stop - columns.start, rng)
                weights[samples, columns] = count.T
        yield weights


def pattern_weights(
    stratum: IntArray, alike: IntArray, n_resamples: int, rng: np.random.Generator
) -> Iterator[Weights]:
    """Yield weights of K patterns, as `resample_weights` does of samples, without drawing each.

    Args:
        stratum: (K,), of each pattern.
        alike: (K,), how many samples have it.
        n_resamples: B, at least 1.
        rng: Draws on it.
    """
    members = [np.flatnonzero(stratum == s) for s in range(int(stratum.max(initial=-1)) + 1)]
    for start in range(0, n_resamples, CHUNK):
        width = min(CHUNK, n_resamples - start)
        weights = np.empty((len(stratum), width), dtype=np.int64)
        for patterns in members:
            count = alike[patterns]
            weights[patterns] = rng.multinomial(count.sum(), count / count.sum(), size=width).T
        yield weights


def jackknife_weights(n: int) -> Iterator[Weights]:
    """Yield the n "resamples" that leave one sample out each, in chunks of at most `CHUNK`."""
    for start in range(0, n, CHUNK):
        left_out = np.arange(start, min(start + CHUNK, n))
        weights = np.ones((n, len(left_out)), dtype=np.uint8)
        weights[left_out, np.arange(len(left_out))] = 0
        yield weights


@dataclass(frozen=True)
class Walk:
    """Some samples in the order of one scoring, as `weighted_u2` goes through them.

    Each level of scores has its negatives, its positives, and its negatives again.

    Attributes:
        sample: Which sample each step meets.
        positive: Whether that is of class 1.
    """

    sample: list[int]
    positive: list[bool]

    @classmethod
    def of(cls, positive: BoolArray, score: FloatArray, among: BoolArray) -> Walk:
        """Return the walk through samples `among` (N,), labels `positive` (N,), scores (N,)."""
        inside = np.flatnonzero(among)
        level = np.unique(score[inside], return_inverse=True)[1]
        is_positive = positive[inside]
        negative = np.flatnonzero(~is_positive)
        step = np.concatenate([negative, np.flatnonzero(is_positive), negative])
        turn = np.repeat([0, 1, 2], [len(negative), len(inside) - len(negative), len(negative)])
        step = step[np.lexsort((turn, level[step]))]
        return cls(inside[step].tolist(), is_positive[step].tolist())


def weighted_u2(walk: Walk, weights: Weights) -> IntArray:
    """Return twice the Mann-Whitney U of each resample, exact.

    The walk goes up through the scores. `passed` counts negatives below twice and negatives
    tied once, which is what a positive gains when it is reached.

    Args:
        walk: Through the samples.
        weights: (N, B).

    Returns:
        (B,).
    """
    counter = np.int32 if len(weights) ** 2 < 2**31 else np.int64
    passed: IntArray = np.zeros(weights.shape[1], dtype=counter)
    u2, gained = passed.copy(), passed.copy()
    for sample, positive in zip(walk.sample, walk.positive, strict=True):
        if positive:
            np.multiply(weights[sample], passed, out=gained)
            u2 += gained
        else:
            passed += weights[sample]
    return u2.astype(np.int64)


def weighted_sums(values: ArrayLike, weights: Weights) -> FloatArray:
    """Return Σ_n weights[n, b] · values[k, n] as (K, B); exact for 0/1 values and N < 2²⁴."""
    rows = np.asarray(values, dtype=np.float32)
    return np.asarray(rows @ weights.astype(np.float32), dtype=np.float64)


def _counts(m: int, width: int, rng: np.random.Generator) -> IntArray:
    """Return (width, m): how often each of m samples is drawn in m draws."""
    # Raw bits: `Generator.integers` takes three times as long, most of all that is done here.
    words: NDArray[np.uint64] = rng.bit_generator.random_raw((width * m + 1) // 2)
    drawn = words.view(np.uint32)[: width * m].reshape(width, m) * np.uint64(m)
    np.right_shift(drawn, np.uint64(32), out=drawn)
    cell = drawn.view(np.int64)
    cell += np.arange(width)[:, None] * m
    return np.bincount(cell.ravel(), minlength=width * m).reshape(width, m)
