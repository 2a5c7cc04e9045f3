"""Rank correlations with exact p, and the repeated-measures correlation, against R."""

from __future__ import annotations

from math import isnan

from benchmark.stats.rank_correlation import RankCorrelation, kendall, spearman
from benchmark.stats.within_runs import within_runs
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable, nullables

FILES = ("statistics/07_correlation.json",)


def check_correlation(pack: Pack) -> list[CheckResult]:
    """Compare coefficients, p-values and intervals of every case."""
    found = Tally(
        "statistics-correlation",
        relative={"p": 1e-8, "slopes": 1e-9},
        absolute={"coefficients": 1e-12, "intervals": 1e-9, "degrees_of_freedom": 0.0},
    )
    record = pack.record(FILES[0])
    if "correlation" in record:
        for case in record.entries("correlation", "id"):
            x, y = (nullables(case.entry("inputs"), name) for name in ("x", "y"))
            expected = case.entry("expected")
            _compare(found, expected, spearman(x, y), "spearman", "spearman_rho", "spearman_p_t")
            _compare(found, expected, kendall(x, y), "kendall", "kendall_tau_b", "kendall_p_normal")
    if "rmcorr" in record:
        for case in record.entries("rmcorr", "id"):
            _compare_within_runs(found, case)
    return [found.result()]


def _compare(
    found: Tally, expected: Entry, ours: RankCorrelation, name: str, field: str, asymptotic: str
) -> None:
    where = f"{expected.where}, {name}"
    found.number("coefficients", where, ours.coefficient, nullable(expected, field))
    found.number("p", f"{where}, asymptotic", ours.p_asymptotic, nullable(expected, asymptotic))
    exact = f"{name}_p_exact_abs"
    if exact in expected and not isnan(nullable(expected, exact)):
        found.number("p", f"{where}, exact", ours.p_exact, expected.number(exact))


def _compare_within_runs(found: Tally, case: Entry) -> None:
    inputs, expected = case.entry("inputs"), case.entry("expected")
    x, y = nullables(inputs, "x"), nullables(inputs, "y")
    ours = within_runs(inputs.value("run"), x, y)
    where = case.where
    for field, value in (("N", ours.n), ("k", ours.runs), ("df", ours.df)):
        found.number("degrees_of_freedom", f"{where}, {field}", value, expected.integer(field))
    found.number("coefficients", f"{where}, r", ours.r, nullable(expected, "r"))
    found.number("slopes", f"{where}, slope", ours.slope, nullable(expected, "slope_y_on_x"))
    found.number("p", f"{where}, p", ours.p, nullable(expected, "p"))
    found.interval("intervals", where, (ours.low, ours.high), expected, "ci95")
