"""Friedman, Iman–Davenport and Nemenyi against R, exact rationals and published examples."""

from __future__ import annotations

from math import isnan

from benchmark.stats.friedman import (
    bonferroni_dunn_cd,
    friedman,
    nemenyi_cd,
    nemenyi_p,
)
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable

FILES = ("statistics/05_friedman.json",)


def check_friedman(pack: Pack) -> list[CheckResult]:
    """Compare every case, and the table of quantiles."""
    found = Tally(
        "statistics-friedman",
        relative={"statistics": 1e-10, "p": 1e-7, "critical_differences": 1e-5},
        absolute={"ranks": 1e-12, "nemenyi_p": 1e-4},
    )
    record = pack.record(FILES[0])
    for case in record.entries("cases", "id"):
        _compare(found, case)
    if "nemenyi_q_table" in record:
        table = record.entry("nemenyi_q_table")
        for methods in table.values:
            row = table.entry(methods)
            for level in row.values:
                # With k(k+1) / 6N = 1 the critical difference is q / √2, what tables print.
                n_methods = int(methods)
                blocks = n_methods * (n_methods + 1)
                q = nemenyi_cd(n_methods, blocks, float(level)) * 6**0.5
                found.number("critical_differences", row.where, q, row.number(level))
    return [found.result()]


def _compare(found: Tally, case: Entry) -> None:
    values = case.entry("inputs").value("X")
    expected = case.entry("expected")
    n, k = expected.integer("N"), expected.integer("k")
    for corrected, suffix in ((True, "tie_corrected"), (False, "no_tie_correction")):
        ours = friedman(values, correct_ties=corrected)
        where = f"{case.where}, {suffix}"
        found.number("statistics", where, ours.chi2, nullable(expected, f"chi2_{suffix}"))
        found.number("p", where, ours.p_chi2, nullable(expected, f"p_chi2_{suffix}"))
        if expected.value(f"iman_davenport_{suffix}") is None:
            continue
        f = expected.entry(f"iman_davenport_{suffix}")
        found.number("statistics", f"{where}, F", ours.f, nullable(f, "F"))
        found.number("p", f"{where}, F", ours.p_f, nullable(f, "p"))
        found.number("ranks", f"{where}, df1", ours.df1, f.integer("df1"))
        found.number("ranks", f"{where}, df2", ours.df2, f.integer("df2"))
    ours = friedman(values)
    recorded_exact = nullable(expected, "exact_permutation_p")
    if not isnan(recorded_exact):
        found.number("p", f"{case.where}, exact", ours.p_exact, recorded_exact)
    ranks = expected.numbers("avg_ranks_higher_is_better", k)
    found.numbers("ranks", f"{case.where}, rank", ours.average_ranks, ranks)
    cds = expected.entry("nemenyi_cd")
    for level in cds.values:
        ours_cd = nemenyi_cd(k, n, float(level))
        found.number("critical_differences", cds.where, ours_cd, cds.number(level))
    if "bonferroni_dunn_cd_0_05" in expected:
        recorded = expected.number("bonferroni_dunn_cd_0_05")
        found.number("critical_differences", case.where, bonferroni_dunn_cd(k, n), recorded)
    for row, recorded_row in zip(
        nemenyi_p(ours.average_ranks, n), expected.rows("nemenyi_p", k), strict=True
    ):
        found.numbers("nemenyi_p", f"{case.where}, Nemenyi", row.tolist(), recorded_row)
