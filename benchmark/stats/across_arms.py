"""Rank correlation over arms that share seeds, tested over the seeds.

Arms are no sample: along a weight λ they are almost one run each, and chance moves neighbours
together, so that a test over arms takes one accident for many. Each seed gives one correlation
over the same arms instead, and seeds are independent.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from benchmark.stats.paired import one_sample_t
from benchmark.stats.result import TestResult
from benchmark.stats.same_shape import same_shape

METHOD = "Student t over seeds of Spearman's rho over arms"


def across_arms(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> TestResult:
    """Test whether two quantities of the arms are ranked alike, with any seed.

    It is about these arms and new seeds: that other arms would be ranked alike does not follow.

    Args:
        x: (seeds, arms), finite: one value a run.
        y: The same runs.
        confidence: Of the interval of the mean correlation, which may reach beyond ±1.

    Returns:
        `estimate` is the mean over seeds of Spearman's ρ over arms; `n` counts the seeds. A seed
        in which all arms have one x or one y has no ρ and is left out. NaN with a reason below
        three arms or two such seeds.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    a, b = same_shape(x, y, "seeds", "arms", leave_out="seed out for all arms")
    if a.shape[1] < 3:
        return TestResult(METHOD, np.nan, 0, reason=f"{a.shape[1]} arms; needs 3")
    varied = [i for i in range(len(a)) if np.ptp(a[i]) > 0 and np.ptp(b[i]) > 0]
    if len(varied) < 2:
        return TestResult(METHOD, np.nan, len(varied), reason=f"{len(varied)} seeds; needs 2")
    rho = [np.corrcoef(stats.rankdata(a[i]), stats.rankdata(b[i]))[0, 1] for i in varied]
    return replace(one_sample_t(rho, 0.0, confidence), method=METHOD)
