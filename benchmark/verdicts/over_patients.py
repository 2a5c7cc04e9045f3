"""Tests over seeds and patients: would the difference hold with new patients too?

Both sources of variance at once (Obuchowski–Rockette, seeds as readers), with DeLong's
covariances for AUC and those of a bootstrap of patients within groups for other metrics. With
one run a side nothing says how seeds vary: DeLong's test for AUC, the bootstrap for the others,
and a scope that says so.

Predictions are read again, of these runs alone and when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.errors import FairbenchError
from benchmark.metrics.inputs import FloatArray
from benchmark.metrics.intersections import group_codes
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.stats.crossed import CrossedMetrics, bootstrap
from benchmark.stats.delong import paired
from benchmark.stats.equivalence import tost
from benchmark.stats.mrmc import Factor, obuchowski_rockette
from benchmark.stats.result import TestResult
from benchmark.values import RunValues, several_classes
from benchmark.verdicts.caveats import BETWEEN_GROUPS
from benchmark.verdicts.claims import Claim
from benchmark.verdicts.evidence import Evidence, functions_of
from benchmark.verdicts.pairing import NOT_PAIRED, Pairing, pairing_of

ONE_RUN = "new patients, these two runs as they are"
"""The scope where nothing says how seeds vary."""

SAME_SIZE = "new seeds and new test sets with groups of these sizes"
"""The scope of gaps: noise in small groups enlarges them, so their size is part of the claim."""

RESAMPLED = ("accuracy", "es_auc", "es_accuracy", "worst_group_auc", "auc_gap", "dpd", "deodds")
"""Metrics that the bootstrap of patients knows."""

RESAMPLES = 2_000
"""For a variance: so many draws know it to 3%."""


def patient_evidence(
    claim: Claim, margin: float, alpha: float, last: LastScored | None = None
) -> Evidence:
    """Return the evidence of a claim from the predictions of its runs.

    Args:
        claim: With a baseline.
        margin: The smallest difference that matters.
        alpha: The interval has confidence 1 − alpha, that of equivalence 1 − 2·alpha.
        last: Shared by the claims of a family, so that what they share is made once.

    Raises:
        FairbenchError: predictions that cannot be read, or of other samples.
    """
    pairing = pairing_of(claim)
    reason = _untestable(claim, pairing)
    if reason:
        ours, theirs = (np.mean(list(side.values()) or [np.nan]) for side in claim.values())
        untested = TestResult("none", float(ours - theirs), 0, reason=reason)
        return Evidence("none", reason, pairing.kind, "0", 0, untested)
    points = [(claim.ours[a], claim.theirs[b]) for a, b in pairing.seeds]
    scored = (last or LastScored()).of(points)
    one_run = len(points) == 1
    found, name, made = _tested(claim, scored, 1 - alpha, "fixed" if one_run else "random")
    within = tost(found.estimate, found.se, found.df, margin, alpha)
    return Evidence(
        test=name,
        why=pairing.why,
        pairing=pairing.kind,
        n=f"{len(points)} × {scored.n}",
        n_seeds=len(points),
        difference=found,
        p_above=within.p_low,
        p_below=within.p_high,
        narrow=(within.low, within.high),
        certain=0.0 if np.array_equal(scored.ours, scored.theirs) else np.nan,
        scope=ONE_RUN if one_run else SAME_SIZE if claim.metric in BETWEEN_GROUPS else "",
        functions=functions_of(p=made, interval=made, equivalence=tost),
    )


def _untestable(claim: Claim, pairing: Pairing) -> str:
    """Return why there is no test of this claim over patients; "" if there is one."""
    points = (*claim.ours.values(), *claim.theirs.values())
    if any(several_classes(point.run) for point in points):
        return "tests over patients are for labels with two classes; use scope 'seeds'"
    if not all(claim.values()):
        return claim.missing() or "no run with a value"
    if pairing.kind == NOT_PAIRED:
        return f"over patients runs must pair: {pairing.why}"
    if claim.metric not in ("auc", *RESAMPLED):
        return f"no test of {claim.metric} over patients; use scope 'seeds'"
    return ""


@dataclass(frozen=True)
class _Scored:
    """Test samples and their scores; row s of both sides is a pair, a constant side repeated.

    Attributes:
        test: The split of one of the runs.
        points: The pairs of runs.
        ours, theirs: (S, N).
        made: Attribute → its resamples, so far.
    """

    test: SplitPredictions
    points: Sequence[tuple[RunValues, RunValues]]
    ours: FloatArray
    theirs: FloatArray
    made: dict[str, CrossedMetrics] = field(default_factory=dict)

    @classmethod
    def of(cls, points: Sequence[tuple[RunValues, RunValues]]) -> _Scored:
        """Read the predictions of the runs, each once."""
        runs = {point.run.id: point.run for pair in points for point in pair}
        splits = {name: read_predictions(run.path)["test"] for name, run in runs.items()}
        first = splits[points[0][0].run.id]
        for name, split in splits.items():
            if not np.array_equal(split.sample_id, first.sample_id):
                raise FairbenchError(
                    f"{runs[name].path}/predictions.parquet: test samples are not those of "
                    f"{points[0][0].run.path}; delete one of the runs and run again"
                )

        def rows(side: int) -> FloatArray:
            return np.stack([_at(splits[pair[side].run.id], pair[side]) for pair in points])

        return cls(first, points, rows(0), rows(1))

    @property
    def n(self) -> int:
        """Test samples."""
        return len(self.test.label)

    def thresholds(self, side: int) -> list[float]:
        """Return the decision threshold of each row of a side."""
        return [pair[side].threshold for pair in self.points]

    def resampled(self, attribute: str) -> CrossedMetrics:
        """Return all metrics over resamples of the patients within an attribute's groups."""
        if attribute not in self.made:
            groups = self.points[0][0].run.config["dataset"]["attributes"]
            codes, names = group_codes(attribute, self.test.codes, groups)
            self.made[attribute] = bootstrap(
                self.test.label,
                self.ours,
                self.theirs,
                codes,
                names,
                threshold_a=self.thresholds(0),
                threshold_b=self.thresholds(1),
                n_resamples=RESAMPLES,
            )
        return self.made[attribute]


