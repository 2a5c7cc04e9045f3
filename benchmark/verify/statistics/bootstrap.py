"""Bootstrap intervals against exact bootstrap distributions and a million resamples.

A bound that is drawn at random has a range in which it must fall, of 4 standard errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import get_args

import numpy as np
from scipy import stats

from benchmark.metrics.inputs import FloatArray, IntArray
from benchmark.stats.bootstrap import evaluate_all
from benchmark.stats.bootstrap_interval import (
    BootstrapKind,
    acceleration,
    bias_correction,
    bootstrap_result,
    jackknife_influence,
    mean_interval,
)
from benchmark.stats.paired import t_interval
from benchmark.stats.resampling import Weights, jackknife_weights, resample_weights, strata
from benchmark.stats.result import TestResult
from benchmark.stats.weighted_metrics import WeightedMetrics
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable, nullables

RECORD = "statistics/10_bootstrap.json"
FILES = (RECORD,)

_RESAMPLES = 20_000
_RANGES = {"percentile": "accept_percentile", "bca": "accept_BCa_z0_mid"}
_AUC_ROUNDING = 1e-6
_STANDARD_ERRORS = 4


def check_bootstrap(pack: Pack) -> list[CheckResult]:
    """Compare estimates, accelerations, shares and bounds of means and of AUCs."""
    found = Tally(
        "statistics-bootstrap",
        relative={"acceleration": 1e-9},
        absolute={"estimates": 1e-12, "outside": 0.0},
    )
    found.notes.append("outside: how far a random number lies outside its recorded range")
    record = pack.record(RECORD)
    if "mean_difference" in record:
        for case in record.entries("mean_difference", "id"):
            _mean(found, case)
    if "auc" in record:
        for case in record.entries("auc", "id"):
            _auc(found, case)
    return [found.result()]


def _mean(found: Tally, case: Entry) -> None:
    values = np.array(case.entry("inputs").numbers("d"))
    expected, where = case.entry("expected"), case.where
    student, n = t_interval(values), len(values)
    recorded_t = nullables(expected, "student_t_ci")
    found.number("estimates", f"{where}, n", n, expected.integer("n"))
    found.number("estimates", f"{where}, mean", student.mean, expected.number("mean"))
    found.numbers("estimates", f"{where}, Student", (student.low, student.high), recorded_t)
    everyone = np.zeros(n, dtype=np.int64)
    a = acceleration(values - values.mean(), everyone)
    _acceleration(found, expected, a)
    atom = np.diff(np.unique(values)).min(initial=np.inf) / n  # for interpolated quantiles
    for kind in get_args(BootstrapKind):
        ranges = expected.entry(_RANGES.get(kind, "accept_percentile"))
        for resamples in ranges.values:
            ours = mean_interval(values, n_resamples=int(resamples), kind=kind)
            if kind == "basic":  # the percentile bounds, mirrored
                low, high = 2 * ours.estimate - ours.high, 2 * ours.estimate - ours.low
            else:
                low, high = ours.low, ours.high
            _bounds(found, ranges.entry(resamples), kind, low, high, atom)
    weights = np.concatenate(
        list(resample_weights(everyone, _RESAMPLES, np.random.default_rng(0))), axis=1
    )
    means = values @ weights / n
    fields = ("bootstrap_se_ideal", "P_boot_less", "P_boot_equal")
    _distribution(found, expected, means, student.mean, fields)


def _auc(found: Tally, case: Entry) -> None:
    inputs, expected = case.entry("inputs"), case.entry("expected")
    label, a, b = inputs.integers("y"), inputs.numbers("a"), inputs.value("b")
    rows = [a] if b is None else [a, inputs.numbers("b")]
    contrast = np.array([1.0, -1.0][: len(rows)])
    runs = WeightedMetrics.of(label, rows, np.full(len(label), -1), (), 0.5)

    def auc(chunks: Iterable[Weights]) -> FloatArray:
        values = evaluate_all(runs.within_group_and_label, chunks)["auc", ""]
        return np.asarray(contrast @ values, dtype=np.float64)

    (theta,) = auc([np.ones((len(label), 1), dtype=np.uint8)])
    found.number("estimates", f"{case.where}, theta", theta, expected.number("theta"))
    kinds: dict[str, IntArray] = {
        "stratified": strata(label),
        "unstratified": np.zeros(len(label), dtype=np.int64),
    }
    for kind, stratum in kinds.items():
        if kind not in expected:
            continue
        recorded = expected.entry(kind)
        left_out = auc(jackknife_weights(len(label)))
        a_hat = acceleration(jackknife_influence(left_out, stratum), stratum)
        _acceleration(found, recorded, a_hat)
        resampled = auc(resample_weights(stratum, _RESAMPLES, np.random.default_rng(0)))
        _distribution(found, recorded, resampled, theta, ("sd", "P_less", "P_equal"))
        for interval, field in _RANGES.items():
            if field not in recorded:
                continue
            ranges = recorded.entry(field)
            for resamples in ranges.values:
                drawn = auc(resample_weights(stratum, int(resamples), np.random.default_rng(1)))
                ours = _interval(theta, drawn, interval, a_hat)
                accepted = ranges.entry(resamples)
                _bounds(found, accepted, interval, ours.low, ours.high, _AUC_ROUNDING)


def _interval(theta: float, drawn: FloatArray, kind: str, a: float) -> TestResult:
    defined = drawn[~np.isnan(drawn)]  # without strata a resample may lose a class
    which: BootstrapKind = "bca" if kind == "bca" else "percentile"
    return bootstrap_result(theta, defined, n=len(defined), kind=which, acceleration=a)


def _acceleration(found: Tally, expected: Entry, ours: float) -> None:
    recorded = nullable(expected, "acceleration")
    if abs(recorded) < 1e-12:  # of symmetric values: rounding only
        found.number("estimates", f"{expected.where}, acceleration", ours, recorded)
    else:
        found.number("acceleration", f"{expected.where}, acceleration", ours, recorded)


def _distribution(
    found: Tally, expected: Entry, resampled: FloatArray, theta: float, fields: tuple[str, str, str]
) -> None:
    """Compare standard deviation, shares below and equal, and the bias correction."""
    values = resampled[~np.isnan(resampled)]
    count = len(values)
    spread, less, equal = (nullable(expected, field) for field in fields)
    kurtosis = float(stats.kurtosis(values, fisher=False))
    error = spread * sqrt(max(kurtosis - 1, 0.0) / (4 * count))
    _near(found, f"{expected.where}, sd", float(values.std()), spread, error)
    # The shares tell ours by a tolerance; exact ones count one rounding step apart as equal.
    share = float(stats.norm.cdf(bias_correction(theta, values)))
    middle = less + equal / 2
    error = sqrt(max(less * (1 - less) + equal * (1 - equal) / 4 - less * equal, 0.0) / count)
    _near(found, f"{expected.where}, share below", share, middle, error)
    z0 = nullable(expected, "z0_mid")
    slope = float(stats.norm.pdf(z0))
    _near(found, f"{expected.where}, z0", float(stats.norm.ppf(share)), z0, error / slope)


def _near(found: Tally, where: str, ours: float, recorded: float, error: float) -> None:
    outside = max(abs(ours - recorded) - _STANDARD_ERRORS * error, 0.0)
    found.number("outside", where, outside, 0.0)


def _bounds(
    found: Tally, accepted: Entry, kind: str, low: float, high: float, rounding: float
) -> None:
    for field, bound in (("lo", low), ("hi", high)):
        least, most = accepted.numbers(field, 2)
        outside = max(least - bound - rounding, bound - most - rounding, 0.0)
        found.number("outside", f"{accepted.where}, {kind} {field}", outside, 0.0)
