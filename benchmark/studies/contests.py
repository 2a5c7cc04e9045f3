"""Arms that a front may compare, and their values over seeds and over resampled patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.arms import Arm, closest_baseline
from benchmark.errors import FairbenchError
from benchmark.metrics.inputs import IntArray
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.results import StoredRun
from benchmark.stats.resampling import Weights, resample_weights, strata
from benchmark.stats.weighted_metrics import WeightedMetrics
from benchmark.studies.chosen import ChosenRows
from benchmark.values import several_classes

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """Arms of one block under equal conditions, judged on one attribute.

    Attributes:
        attribute: Whose groups.
        baseline: The baseline of these conditions.
        arms: All of them, the baseline among them.
        chosen: Their rows by the comparison's rule.
    """

    attribute: str
    baseline: Arm
    arms: tuple[Arm, ...]
    chosen: ChosenRows

    @cached_property
    def placed(self) -> tuple[Arm, ...]:
        """The arms that lost no run: the means of others are over the seeds that survived."""
        return tuple(arm for arm in self.arms if len(arm.done) == len(arm.runs))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that all placed arms with seeds have; empty if there is none."""
        seeded = [{run.config["seed"] for run in arm.done} for arm in self.placed if _seeded(arm)]
        return tuple(sorted(set.intersection(*seeded))) if seeded else (0,)

    def rule(self, arm: Arm) -> str:
        """Return the selection rule of an arm."""
        return self.chosen.rule(arm, self.attribute)

    def values(self, metric: str) -> FloatArray:
        """Return (A, S) of the placed arms and the seeds."""
        found = [
            [
                float(
                    self.chosen.row(run, self.attribute, self.rule(arm), metric).get(
                        "value", np.nan
                    )
                )
                for run in self._runs(arm)
            ]
            for arm in self.placed
        ]
        return np.array(found, dtype=np.float64).reshape(len(self.placed), len(self.seeds))

    def resampled(
        self, metrics: Sequence[str], n_resamples: int, rng: np.random.Generator
    ) -> Mapping[str, FloatArray]:
        """Return metric → (A, S, B): the values of all on resamples of the patients.

        Patients are drawn within groups, the same for all arms and seeds, so both metrics of a
        front are of the same patients. A resample in which a group has lost a class is NaN in
        the metrics that need it.

        Args:
            metrics: Of those that `WeightedMetrics` has.
            n_resamples: B.
            rng: Draws on it.

        Raises:
            FairbenchError: predictions that cannot be read, or of other samples.
        """
        first = self._test(self._runs(self.placed[0])[0])
        codes: IntArray = np.asarray(first.codes[self.attribute], dtype=np.int64)
        chunks = list(resample_weights(strata(codes), n_resamples, rng))
        of_arms = [self._weighted(arm, first, chunks, metrics) for arm in self.placed]
        return {metric: np.stack([of[metric] for of in of_arms]) for metric in metrics}

    def _weighted(
        self,
        arm: Arm,
        first: SplitPredictions,
        chunks: Sequence[Weights],
        metrics: Sequence[str],
    ) -> Mapping[str, FloatArray]:
        """Return metric → (S, B) of one arm."""
        scores, thresholds = [], []
        for run in self._runs(arm):
            test = self._test(run)
            if not np.array_equal(test.sample_id, first.sample_id):
                raise FairbenchError(
                    f"{run.path}/predictions.parquet: test samples are not those of other runs on "
                    "this test set; delete the run and run again"
                )
            row = self.chosen.row(run, self.attribute, self.rule(arm), "auc")
            scores.append(test.score[int(np.flatnonzero(test.epochs == row["epoch"])[0])])
            thresholds.append(float(row["threshold"]))
        runs = WeightedMetrics.of(
            first.label,
            np.stack(scores).astype(np.float64),
            first.codes[self.attribute],
            arm.dataset["attributes"][self.attribute],
            thresholds,
        )
        parts = [
            {**runs.within_group_and_label(weights), **runs.within_group(weights)}
            for weights in chunks
        ]
        return {
            metric: np.concatenate([part[metric, ""] for part in parts], axis=1)
            for metric in metrics
        }

    def _runs(self, arm: Arm) -> list[StoredRun]:
        """Return the arm's run of each seed."""
        if not _seeded(arm):
            return [arm.done[0]] * len(self.seeds)
        by_seed = {run.config["seed"]: run for run in arm.done}
        return [by_seed[seed] for seed in self.seeds]

    @staticmethod
    def _test(run: StoredRun) -> SplitPredictions:
        return read_predictions(run.path)["test"]

    @property
    def binary(self) -> bool:
        """Whether the label has two classes, so that patients can be resampled."""
        return not several_classes(self.arms[0].runs[0])

    @property
    def selects(self) -> bool:
        """Whether every placed run has a selected epoch."""
        return bool(np.isfinite(self.values("auc")).all())


def contests(found: Comparison, metrics: Sequence[str]) -> list[Contest]:
    """Return the sets of two or more arms that can be compared, one for each attribute.

    Args:
        found: The comparison.
        metrics: That will be asked for, `auc` among them.
    """
    chosen = ChosenRows(found, metrics)
    baselines = [arm for arm in found.arms if arm.label == found.baseline and arm.done]
    sets: dict[tuple[int, str], list[Arm]] = {}
    for arm in found.arms:
        for attribute in arm.evaluated:
            base, confounded = closest_baseline(arm, attribute, baselines)
            if base is not None and not confounded:
                sets.setdefault((baselines.index(base), attribute), []).append(arm)
    return [
        Contest(attribute, baselines[k], tuple(arms), chosen)
        for (k, attribute), arms in sets.items()
        if len(arms) > 1
    ]


def _seeded(arm: Arm) -> bool:
    return arm.runs[0].config["seed"] is not None
