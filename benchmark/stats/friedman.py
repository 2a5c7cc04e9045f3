"""Many methods over many blocks: Friedman's test, average ranks, critical differences.

A block is a dataset × architecture, never an attribute: attributes share patients and runs, so
they are no independent blocks. Rank 1 is the best method of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from math import inf, isfinite, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.stats.differences import decimals_kept
from benchmark.stats.exact import wilcoxon_signed_rank
from benchmark.stats.multiplicity import adjust

FloatArray = NDArray[np.float64]

MIN_BLOCKS = 5
"""Below this both approximations of Friedman's statistic are poor, and so is any ranking."""

_MAX_STATES = 20_000


@dataclass(frozen=True)
class FriedmanResult:
    """What ranks over blocks say of k methods.

    Attributes:
        n_blocks, n_methods: Shape of the table.
        average_ranks: One a method; 1 is best, ties share the mean rank.
        chi2: Friedman's statistic, corrected for ties.
        df: k − 1.
        p_chi2: By the χ² approximation.
        f: Iman and Davenport's F of the same statistic.
        df1, df2: k − 1 and (k − 1)(N − 1).
        p_f: By the F distribution; better than χ² except at very few blocks.
        p_exact: All within-block permutations, given the ties; NaN where there are too many.
        reason: Why numbers are NaN; "" if none is.
    """

    n_blocks: int
    n_methods: int
    average_ranks: tuple[float, ...]
    chi2: float
    df: int
    p_chi2: float
    f: float
    df1: int
    df2: int
    p_f: float
    p_exact: float
    reason: str = ""


@dataclass(frozen=True)
class Pair:
    """Two methods of a table.

    Attributes:
        first, second: Columns.
        rank_difference: Average rank of the first minus that of the second.
        p_nemenyi: Adjusted for all pairs by the studentised range.
        p_wilcoxon: Exact signed-rank p over blocks, zeros dropped; raw.
        p_wilcoxon_holm: The same, adjusted by Holm over all pairs.
    """

    first: int
    second: int
    rank_difference: float
    p_nemenyi: float
    p_wilcoxon: float
    p_wilcoxon_holm: float


