"""Posterior probabilities against exact Student posteriors and two million drawn ones."""

from __future__ import annotations

from benchmark.stats.bayes import Posterior, posterior, signed_rank_posterior
from benchmark.stats.differences import differences
from benchmark.stats.paired import corrected_resampled_t, paired_t
from benchmark.stats.result import TestResult
from benchmark.verify.deviations import absolute
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable, nullables

FILES = ("statistics/09_bayes.json",)

SAMPLES = 50_000
_REGIONS = {"p_left": "worse", "p_rope": "equivalent", "p_right": "better"}


def check_bayes(pack: Pack) -> list[CheckResult]:
    """Compare the correlated t posterior, its t test, and the signed-rank posterior."""
    found = Tally(
        "statistics-bayes",
        relative={},
        absolute={"posteriors": 1e-9, "t": 1e-9, "signed_rank": 0.01},
    )
    record = pack.record(FILES[0])
    for case in record.entries("two_on_single", "id") if "two_on_single" in record else []:
        _compare_single(found, case)
    for case in record.entries("two_on_multiple", "id") if "two_on_multiple" in record else []:
        _compare_multiple(found, case)
    return [found.result()]


def _compare_single(found: Tally, case: Entry) -> None:
    inputs, expected = case.entry("inputs"), case.entry("expected")
    x, y = nullables(inputs, "x"), nullables(inputs, "y")
    correlation = inputs.integer("runs") / len(x)  # one over the number of folds
    ours = posterior(differences(y, x).values, inputs.number("rope"), correlation)
    fields = _REGIONS | {"mean": "mean", "posterior_scale": "scale", "df": "df"}
    for field, attribute in fields.items():
        value = getattr(ours, attribute)
        found.number("posteriors", f"{case.where}, {field}", value, nullable(expected, field))
    if "hdi95" in expected:
        found.interval("posteriors", case.where, (ours.low, ours.high), expected, "hdi95")
    corrected = corrected_resampled_t(y, x, correlation)
    _compare_t(found, expected, "corrected_resampled_t", corrected)
    _compare_t(found, expected, "uncorrected_NOT_for_cv", paired_t(y, x))


def _compare_t(found: Tally, expected: Entry, field: str, ours: TestResult) -> None:
    if field not in expected or expected.value(field) is None:
        return
    recorded = expected.entry(field)
    fields = {"t": ours.statistic, "df": ours.df, "p_two_sided": ours.p}
    for name in recorded.values.keys() & fields.keys():
        found.number("t", f"{recorded.where}, {name}", fields[name], nullable(recorded, name))


def _compare_multiple(found: Tally, case: Entry) -> None:
    """Accept the recording in exact decimals or, where it gives one, in noisy floats."""
    inputs, expected = case.entry("inputs"), case.entry("expected")
    recorded = expected.entry("signed_rank")
    strength = recorded.number("prior_strength")
    x, y = nullables(inputs, "x"), nullables(inputs, "y")
    values = differences(y, x).values
    rope = inputs.number("rope")
    ours = signed_rank_posterior(values, rope, samples=SAMPLES, prior_strength=strength)
    accepted = [recorded]
    if "float_noise_alternative_accept_also" in expected:
        accepted.append(expected.entry("float_noise_alternative_accept_also"))
    nearest = min(accepted, key=lambda entry: _deviation(ours, entry))
    for field, attribute in _REGIONS.items():
        value = getattr(ours, attribute)
        found.number("signed_rank", f"{case.where}, {field}", value, nullable(nearest, field))


def _deviation(ours: Posterior, recorded: Entry) -> float:
    pairs = ((getattr(ours, a), nullable(recorded, field)) for field, a in _REGIONS.items())
    return max(absolute(value, number) for value, number in pairs)
