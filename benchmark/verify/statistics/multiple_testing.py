"""Adjusted p-values against exact rational arithmetic, R, statsmodels and scipy."""

from __future__ import annotations

from benchmark.stats.multiplicity import METHODS, adjust
from benchmark.verify.pack import Pack, PackError
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullables

FILES = ("statistics/04_multiple_testing.json",)


def check_multiple_testing(pack: Pack) -> list[CheckResult]:
    """Compare every correction of every list of p-values, missing ones included."""
    found = Tally("statistics-multiple-testing", relative={"p": 1e-12}, absolute={"lengths": 0.0})
    for case in pack.record(FILES[0]).entries("cases", "id"):
        p, expected = nullables(case.entry("inputs"), "p"), case.entry("expected")
        for name in expected.values:
            method = name.lower()
            if method not in METHODS:
                raise PackError(f"{case.where}: correction '{name}'; known: {', '.join(METHODS)}")
            ours, recorded = adjust(p, method), nullables(expected, name)
            where = f"{case.where}, {name}"
            found.number("lengths", f"{where}, length", len(ours), len(recorded))
            if len(ours) == len(recorded):
                found.numbers("p", where, ours.tolist(), recorded)
    return [found.result()]
