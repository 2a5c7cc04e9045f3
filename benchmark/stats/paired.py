"""Differences over seeds, with Student t intervals.

Bootstrap intervals over few seeds cover far less than they say (95% becomes 75% at n = 3);
Student's t does not, as long as differences are roughly normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Difference:
    """A mean difference over n seeds.

    Attributes:
        mean: NaN if n is 0.
        sd: Standard deviation of the differences (n − 1 in the denominator); NaN if n < 2.
        low, high: The interval; NaN if n < 2.
        n: Number of differences.
        confidence: Of the interval.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int
    confidence: float


def t_interval(differences: ArrayLike, confidence: float = 0.95) -> Difference:
    """Return mean and Student t interval of independent differences.

    Args:
        differences: (n,), one for each seed: of two methods with that seed, or of one method
            and a constant.
        confidence: In (0, 1).

    Raises:
        ValueError: not one-dimensional, a value that is not finite, or a confidence outside
            (0, 1).

    Source: Student, "The probable error of a mean", Biometrika 6(1), 1908.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"needs a row of finite differences, got {values.tolist()}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1")
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    if n < 2:
        return Difference(mean, np.nan, np.nan, np.nan, n, confidence)
    sd = float(values.std(ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * sd / np.sqrt(n)
    return Difference(mean, sd, mean - half, mean + half, n, confidence)


def smallest_sign_flip_p(n: int) -> float:
    """Return the smallest two-sided p that an exact paired permutation test can give.

    Of the 2ⁿ sign patterns at least two, the observed one and its mirror, are as extreme as
    the observed: 2 / 2ⁿ, which is 0.25 for three seeds and falls below 0.05 from six on.
    """
    if n < 1:
        raise ValueError(f"n is {n}; expected at least one pair")
    return min(1.0, 2.0 ** (1 - n))
