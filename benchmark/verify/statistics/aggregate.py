"""Interquartile mean and probability of improvement against exact values and many resamples."""

from __future__ import annotations

from benchmark.stats.aggregate import (
    Interval,
    improvement_interval,
    iqm,
    iqm_interval,
    probability_of_improvement,
)
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable

FILES = ("statistics/12_rliable.json",)


def check_aggregate(pack: Pack) -> list[CheckResult]:
    """Compare values, and whether each bound lies where so many resamples place it."""
    found = Tally("statistics-aggregate", relative={}, absolute={"values": 1e-12, "outside": 0.0})
    found.notes.append("outside: how far a bootstrap bound lies outside its recorded range")
    for case in pack.record(FILES[0]).entries("cases", "id"):
        inputs, expected = case.entry("inputs"), case.entry("expected")
        x, y = inputs.value("x"), inputs.value("y")
        for name in ("x", "y"):
            if f"iqm_{name}" in expected:
                recorded = nullable(expected, f"iqm_{name}")
                found.number(
                    "values", f"{case.where}, iqm {name}", iqm(inputs.value(name)), recorded
                )
        improvement = probability_of_improvement(x, y)
        recorded = nullable(expected, "prob_improvement_x_over_y")
        found.number("values", f"{case.where}, improvement", improvement, recorded)
        ranges = expected.entry("accept_iqm")
        for resamples in ranges.values:
            interval = iqm_interval(x, n_resamples=int(resamples))
            _inside(found, ranges.entry(resamples), interval)
        ranges = expected.entry("accept_prob_improvement")
        for resamples in ranges.values:
            interval = improvement_interval(x, y, n_resamples=int(resamples))
            _inside(found, ranges.entry(resamples), interval)
    return [found.result()]


def _inside(found: Tally, accepted: Entry, interval: Interval) -> None:
    for field, bound in (("lo", interval.low), ("hi", interval.high)):
        low, high = accepted.numbers(field, 2)
        outside = max(low - bound, bound - high, 0.0)
        found.number("outside", f"{accepted.where}, {field}", outside, 0.0)
