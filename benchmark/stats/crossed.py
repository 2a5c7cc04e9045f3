"""Seeds and patients at once for any metric: a bootstrap over patients that all seeds share.

For AUC, `benchmark.stats.mrmc` has DeLong's covariances. For the other metrics the covariances
of the differences by seed come from a bootstrap over patients, and the analysis is the same
(Obuchowski–Rockette, Hillis' degrees of freedom): `CrossedMetrics.test`.

`CrossedMetrics.naive` is the crossed (pigeonhole) bootstrap, which resamples seeds and patients
independently. Its variance is biased: with S seeds it holds (S − 1)/S of the variance between
seeds (two thirds for three), all of that between patients, and (3 − 2/S) times their
interaction. It is too small where seeds differ and too large where they do not, and its
percentiles ignore that few seeds say little of their own variance: prefer `test`.

Source: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import FloatArray
from benchmark.stats.bootstrap import ResampledMetrics, resample_metrics
from benchmark.stats.bootstrap_interval import BootstrapKind, bootstrap_result
from benchmark.stats.mrmc import Factor, seeds_and_patients
from benchmark.stats.result import TestResult
from benchmark.stats.variance_split import VarianceSplit, split_variance


@dataclass(frozen=True)
class CrossedMetrics:
    """Two methods, S seeds each, and B resamples of the patients that all of them share.

    Attributes:
        n_seeds: S.
        resampled: Rows 0..S-1 are the seeds of a; then those of b, or its only row.
        seed: Of the resampling of seeds in `naive`.
    """

    n_seeds: int
    resampled: ResampledMetrics
    seed: int

    def differences(self, metric: str, group: str = "") -> FloatArray:
        """Return a minus b by seed, (S,)."""
        return self._minus(self.resampled.of(metric, group)[0])

    def covariance(self, metric: str, group: str = "") -> FloatArray:
        """Return the covariance of the differences over patients, (S, S)."""
        resampled = self._minus(self.resampled.of(metric, group)[1])
        return np.atleast_2d(np.cov(resampled))

    def test(
        self,
        metric: str,
        group: str = "",
        *,
        seeds: Factor = "random",
        patients: Factor = "random",
        confidence: float = 0.95,
    ) -> TestResult:
        """Test the mean difference, with the covariances that the bootstrap gives.

        Args:
            metric: A metric of `benchmark.stats.bootstrap.resample_metrics`.
            group: Its group, or "".
            seeds: As `benchmark.stats.mrmc.obuchowski_rockette`.
            patients: As `benchmark.stats.mrmc.obuchowski_rockette`.
            confidence: In (0, 1).
        """
        return seeds_and_patients(
            self.differences(metric, group),
            self.covariance(metric, group),
            method="Obuchowski–Rockette, bootstrap covariances",
            seeds=seeds,
            patients=patients,
            confidence=confidence,
            undefined=self._undefined(metric, group),
        )

    def split(self, metric: str, group: str = "") -> VarianceSplit:
        """Return how much of the uncertainty comes from seeds, patients, and both together."""
        return split_variance(self.differences(metric, group), self.covariance(metric, group))

    def naive(
        self,
        metric: str,
        group: str = "",
        *,
        confidence: float = 0.95,
        kind: BootstrapKind = "percentile",
    ) -> TestResult:
        """Return the mean difference with its crossed bootstrap interval; biased, see above.

        Args:
            metric: As `test`.
            group: As `test`.
            confidence: In (0, 1).
            kind: `percentile` or `basic`; `bca` is taken without acceleration.
        """
        by_seed = self._minus(self.resampled.of(metric, group)[1])
        rng = np.random.default_rng(self.seed)
        drawn = rng.integers(0, self.n_seeds, size=by_seed.shape)
        return bootstrap_result(
            float(self.differences(metric, group).mean()),
            np.take_along_axis(by_seed, drawn, axis=0).mean(axis=0),
            n=self.n_seeds,
            confidence=confidence,
            kind=kind,
        )

    def _minus(self, rows: FloatArray) -> FloatArray:
        """Return rows of a minus rows of b; the only row of b is taken from each."""
        return np.asarray(rows[: self.n_seeds] - rows[self.n_seeds :], dtype=np.float64)

    def _undefined(self, metric: str, group: str) -> str:
        bad = np.isnan(self.differences(metric, group))
        return (
            f"{metric} cannot be estimated in {bad.sum()} of {len(bad)} seeds" if bad.any() else ""
        )


def bootstrap(
    label: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    codes: ArrayLike,
    groups: Sequence[str],
    *,
    threshold_a: float | Sequence[float] = 0.5,
    threshold_b: float | Sequence[float] = 0.5,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> CrossedMetrics:
    """Return all metrics of two methods' seeds over B shared resamples of the patients.

    Patients are resampled within group × label, or within group, as `resample_metrics` says.

    Args:
        label: (N,), 0 or 1.
        scores_a: (S, N), a row for each seed.
        scores_b: (S, N), row s with the seed of row s of a; (1, N) if b has no seed.
        codes: (N,), indices into `groups`, -1 for unknown.
        groups: Names of the groups of the attribute.
        threshold_a: Decision threshold of a; one, or one for each seed.
        threshold_b: That of b.
        n_resamples: B.
        seed: Of all resampling.

    Raises:
        ValueError: shapes that do not pair, or as `resample_metrics`.
    """
    a, b = np.atleast_2d(scores_a), np.atleast_2d(scores_b)
    if len(b) not in (1, len(a)) or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"scores of {a.shape} and {b.shape}; expected the same seeds and samples")
    threshold = np.concatenate(
        [np.broadcast_to(threshold_a, len(a)), np.broadcast_to(threshold_b, len(b))]
    )
    rows = np.concatenate([a, b])
    resampled = resample_metrics(label, rows, codes, groups, threshold.tolist(), n_resamples, seed)
    return CrossedMetrics(len(a), resampled, seed)
