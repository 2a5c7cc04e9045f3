"""Bootstrap over patients of performance and fairness metrics, for many runs at once.

Two kinds of resamples, both within the groups of the attribute so that none is lost:

- within group × label: AUC, group AUCs, their gap and worst, ES-AUC, TPR, FPR, DEOdds. No
  group loses a class, and the class mix of each group is that of the sample.
- within group: positive rates, DPD, accuracies, ES-accuracy: what depends on the mix of
  classes varies with it.

Samples of unknown group (code −1) are strata of their own and count in overall metrics only.

A gap is a maximum over groups: resampling adds noise to noise, so a gap's resamples lie above
the observed value, most of all where groups are small. Its difference between two runs on the
same patients suffers far less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.metrics.inputs import FloatArray, IntArray
from benchmark.stats.bootstrap_interval import (
    BootstrapKind,
    acceleration,
    bootstrap_result,
    jackknife_influence,
)
from benchmark.stats.resampling import (
    Weights,
    jackknife_weights,
    pattern_weights,
    resample_weights,
    strata,
)
from benchmark.stats.result import TestResult
from benchmark.stats.weighted_metrics import Key, WeightedMetrics

Evaluate = Callable[[Weights], dict[Key, FloatArray]]


@dataclass(frozen=True)
class ResampledMetrics:
    """The metrics of R runs on N samples, of the samples themselves and of B resamples.

    Attributes:
        n: N.
        observed: (metric, group) → (R,).
        resampled: (metric, group) → (R, B). Column b is the same resample for all runs.
        influence: (metric, group) → (R, N), of each sample, for BCa; empty unless asked for.
        stratum: (metric, group) → (N,), within which it was resampled.
    """

    n: int
    observed: dict[Key, FloatArray]
    resampled: dict[Key, FloatArray]
    influence: dict[Key, FloatArray]
    stratum: dict[Key, IntArray]

    def add(
        self,
        stratum: IntArray,
        evaluate: Evaluate,
        resampled: Mapping[Key, FloatArray],
        influence: bool,
    ) -> None:
        """Take in metrics that were resampled within strata (N,)."""
        once = evaluate(np.ones((self.n, 1), dtype=np.uint8))
        self.observed.update({key: value[:, 0] for key, value in once.items()})
        self.resampled.update(resampled)
        self.stratum.update(dict.fromkeys(resampled, stratum))
        if influence:
            left_out = evaluate_all(evaluate, jackknife_weights(self.n))
            for key, value in left_out.items():
                self.influence[key] = jackknife_influence(value, stratum)

    def of(self, metric: str, group: str = "") -> tuple[FloatArray, FloatArray]:
        """Return a metric's observed values (R,) and resampled ones (R, B).

        Raises:
            ValueError: it was not resampled; a group without samples has no metrics.
        """
        if (metric, group) not in self.resampled:
            where = f" of group '{group}'" if group else ""
            known = ", ".join(dict.fromkeys(name for name, _ in self.resampled))
            raise ValueError(f"'{metric}'{where} was not resampled; known: {known}")
        return self.observed[metric, group], self.resampled[metric, group]

    def contrast(
        self,
        metric: str,
        group: str,
        weight: ArrayLike,
        *,
        confidence: float = 0.95,
        kind: BootstrapKind = "percentile",
        null: float = 0.0,
    ) -> TestResult:
        """Return Σ_r weight_r · value_r with its interval, tested against `null`.

        `[1]` is the value of the only run, `[1, -1]` a paired difference of two, and
        `[1/3, 1/3, 1/3, -1/3, -1/3, -1/3]` that of two arms averaged over three seeds each.

        Args:
            metric: A metric of `resample_metrics`.
            group: Its group, or "".
            weight: (R,).
            confidence: In (0, 1).
            kind: Of the interval; `bca` needs the influence.
            null: As `bootstrap_result`.

        Raises:
            ValueError: a metric that was not resampled, weights that are not one a run, or
                `bca` without the influence.
        """
        observed, resampled = self.of(metric, group)
        row = np.asarray(weight, dtype=np.float64)
        if row.shape != observed.shape:
            raise ValueError(f"weight has shape {row.shape} for {len(observed)} runs")
        a = 0.0
        if kind == "bca":
            if not self.influence:
                raise ValueError("bca needs resample_metrics(..., influence=True)")
            a = acceleration(row @ self.influence[metric, group], self.stratum[metric, group])
        return bootstrap_result(
            float(row @ observed),
            row @ resampled,
            n=self.n,
            confidence=confidence,
            kind=kind,
            acceleration=a,
            null=null,
        )


def resample_metrics(
    label: ArrayLike,
    scores: ArrayLike,
    codes: ArrayLike,
    groups: Sequence[str],
    threshold: float | Sequence[float] = 0.5,
    n_resamples: int = 10_000,
    seed: int = 0,
    *,
    influence: bool = False,
) -> ResampledMetrics:
    """Return the metrics of runs on one test set, for B resamples of its patients.

    Metrics, defined as in `benchmark.metrics.evaluate`: `auc`, `accuracy`, `es_auc`,
    `es_accuracy`, `worst_group_auc`, `auc_gap`, `dpd`, `deodds`, and overall and per group
    `positive_rate`, `tpr`, `fpr`, and `group_auc`, `group_accuracy`. Where a metric is NaN on
    the samples, as with a group of one class, it is in every resample.

    The runs of one call see the same resamples: their differences are paired.

    Args:
        label: (N,), 0 or 1.
        scores: (R, N), a row for each run (or seed, or epoch).
        codes: (N,), indices into `groups`, -1 for unknown.
        groups: Names of the groups of the attribute.
        threshold: Predicted positive from this score on; one for all runs, or one for each.
        n_resamples: B.
        seed: Of the resamples.
        influence: Also leave every sample out once, as BCa intervals need.

    Raises:
        ValueError: lengths differ, a label other than 0 and 1, a code outside -1..G-1, scores
            or thresholds that are not finite, or no resamples.
    """
    runs = WeightedMetrics.of(label, scores, codes, groups, threshold)
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}; expected at least 1")
    n = len(runs.positive)
    found = ResampledMetrics(n, {}, {}, {}, {})
    few, alike = runs.patterns()
    # Two streams, so that the draws of one kind do not depend on those of the other.
    by_label, by_group = np.random.default_rng(seed).spawn(2)
    cells, groups_alone = strata(runs.code, runs.positive), strata(runs.code)
    found.add(
        cells,
        runs.within_group_and_label,
        evaluate_all(runs.within_group_and_label, resample_weights(cells, n_resamples, by_label)),
        influence,
    )
    found.add(
        groups_alone,
        runs.within_group,
        evaluate_all(
            few.within_group, pattern_weights(strata(few.code), alike, n_resamples, by_group)
        ),
        influence,
    )
    return found


def evaluate_all(evaluate: Evaluate, chunks: Iterable[Weights]) -> dict[Key, FloatArray]:
    """Return the metrics of all chunks of weights, side by side."""
    parts = [evaluate(weights) for weights in chunks]
    return {key: np.concatenate([part[key] for part in parts], axis=1) for key in parts[0]}
