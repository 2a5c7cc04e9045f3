"""Tests of paired differences that need no distribution: signs and ranks, counted exactly.

Differences are rounded to ten decimals first (`benchmark.stats.differences`), so that equal
decimals tie. No p can be below 2 / 2ⁿ: up to five pairs, nothing reaches 0.05.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from benchmark.stats.differences import Differences, differences
from benchmark.stats.result import TestResult

Zeros = Literal["drop", "pratt"]

LARGEST_ENUMERATED = 20
"""Pairs up to which `sign_flip` tries all sign patterns."""

LARGEST_EXACT_RANKS = 500
"""Pairs up to which `wilcoxon_signed_rank` is exact."""

_CHUNK = 10_000


def sign_flip(
    a: ArrayLike,
    b: ArrayLike,
    seed: int | np.random.Generator = 0,
    resamples: int = 99_999,
) -> TestResult:
    """Test that a − b is symmetric about 0, by its mean under all 2ⁿ sign patterns.

    Up to 20 pairs all patterns are tried and nothing is random. Above, patterns are drawn, p is
    (k + 1) / (resamples + 1) and `p_error` its standard error. Equal scores give p = 1.

    Args:
        a: (n,), a metric of one method by seed.
        b: (n,), the same of the other; a[i] and b[i] share a seed.
        seed: Of the patterns drawn above 20 pairs.
        resamples: How many are drawn.

    Raises:
        ValueError: shapes differ, or `resamples` is below 1.

    Source: Ernst, "Permutation Methods", Statistical Science 19(4), 2004; Phipson & Smyth,
        Stat. Appl. Genet. Mol. Biol. 9(1), 2010, for the 1 that is added.
    """
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; expected at least 1")
    of = differences(a, b)
    if of.reason:
        return TestResult("exact sign-flip test", np.nan, of.n, reason=of.reason)
    if of.n <= LARGEST_ENUMERATED:
        method, added, total = "exact sign-flip test", 0, 2**of.n
        sums = _all_sums(of.units)
    else:
        method, added, total = f"sign-flip test, {resamples} draws", 1, resamples + 1
        sums = _drawn_sums(of.units, np.random.default_rng(seed), resamples)
    observed = int(of.units.sum())
    p = (int((np.abs(sums) >= abs(observed)).sum()) + added) / total
    return TestResult(
        method,
        estimate=of.mean,
        n=of.n,
        statistic=of.mean,
        p=p,
        p_greater=(int((sums >= observed).sum()) + added) / total,
        p_less=(int((sums <= observed).sum()) + added) / total,
        p_error=(p * (1 - p) / total) ** 0.5 if added else 0.0,
    )


def wilcoxon_signed_rank(a: ArrayLike, b: ArrayLike, zeros: Zeros = "drop") -> TestResult:
    """Test that a − b is symmetric about 0, by the ranks of |a − b|; exact with ties and zeros.

    Tied differences share the mean of their ranks, and the distribution is that of exactly these
    ranks. Zero differences are left out before ranking (`drop`, Wilcoxon's way) or ranked and
    then left out (`pratt`); the two give different p. Above 500 pairs the normal approximation
    with continuity correction is used, and `method` says so. Equal scores give p = 1.

    Args:
        a: (n,), a metric of one method by seed.
        b: (n,), the same of the other; a[i] and b[i] share a seed.
        zeros: `drop` or `pratt`.

    Returns:
        Its statistic is W₊, the sum of the ranks of positive differences; its estimate the mean
        difference.

    Raises:
        ValueError: shapes differ, or `zeros` is neither.

    Source: Wilcoxon, Biometrics Bulletin 1(6), 1945; Pratt, JASA 54, 1959.
    """
    of, doubled, positive = _signed_ranks(a, b, zeros)
    method = f"exact Wilcoxon signed-rank test, zeros {_ZEROS[zeros]}"
    if of.reason:
        return TestResult(method, np.nan, of.n, reason=of.reason)
    if of.n > LARGEST_EXACT_RANKS:
        return wilcoxon_normal(a, b, zeros)
    observed = int(doubled[positive].sum())
    law = _law_of_sum(doubled)
    p_greater, p_less = float(law[observed:].sum()), float(law[: observed + 1].sum())
    return TestResult(
        method,
        estimate=of.mean,
        n=of.n,
        statistic=observed / 2,
        p=min(1.0, 2 * min(p_greater, p_less)),
        p_greater=min(1.0, p_greater),
        p_less=min(1.0, p_less),
    )


def wilcoxon_normal(
    a: ArrayLike, b: ArrayLike, zeros: Zeros = "drop", continuity: bool = True
) -> TestResult:
    """Approximate the signed-rank test by the normal distribution, corrected for ties.

    For many pairs; with few use `wilcoxon_signed_rank`.

    Args:
        a: (n,).
        b: (n,), paired with a.
        zeros: As in `wilcoxon_signed_rank`.
        continuity: Whether W₊ is moved by ½ towards its mean.

    Returns:
        Its statistic is z, with the correction of the two-sided p.

    Raises:
        ValueError: as `wilcoxon_signed_rank`.
    """
    of, doubled, positive = _signed_ranks(a, b, zeros)
    method = f"Wilcoxon signed-rank test by normal approximation, zeros {_ZEROS[zeros]}"
    if of.reason:
        return TestResult(method, np.nan, of.n, reason=of.reason)
    estimate = of.mean
    if doubled.size == 0:
        return TestResult(method, estimate, of.n, statistic=0.0, p=1.0, p_greater=1.0, p_less=1.0)
    ranks = doubled / 2
    above = float(ranks[positive].sum() - ranks.sum() / 2)
    half = 0.5 if continuity else 0.0
    sd = float((ranks**2).sum()) ** 0.5 / 2
    z = (above - half * np.sign(above)) / sd
    return TestResult(
        method,
        estimate=estimate,
        n=of.n,
        statistic=float(z),
        p=min(1.0, 2 * float(special.ndtr(-abs(z)))),
        p_greater=float(special.ndtr(-(above - half) / sd)),
        p_less=float(special.ndtr((above + half) / sd)),
    )


def sign_test(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Test that a − b is as often above 0 as below; zeros are left out.

    Args:
        a: (n,).
        b: (n,), paired with a.

    Returns:
        Its statistic is the number of positive differences; all zero gives p = 1.

    Raises:
        ValueError: shapes differ.
    """
    of = differences(a, b)
    if of.reason:
        return TestResult("sign test", np.nan, of.n, reason=of.reason)
    above, below = int((of.units > 0).sum()), int((of.units < 0).sum())
    p_greater = float(special.bdtrc(above - 1, above + below, 0.5)) if above else 1.0
    p_less = float(special.bdtr(above, above + below, 0.5))
    return TestResult(
        "sign test",
        estimate=of.mean,
        n=of.n,
        statistic=above,
        p=min(1.0, 2 * min(p_greater, p_less)),
        p_greater=p_greater,
        p_less=p_less,
    )


_ZEROS = {"drop": "left out", "pratt": "ranked (Pratt)"}


def _signed_ranks(
    a: ArrayLike, b: ArrayLike, zeros: Zeros
) -> tuple[Differences, NDArray[np.int64], NDArray[np.bool_]]:
    """Return differences, twice the ranks of those not 0, and which of these are positive."""
    if zeros not in _ZEROS:
        raise ValueError(f"zeros is '{zeros}'; known: {', '.join(_ZEROS)}")
    of = differences(a, b)
    counted = of.units != 0
    ranked = of.units if zeros == "pratt" else of.units[counted]
    doubled = np.rint(2 * stats.rankdata(np.abs(ranked))).astype(np.int64)
    if zeros == "pratt":
        doubled = doubled[counted]
    return of, doubled, of.units[counted] > 0


def _law_of_sum(parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probabilities of each sum, from 0 on, if each part counts with probability ½."""
    law = np.zeros(int(parts.sum()) + 1)
    law[0] = 1.0
    reached = 0
    for part in parts.tolist():
        reached += part
        shifted = np.zeros(reached + 1)
        shifted[part:] = law[: reached + 1 - part]
        law[: reached + 1] = (law[: reached + 1] + shifted) / 2
    return law


def _all_sums(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums under all sign patterns, (2ⁿ,): 8 MB at n = 20."""
    sums = np.zeros(1, np.int64)
    for unit in units:
        sums = np.concatenate([sums + unit, sums - unit])
    return sums


def _drawn_sums(
    units: NDArray[np.int64], generator: np.random.Generator, count: int
) -> NDArray[np.int64]:
    # In float64, whose integers are exact beyond any such sum, for the speed of its product.
    as_float = units.astype(np.float64)
    sums = []
    for start in range(0, count, _CHUNK):
        signs = generator.integers(0, 2, (min(_CHUNK, count - start), len(units)), dtype=np.int8)
        sums.append((2.0 * signs - 1.0) @ as_float)
    return np.rint(np.concatenate(sums)).astype(np.int64)
