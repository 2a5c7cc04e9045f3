"""McNemar's test: do two methods have the same accuracy on the same samples?"""

from __future__ import annotations

from math import comb, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from benchmark.metrics.inputs import BoolArray
from benchmark.stats.result import TestResult, check_confidence


def mcnemar_test(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    confidence: float = 0.95,
    kind: Literal["exact", "mid-p"] = "exact",
) -> TestResult:
    """Test accuracy_a − accuracy_b from the samples on which one of the two is right.

    Of those m samples, a is right on Binomial(m, ½) if accuracies are equal. `exact` never
    errs above the level and is conservative; `mid-p` counts the observed outcome half, and
    errs at most slightly above it.

    Args:
        correct_a: (N,), whether a is right; 0 and 1 or booleans.
        correct_b: (N,), whether b is right on the same samples.
        confidence: Of the interval (adjusted Wald), in (0, 1).
        kind: Of the p-values.

    Returns:
        `statistic` is the number of samples on which a alone is right. Without any discordant
        sample p is 1. NaN with a reason without samples.

    Raises:
        ValueError: shapes that differ, a value other than 0 and 1, an unknown kind.

    Sources: McNemar, Psychometrika 12(2), 1947; Fagerland, Lydersen & Laake, BMC Medical
    Research Methodology 13:91, 2013 (mid-p); Bonett & Price, British Journal of Mathematical
    and Statistical Psychology 65(3), 2012 (interval).
    """
    check_confidence(confidence)
    if kind not in ("exact", "mid-p"):
        raise ValueError(f"kind is '{kind}'; known: exact, mid-p")
    a, b = _as_flags(correct_a), _as_flags(correct_b)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} and {len(b)} samples; expected the same samples")
    n, method = len(a), f"McNemar, {kind}"
    if n == 0:
        return TestResult(method, np.nan, 0, reason="no samples")
    only_a, only_b = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
    m = only_a + only_b
    less, greater = (float(special.bdtr(alone, m, 0.5)) for alone in (only_a, only_b))
    observed = comb(m, only_a) / 2**m if kind == "mid-p" else 0.0
    p = 2 * min(greater, less) - observed
    share_a, share_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    variance = (share_a + share_b - (share_a - share_b) ** 2) / (n + 2)
    half = float(special.ndtri((1 + confidence) / 2)) * sqrt(variance)
    return TestResult(
        method,
        (only_a - only_b) / n,
        n,
        low=max(share_a - share_b - half, -1.0),
        high=min(share_a - share_b + half, 1.0),
        confidence=confidence,
        statistic=only_a,
        p=min(1.0, p),
        p_greater=greater - observed / 2,
        p_less=less - observed / 2,
        note="" if m else "both are right on the same samples",
    )


def _as_flags(correct: ArrayLike) -> BoolArray:
    values = np.asarray(correct)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise ValueError(f"needs a row of 0 and 1 (right or not), got shape {values.shape}")
    return values.astype(bool)
