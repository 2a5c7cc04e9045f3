"""Where the uncertainty of a mean difference comes from: seeds, patients, or both together."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from benchmark.stats.mrmc import common_covariance


@dataclass(frozen=True)
class VarianceSplit:
    """The variance of one seed's difference on one test set, in parts; and what follows.

    Attributes:
        n: Seeds.
        seeds: Variance between seeds that would remain with endless patients.
        patients: Variance over test sets that all seeds share: that of a mean over endless seeds.
        interaction: What is of this seed on these patients.
        se_new_seeds: Standard error of the mean difference over new seeds, same patients.
        se_new_patients: Over new patients, same seeds.
        se_both: Over new seeds and new patients.
        reason: Why a number is NaN, or which estimate was below 0 and cut; else empty.
    """

    n: int
    seeds: float
    patients: float
    interaction: float
    se_new_seeds: float
    se_new_patients: float
    se_both: float
    reason: str = ""


def split_variance(difference: ArrayLike, covariance: ArrayLike) -> VarianceSplit:
    """Return the split of paired differences by seed with their covariance over patients.

    Method of moments: with MS, V and C of `benchmark.stats.mrmc`, patients = C, interaction =
    V − C, seeds = MS − interaction, each cut at 0. Compare `se_new_seeds` with
    `se_new_patients`: where the second is larger, more seeds will not settle the question, and
    where the first is, more patients will not.

    Args:
        difference: (S,).
        covariance: (S, S), as `auc_differences` or a bootstrap over patients gives it.

    Raises:
        ValueError: shapes that do not fit, or no seeds.
    """
    d, cov = np.asarray(difference, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if d.ndim != 1 or not len(d) or cov.shape != (len(d), len(d)):
        raise ValueError(f"differences of shape {d.shape} and a covariance of {cov.shape}")
    if np.isnan(d).any() or np.isnan(cov).any():
        reason = "a difference or its variance is NaN"
        return VarianceSplit(len(d), nan, nan, nan, nan, nan, nan, reason)
    of_one, se_new_patients = float(np.trace(cov)) / len(d), sqrt(max(float(cov.mean()), 0.0))
    if len(d) < 2:
        reason = "one seed: nothing says how seeds vary"
        return VarianceSplit(1, nan, nan, nan, nan, se_new_patients, nan, reason)
    between, common = float(d.var(ddof=1)), common_covariance(cov)
    interaction = of_one - common
    parts = {"seeds": between - interaction, "patients": common, "interaction": interaction}
    cut = [f"{name} {value:.3g}" for name, value in parts.items() if value < 0]
    return VarianceSplit(
        n=len(d),
        seeds=max(parts["seeds"], 0.0),
        patients=max(parts["patients"], 0.0),
        interaction=max(parts["interaction"], 0.0),
        se_new_seeds=sqrt(between / len(d)),
        se_new_patients=se_new_patients,
        se_both=sqrt(between / len(d) + max(common, 0.0)),
        reason=f"estimated below 0 and cut: {', '.join(cut)}" if cut else "",
    )