class LastScored:
    """The predictions read last. The claims of an arm follow each other and share theirs."""

    def __init__(self) -> None:
        self._key: object = None
        self._scored: _Scored | None = None

    def of(self, points: Sequence[tuple[RunValues, RunValues]]) -> _Scored:
        """Return the predictions of pairs of runs, read unless they are those read last."""
        key = [(p.run.path, p.selected.epoch, p.threshold) for pair in points for p in pair]
        if self._scored is None or key != self._key:
            self._key, self._scored = key, _Scored.of(points)
        return self._scored


def _at(split: SplitPredictions, point: RunValues) -> FloatArray:
    (row,) = split.score[split.epochs == point.selected.epoch].astype(np.float64)
    return np.asarray(row)


def _tested(
    claim: Claim, scored: _Scored, confidence: float, seeds: Factor
) -> tuple[TestResult, str, Callable[..., object]]:
    """Return the test, its short name and the function that made it."""
    label, ours, theirs = scored.test.label, scored.ours, scored.theirs
    if claim.metric == "auc":
        if seeds == "fixed":
            return paired(label, ours[0], theirs[0], confidence), "DeLong", paired
        found = obuchowski_rockette(label, ours, theirs, confidence=confidence)
        return found, "Obuchowski–Rockette, DeLong", obuchowski_rockette
    resampled = scored.resampled(claim.attributes[0])
    found = resampled.test(claim.metric, seeds=seeds, confidence=confidence)
    name = "bootstrap" if seeds == "fixed" else "Obuchowski–Rockette, bootstrap"
    return found, name, CrossedMetrics.test