def rank_rows(values: ArrayLike, *, higher_is_better: bool = True) -> FloatArray:
    """Return (N, k) ranks within rows, 1 for the best; ties share their mean rank.

    Args:
        values: (N, k), one row a block, one column a method; rounded to ten digits of the
            largest, so that 0.3 and 0.1 + 0.2 tie.
        higher_is_better: False for metrics such as DPD.

    Raises:
        ValueError: not a table, fewer than two columns or one row, or a value is not finite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise ValueError(f"table has shape {table.shape}; expected (blocks, at least 2 methods)")
    if not np.isfinite(table).all():
        bad = int(np.count_nonzero(~np.isfinite(table)))
        raise ValueError(f"table holds {bad} values that are not finite; leave those blocks out")
    rounded = table.round(decimals_kept(table))
    ranks: FloatArray = stats.rankdata(-rounded if higher_is_better else rounded, axis=1)
    return ranks


def friedman(
    values: ArrayLike, *, higher_is_better: bool = True, correct_ties: bool = True
) -> FriedmanResult:
    """Return Friedman's test with Iman and Davenport's correction.

    Args:
        values: (N, k), one row a block, one column a method.
        higher_is_better: False for metrics such as DPD.
        correct_ties: False gives the textbook formula of Demšar, too small where there are ties.

    Raises:
        ValueError: as `rank_rows`.

    Source: Friedman, JASA 32, 1937; Iman and Davenport, Communications in Statistics A9, 1980;
    Demšar, JMLR 7, 2006.
    """
    ranks = rank_rows(values, higher_is_better=higher_is_better)
    n, k = ranks.shape
    df1, df2 = k - 1, (k - 1) * (n - 1)
    # Deviations of rank sums in units of ½, so that every sum is an exact integer.
    doubled = np.rint(2 * ranks).astype(np.int64)
    deviations = doubled.sum(axis=0) - n * (k + 1)
    between = int((deviations**2).sum())  # 4 · Σ_j (R_j − N(k+1)/2)²
    within = int(((doubled - (k + 1)) ** 2).sum())  # 4 · Σ_ij (r_ij − (k+1)/2)²
    if not correct_ties:
        within = n * k * (k * k - 1) // 3
    averages = tuple(float(r) for r in ranks.mean(axis=0))
    if within == 0:
        reason = f"all methods tie in each of the {n} blocks"
        return FriedmanResult(n, k, averages, nan, df1, nan, nan, df1, df2, nan, 1.0, reason)
    chi2 = (k - 1) * between / within
    room = n * (k - 1) - chi2
    if df2 == 0:
        f, p_f, reason = nan, nan, "one block leaves no degrees of freedom for F"
    elif n * within == between:  # the same order in every block
        f, p_f, reason = inf, 0.0, ""
    else:
        f, reason = (n - 1) * chi2 / room, ""
        p_f = float(stats.f.sf(f, df1, df2))
    return FriedmanResult(
        n,
        k,
        averages,
        chi2,
        df1,
        float(stats.chi2.sf(chi2, df1)),
        f,
        df1,
        df2,
        p_f,
        _exact_p(doubled, between),
        reason,
    )


def nemenyi_cd(n_methods: int, n_blocks: int, alpha: float = 0.05) -> float:
    """Return the difference of average ranks from which on two methods differ.

    q / √2 · √(k(k+1) / 6N), q the upper α quantile of the studentised range of k normals.

    Source: Nemenyi, 1963; Demšar, JMLR 7, 2006, section 3.2.2.
    """
    _check_level(alpha)
    q = float(stats.studentized_range.ppf(1 - alpha, n_methods, np.inf))
    return q / sqrt(2) * _rank_error(n_methods, n_blocks)


def bonferroni_dunn_cd(n_methods: int, n_blocks: int, alpha: float = 0.05) -> float:
    """Return the critical difference where each method is compared with one control only.

    Source: Dunn, JASA 56, 1961; Demšar, JMLR 7, 2006, section 3.2.2.
    """
    _check_level(alpha)
    return float(stats.norm.isf(alpha / (2 * (n_methods - 1)))) * _rank_error(n_methods, n_blocks)


def nemenyi_p(average_ranks: Sequence[float], n_blocks: int) -> FloatArray:
    """Return (k, k) p-values of all pairs, adjusted for all of them; 1 on the diagonal."""
    ranks = np.asarray(average_ranks, dtype=np.float64)
    k = len(ranks)
    distance = np.abs(ranks[:, None] - ranks) / _rank_error(k, n_blocks) * sqrt(2)
    found: FloatArray = np.ones((k, k))
    for i, j in combinations(range(k), 2):
        found[i, j] = found[j, i] = float(stats.studentized_range.sf(distance[i, j], k, np.inf))
    return found


def pairwise(values: ArrayLike, *, higher_is_better: bool = True) -> list[Pair]:
    """Return every pair of methods with Nemenyi's and Wilcoxon–Holm's p over blocks.

    Source: Demšar, JMLR 7, 2006; Benavoli et al., JMLR 17, 2016, who prefer Wilcoxon because
    Nemenyi's answer for two methods depends on which others are in the table.
    """
    table = np.asarray(values, dtype=np.float64)
    averages = rank_rows(table, higher_is_better=higher_is_better).mean(axis=0)
    nemenyi = nemenyi_p(averages.tolist(), len(table))
    pairs = list(combinations(range(table.shape[1]), 2))
    raw = [wilcoxon_signed_rank(table[:, i], table[:, j]).p for i, j in pairs]
    adjusted = adjust(raw, "holm")
    return [
        Pair(i, j, float(averages[i] - averages[j]), float(nemenyi[i, j]), p, float(holm))
        for (i, j), p, holm in zip(pairs, raw, adjusted, strict=True)
    ]


def refusal(n_blocks: int, n_methods: int) -> str:
    """Return why methods cannot be ranked over so few blocks or methods; "" if they can."""
    if n_methods < 3:
        return f"{n_methods} methods; a ranking over blocks compares at least 3"
    if n_blocks < MIN_BLOCKS:
        return (
            f"{n_blocks} block{'s' if n_blocks != 1 else ''} (dataset × architecture); ranks are "
            f"tested from {MIN_BLOCKS} on. Attributes and seeds of one block are no further blocks"
        )
    return ""


def _rank_error(k: int, n: int) -> float:
    """Return the standard deviation of a difference of two average ranks."""
    if k < 2 or n < 1:
        raise ValueError(f"{k} methods over {n} blocks; expected at least 2 over 1")
    return sqrt(k * (k + 1) / (6 * n))


def _check_level(alpha: float) -> None:
    if not (isfinite(alpha) and 0 < alpha < 1):
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 1")


def _exact_p(doubled: NDArray[np.int64], observed: int) -> float:
    """Return P(Σ_j (R_j − mean)² ≥ observed) over all permutations within blocks.

    The statistic is symmetric in the methods, so rank sums are kept sorted: a row adds every
    ordering of its ranks to them, whatever their own order. NaN above a size where this is
    slow.
    """
    n, k = doubled.shape
    base = 4 * n * k + 1  # above any doubled rank sum, so that a state is one integer
    if k > 6 or base**k >= 2**63:
        return nan
    states = np.zeros((1, k), dtype=np.int64)
    probability: FloatArray = np.ones(1)
    for row in doubled - (k + 1):
        orders = np.array(sorted(set(permutations(row.tolist()))))  # equally often among all k!
        following = np.sort(states[:, None] + orders, axis=2).reshape(-1, k)
        keys = (following + 2 * n * k) @ base ** np.arange(k, dtype=np.int64)
        _, first, where = np.unique(keys, return_index=True, return_inverse=True)
        if len(first) > _MAX_STATES:
            return nan
        share = np.repeat(probability / len(orders), len(orders))
        states = following[first]
        probability = np.bincount(where, share).astype(np.float64)
    return min(1.0, float(probability[(states**2).sum(axis=1) >= observed].sum()))
