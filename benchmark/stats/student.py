"""Student's t distribution, central and noncentral.

The central functions are scipy's without the checks of `scipy.stats.t`, which cost more than the
number itself where a comparison makes thousands of tests.
"""

from __future__ import annotations

from math import isinf

import numpy as np
from scipy import special, stats


def t_upper_tail(t: float, df: float) -> float:
    """Return P(T > t), accurate in either tail; the normal tail at infinite df."""
    return float(special.ndtr(-t) if isinf(df) else special.stdtr(df, -t))


def t_quantile(p: float, df: float) -> float:
    """Return the t below which T lies with probability p."""
    return float(special.ndtri(p) if isinf(df) else special.stdtrit(df, p))


def noncentral_t_cdf(t: float, df: float, noncentrality: float) -> float:
    """Return P(T ≤ t) for the noncentral t distribution.

    scipy gives NaN far out in the tails, at noncentralities far below a positive t (or above a
    negative one): there the probability is 1 (or 0). Above |t| = 3,000, where scipy loses digits
    and then fails, T ≤ t is averaged over the normal part of T, which hardly matters there.
    """
    if abs(t) > max(_LARGE_T, 100 * (2 * df) ** 0.5):
        below = _below_large(abs(t), df, noncentrality if t > 0 else -noncentrality)
        return below if t > 0 else 1 - below
    with np.errstate(all="ignore"):
        # What `stats.nct.cdf` calls after checks that take ten times as long.
        p = float(stats.nct._cdf(t, df, noncentrality))
    return p if np.isfinite(p) else float(noncentrality < t)


_LARGE_T = 3000
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


def _below_large(t: float, df: float, noncentrality: float) -> float:
    """Return P(Z + δ ≤ t·S) = E over Z of P(S ≥ (Z + δ)/t), with S the scaled χ of df."""
    smallest = np.maximum(noncentrality + _NODES, 0) / t
    return float(_WEIGHTS @ special.chdtrc(df, df * smallest**2) / _WEIGHTS.sum())
