"""Paired equivalence tests against exact arithmetic, R and statsmodels."""

from __future__ import annotations

from math import isnan

from benchmark.stats.equivalence import tost_paired
from benchmark.stats.paired import paired_t
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable, nullables

FILES = ("statistics/03_tost.json",)


def check_tost(pack: Pack) -> list[CheckResult]:
    """Compare both one-sided tests, the interval, the decision and the test of difference."""
    found = Tally(
        "statistics-tost",
        relative={"t": 1e-9, "p": 1e-8},
        absolute={"intervals": 1e-10, "decisions": 0.0},
    )
    for case in pack.record(FILES[0]).entries("cases", "id"):
        _compare(found, case.entry("inputs"), case.entry("expected"))
    return [found.result()]


def _compare(found: Tally, inputs: Entry, expected: Entry) -> None:
    x, y = nullables(inputs, "x"), nullables(inputs, "y")
    alpha = inputs.number("alpha")
    margin = inputs.number("low"), inputs.number("high")
    ours, t = tost_paired(x, y, margin, alpha), paired_t(x, y, 1 - alpha)
    where = expected.where
    numbers = {
        "decisions": {"n": ours.n, "df": ours.df},
        "t": {
            "mean_diff": ours.estimate,
            "se": ours.se,
            "t_low": ours.t_low,
            "t_high": ours.t_high,
            "nhst_t": t.statistic,
        },
        "p": {"p_low": ours.p_low, "p_high": ours.p_high, "p_tost": ours.p, "nhst_p": t.p},
    }
    for kind, fields in numbers.items():
        for field, value in fields.items():
            if field in expected:
                found.number(kind, f"{where}, {field}", value, nullable(expected, field))
    intervals = {
        "ci_1_minus_2alpha": (ours.low, ours.high),
        "ci_1_minus_alpha_NOT_for_tost": (t.low, t.high),
    }
    for field, bounds in intervals.items():
        if field in expected and expected.value(field) is not None:
            recorded = nullables(expected, field)
            found.numbers("intervals", f"{where}, {field}", bounds, recorded)
    different = None if isnan(t.p) else t.p < alpha
    for field, decision in (("equivalent", ours.equivalent), ("different", different)):
        if field in expected and expected.value(field) is not None:
            same = decision is expected.value(field)
            found.number("decisions", f"{where}, {field}", float(same), 1.0)
