"""What selection adds to a reported metric: epochs chosen on the test set, seeds chosen of k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.auc import mann_whitney_u2
from benchmark.metrics.inputs import FloatArray, IntArray, as_score_rows
from benchmark.stats.resampling import Weights, strata
from benchmark.stats.weighted_metrics import WeightedMetrics


@dataclass(frozen=True)
class Optimism:
    """How much better a metric looks on the half of the test set that chose the epoch.

    Attributes:
        metric: Whose; the choice is always by AUC.
        optimism: Mean over splits of the metric on the choosing half minus on the other half.
        error: Standard error of that mean from the number of splits. The splits share one test
            set, so it says nothing of other patients or seeds.
        on_chosen: Mean of the metric on the choosing half.
        on_other: Mean of the metric on the other half.
        splits: How many had a value on both halves.
        reason: Why numbers are NaN, or how many splits were left out; else empty.
    """

    metric: str
    optimism: float
    error: float
    on_chosen: float
    on_other: float
    splits: int
    reason: str = ""


@dataclass(frozen=True)
class BestOfK:
    """What reporting the best of k seeds would look like.

    Attributes:
        k: Seeds tried.
        n: Seeds at hand.
        mean: Over all seeds: what is to be reported.
        expected: Mean of the best over all subsets of k seeds.
        gain: `expected` minus `mean`, in the direction of better: never negative.
        reason: Why `expected` is NaN; else empty.
    """

    k: int
    n: int
    mean: float
    expected: float
    gain: float
    reason: str = ""


def split_half_optimism(
    label: ArrayLike,
    scores: ArrayLike,
    *,
    metric: str = "auc",
    codes: ArrayLike | None = None,
    groups: Sequence[str] = (),
    threshold: float = 0.5,
    chosen: int | None = None,
    n_splits: int = 1000,
    seed: int = 0,
) -> Optimism:
    """Return the optimism of choosing the epoch on the test set, by random halves of it.

    On each split the epoch with the best AUC on one half (the latest of ties) is evaluated on
    that half and on the other. An epoch chosen without the test set has no optimism but that
    of chance: `chosen`, such as the best on validation, says so from the same splits. Halves
    depend on label, codes and seed alone: variants on one test set see the same ones. Compare
    variants by a paired t over seeds of `optimism`.

    (The best epoch on the whole test set minus any other epoch is never negative, so that
    difference shows nothing.)

    Args:
        label: (N,), 0 or 1.
        scores: (E, N), a row for each epoch.
        metric: `auc`, or one of `benchmark.stats.bootstrap.resample_metrics` of group "".
        codes: (N,), group codes; splits are then within group × label, otherwise within label.
        groups: Names of the groups.
        threshold: Predicted positive from this score on.
        chosen: Row of the epoch that was chosen elsewhere; None chooses on each half.
        n_splits: How many random halves.
        seed: Of the halves.

    Raises:
        ValueError: no epochs or splits, an unknown metric or epoch, or as `resample_metrics`.
    """
    count = len(np.atleast_1d(label))
    code = np.full(count, -1) if codes is None else codes
    runs = WeightedMetrics.of(label, scores, code, groups, threshold)
    epochs = len(runs.scores)
    if n_splits < 1 or not epochs:
        raise ValueError(f"{n_splits} splits of {epochs} epochs; expected at least one of each")
    if chosen is not None and not 0 <= chosen < epochs:
        raise ValueError(f"epoch {chosen} is chosen; the rows of scores are 0..{epochs - 1}")
    half = _halves(strata(runs.code, runs.positive), n_splits, np.random.default_rng(seed))
    ranking, others = runs.within_group_and_label(half), runs.within_group_and_label(1 - half)
    auc = ranking["auc", ""]
    if (metric, "") not in ranking:
        ranking, others = runs.within_group(half), runs.within_group(1 - half)
    if (metric, "") not in ranking:
        raise ValueError(f"metric '{metric}' is not one of `resample_metrics`")
    latest_best = epochs - 1 - np.argmax(auc[::-1], axis=0)
    row = latest_best if chosen is None else np.full(n_splits, chosen)
    there, here = others[metric, ""], ranking[metric, ""]
    split = np.arange(n_splits)
    return _optimism(metric, here[row, split], there[row, split], auc[0])


def best_on(label: ArrayLike, scores: ArrayLike) -> int:
    """Return the row of scores (E, N) with the best AUC, the latest of exact ties.

    Raises:
        ValueError: no rows, one class only, or as `mann_whitney_u2`.
    """
    rows = as_score_rows(scores, len(np.atleast_1d(label)))
    positive = np.asarray(label).astype(bool)
    if not len(rows) or positive.all() or not positive.any():
        raise ValueError(f"{len(rows)} epochs, {positive.sum()} of {len(positive)} positive")
    u2 = mann_whitney_u2(label, rows)
    return int(len(u2) - 1 - np.argmax(u2[::-1]))


def best_of_k(values: ArrayLike, k: int, *, higher_is_better: bool = True) -> BestOfK:
    """Return the expected best of k seeds, exactly: its mean over all subsets of k.

    The i-th smallest of n values is the largest of C(i − 1, k − 1) of the C(n, k) subsets.

    Args:
        values: (n,), a metric by seed.
        k: Seeds of which the best is reported, at least 1.
        higher_is_better: False for gaps.

    Raises:
        ValueError: not one-dimensional, or k below 1.
    """
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or k < 1:
        raise ValueError(f"values have shape {row.shape} and k is {k}; expected (n,) and k ≥ 1")
    n = len(row)
    mean = float(row.mean()) if n else nan
    if k > n or np.isnan(row).any():
        missing = int(np.count_nonzero(np.isnan(row)))
        reason = f"the best of {k} of {n} seeds, of which {missing} have no value"
        return BestOfK(k, n, mean, nan, nan, reason)
    sign = 1 if higher_is_better else -1
    ranked = np.sort(sign * row)
    subsets = comb(n, k)
    share = np.array([comb(i, k - 1) / subsets for i in range(n)])
    expected = sign * float(share @ ranked)
    return BestOfK(k, n, mean, expected, sign * (expected - mean))


def _halves(stratum: IntArray, n_splits: int, rng: np.random.Generator) -> Weights:
    """Return (N, n_splits), 1 in the first half: of an odd stratum the larger part or not."""
    half = np.zeros((len(stratum), n_splits), dtype=np.uint8)
    for s in np.unique(stratum):
        samples = np.flatnonzero(stratum == s)
        rank = rng.random((len(samples), n_splits)).argsort(axis=0).argsort(axis=0)
        size = (len(samples) + rng.integers(0, 2, n_splits)) // 2
        half[samples] = rank < size
    return half


def _optimism(metric: str, here: FloatArray, there: FloatArray, auc: FloatArray) -> Optimism:
    both = ~np.isnan(here - there) & ~np.isnan(auc)
    n, left_out = int(both.sum()), int((~both).sum())
    reason = f"{left_out} of {len(both)} splits left out: a half or a group in it had one class"
    if n == 0:
        return Optimism(metric, nan, nan, nan, nan, 0, reason)
    difference = (here - there)[both]
    error = float(difference.std(ddof=1)) / sqrt(n) if n > 1 else nan
    return Optimism(
        metric,
        float(difference.mean()),
        error,
        float(here[both].mean()),
        float(there[both].mean()),
        n,
        reason if left_out else "",
    )
