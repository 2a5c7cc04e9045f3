"""p-values adjusted for the number of hypotheses in a family."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def adjust(p: ArrayLike, method: str = "holm") -> FloatArray:
    """Return adjusted p-values, in the order given.

    A hypothesis is rejected at level α if its adjusted p is at most α. Holm and Bonferroni hold
    the family-wise error rate whatever the dependence; Hochberg and Hommel under independence
    or positive dependence; BH holds the false discovery rate under the same, BY always.

    Args:
        p: (m,), each in [0, 1]; NaN, a test that could not be made, stays NaN and is not
            counted in m.
        method: `holm`, `hochberg`, `hommel`, `bonferroni`, `bh` or `by`.

    Returns:
        (m,), at most 1; empty if `p` is.

    Raises:
        ValueError: the method is unknown, `p` is not one-dimensional, or a value is outside [0, 1].

    Source: Holm, Scand. J. Statist. 6, 1979; Hochberg, Biometrika 75, 1988; Hommel,
        Biometrika 75, 1988; Benjamini & Hochberg, JRSS B 57, 1995; Benjamini & Yekutieli,
        Ann. Statist. 29, 2001.
    """
    if method not in METHODS:
        raise ValueError(f"correction is '{method}'; known: {', '.join(METHODS)}")
    raw = np.asarray(p, dtype=np.float64)
    if raw.ndim != 1:
        raise ValueError(f"p has shape {raw.shape}; expected (m,)")
    outside = raw[(raw < 0) | (raw > 1)]
    if outside.size:
        raise ValueError(f"p holds {outside[0]}; expected numbers from 0 to 1")
    adjusted = np.full(raw.shape, np.nan)
    known = np.flatnonzero(~np.isnan(raw))
    order = known[np.argsort(raw[known], kind="stable")]
    if order.size:
        adjusted[order] = np.minimum(METHODS[method](raw[order]), 1.0)
    return adjusted


# Each takes p in ascending order, (m,) with m ≥ 1, and returns them adjusted, not yet capped.


def _bonferroni(p: FloatArray) -> FloatArray:
    return p * len(p)


def _holm(p: FloatArray) -> FloatArray:
    return np.maximum.accumulate(p * np.arange(len(p), 0, -1))


def _hochberg(p: FloatArray) -> FloatArray:
    return _from_the_largest(p * np.arange(len(p), 0, -1))


def _hommel(p: FloatArray) -> FloatArray:
    """Close Simes' test: the adjusted p is the largest over all sizes j of a subset with it.

    The worst subset of size j is made of the largest p-values; a hypothesis not among those
    replaces the smallest of them.
    """
    m = len(p)
    adjusted = p.copy()
    for size in range(1, m + 1):
        steps = size / np.arange(1.0, size + 1)
        largest = p[m - size :]
        among = (largest * steps).min()
        # One outside the largest `size` takes the first place: p·size/1, or the rest's minimum.
        rest = (largest[1:] * steps[1:]).min(initial=np.inf)
        outside = np.minimum(p * size, rest)
        adjusted = np.maximum(adjusted, np.where(np.arange(m) >= m - size, among, outside))
    return adjusted


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    m = len(p)
    return _from_the_largest(p * (m / np.arange(1.0, m + 1)))


def _benjamini_yekutieli(p: FloatArray) -> FloatArray:
    return _benjamini_hochberg(p) * float((1 / np.arange(1.0, len(p) + 1)).sum())


def _from_the_largest(values: FloatArray) -> FloatArray:
    falling: FloatArray = np.minimum.accumulate(values[::-1])[::-1]
    return falling


METHODS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "holm": _holm,
    "hochberg": _hochberg,
    "hommel": _hommel,
    "bonferroni": _bonferroni,
    "bh": _benjamini_hochberg,
    "by": _benjamini_yekutieli,
}
"""Correction → function; the first is the default."""
