"""Two samples whose seeds do not match: weaker than pairing, and said so in `method`."""

from __future__ import annotations

from itertools import combinations
from math import comb, fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.stats.differences import decimals_kept, row
from benchmark.stats.result import TestResult
from benchmark.stats.summaries import welch_from_summary

LARGEST_ENUMERATED = 200_000
"""Ways to divide the readings up to which `permutation` tries all: 10 and 10, for one."""

LARGEST_EXACT_RANKS = 60
"""Readings of both samples up to which `mann_whitney` is exact."""

_CHUNK = 10_000


def welch_t(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> TestResult:
    """Test mean(a) = mean(b) by Welch's t: unpaired, variances may differ.

    Args:
        a: (n_a,), a metric of one method by seed.
        b: (n_b,), the same of the other.
        confidence: Of the interval of mean(a) − mean(b).

    Returns:
        NaN with a reason where a sample has one value, neither varies, or a value is not finite.

    Raises:
        ValueError: not one-dimensional, or a confidence outside (0, 1).

    Source: Welch, Biometrika 34, 1947.
    """
    of = _Samples(a, b)
    if of.reason:
        name = "Welch t test (unpaired)"
        return TestResult(name, np.nan, of.n, confidence=confidence, reason=of.reason)
    sd_a, sd_b = _sd(of.first, of.a), _sd(of.second, of.b)
    # A difference of means is all that counts of the means.
    return welch_from_summary(of.difference, sd_a, len(of.a), 0.0, sd_b, len(of.b), confidence)


def permutation(
    a: ArrayLike,
    b: ArrayLike,
    seed: int | np.random.Generator = 0,
    resamples: int = 99_999,
) -> TestResult:
    """Test that a and b have one distribution, by the difference of means under relabelling.

    All divisions of the readings are tried up to 200,000 of them (10 and 10 readings); above,
    labels are drawn, p is (k + 1) / (resamples + 1) and `p_error` its standard error.

    Args:
        a: (n_a,).
        b: (n_b,).
        seed: Of the drawn labels.
        resamples: How many are drawn.

    Returns:
        Equal readings give p = 1; two-sided is by the absolute difference.

    Raises:
        ValueError: not one-dimensional, or `resamples` below 1.

    Source: Ernst, "Permutation Methods", Statistical Science 19(4), 2004.
    """
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; expected at least 1")
    of = _Samples(a, b)
    name = "permutation test (unpaired)"
    if of.reason:
        return TestResult(name, np.nan, of.n, reason=of.reason)
    size, pooled = len(of.a), np.concatenate([of.a, of.b])
    total = comb(of.n, size)
    if total <= LARGEST_ENUMERATED:
        name, added = f"exact {name}", 0
        flat = (i for chosen in combinations(range(of.n), size) for i in chosen)
        chosen = np.fromiter(flat, np.int64, total * size).reshape(total, size)
        sums = pooled[chosen].sum(axis=1)
    else:
        name, added, total = f"{name}, {resamples} draws", 1, resamples + 1
        sums = _drawn_sums(pooled, size, np.random.default_rng(seed), resamples)
    # n·(sum of a) − n_a·(sum of all) is the difference of means, times n_a·n_b: a whole number.
    gaps = of.n * sums - size * int(pooled.sum())
    observed = of.n * int(of.a.sum()) - size * int(pooled.sum())
    p = (int((np.abs(gaps) >= abs(observed)).sum()) + added) / total
    return TestResult(
        name,
        estimate=of.difference,
        n=of.n,
        statistic=of.difference,
        p=p,
        p_greater=(int((gaps >= observed).sum()) + added) / total,
        p_less=(int((gaps <= observed).sum()) + added) / total,
        p_error=(p * (1 - p) / total) ** 0.5 if added else 0.0,
    )


def mann_whitney(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Test that a and b have one distribution, by ranks; exact with ties up to 60 readings.

    Above, the normal approximation, corrected for ties and for continuity, is used, and `method`
    says so. Two-sided is twice the smaller one-sided p.

    Args:
        a: (n_a,).
        b: (n_b,).

    Returns:
        Its statistic is U of a, the pairs with a above b, ties counting half; its estimate the
        difference of means.

    Raises:
        ValueError: not one-dimensional.

    Source: Mann & Whitney, Ann. Math. Statist. 18(1), 1947.
    """
    of = _Samples(a, b)
    name = "Mann–Whitney test (unpaired)"
    if of.reason:
        return TestResult(name, np.nan, of.n, reason=of.reason)
    size = len(of.a)
    doubled = np.rint(2 * stats.rankdata(np.concatenate([of.a, of.b]))).astype(np.int64)
    observed = int(doubled[:size].sum())
    if of.n <= LARGEST_EXACT_RANKS:
        name = f"exact {name}"
        law = _law_of_rank_sum(doubled, size)
        p_greater, p_less = float(law[observed:].sum()), float(law[: observed + 1].sum())
    else:
        name += " by normal approximation"
        p_greater, p_less = (
            float(stats.mannwhitneyu(of.a, of.b, alternative=side, method="asymptotic").pvalue)
            for side in ("greater", "less")
        )
    return TestResult(
        name,
        estimate=of.difference,
        n=of.n,
        statistic=(observed - size * (size + 1)) / 2,
        p=min(1.0, 2 * min(p_greater, p_less)),
        p_greater=min(1.0, p_greater),
        p_less=min(1.0, p_less),
    )


class _Samples:
    """Two samples, also in whole units of the last decimal kept, so that equal scores tie."""

    def __init__(self, a: ArrayLike, b: ArrayLike) -> None:
        first, second = row("a", a), row("b", b)
        self.first, self.second = first, second
        self.n = len(first) + len(second)
        lost = int((~np.isfinite(first)).sum() + (~np.isfinite(second)).sum())
        self.reason = ""
        if lost:
            self.reason = f"{lost} of {self.n} values are not finite"
        elif not (first.size and second.size):
            self.reason = "a sample is empty"
        else:
            scale = 10.0 ** decimals_kept(first, second)
            self.a = np.rint(first * scale).astype(np.int64)
            self.b = np.rint(second * scale).astype(np.int64)

    @property
    def difference(self) -> float:
        """Mean of a minus mean of b."""
        return fsum(self.first) / len(self.first) - fsum(self.second) / len(self.second)


def _sd(values: NDArray[np.float64], units: NDArray[np.int64]) -> float:
    """Return the standard deviation, exactly 0 where a sample does not vary or is one value."""
    return float(values.std(ddof=1)) if len(units) > 1 and int(np.ptp(units)) > 1 else 0.0


def _drawn_sums(
    pooled: NDArray[np.int64], size: int, generator: np.random.Generator, count: int
) -> NDArray[np.int64]:
    sums = []
    for start in range(0, count, _CHUNK):
        keys = generator.random((min(_CHUNK, count - start), len(pooled)))
        chosen = np.argpartition(keys, size - 1, axis=1)[:, :size]
        sums.append(pooled[chosen].sum(axis=1))
    return np.concatenate(sums)


def _law_of_rank_sum(parts: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Return the probability of each sum of `size` of the parts, all choices being as likely."""
    counts = np.zeros((size + 1, int(parts.sum()) + 1))
    counts[0, 0] = 1.0
    for part in parts.tolist():
        # From the largest size down, so that no part is chosen twice.
        for chosen in range(size, 0, -1):
            counts[chosen, part:] += counts[chosen - 1, : counts.shape[1] - part]
    law: NDArray[np.float64] = counts[size] / comb(len(parts), size)
    return law
