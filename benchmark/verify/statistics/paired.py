"""Tests and effect sizes of paired scores, against exact arithmetic and R."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from benchmark.stats import effects
from benchmark.stats.differences import differences
from benchmark.stats.exact import sign_flip, sign_test, wilcoxon_normal, wilcoxon_signed_rank
from benchmark.stats.paired import paired_t
from benchmark.stats.result import TestResult
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable, nullables

FILES = ("statistics/02_paired.json",)

_P = {"p_two_sided": "p", "p_greater": "p_greater", "p_less": "p_less"}


def check_paired(pack: Pack) -> list[CheckResult]:
    """Compare t tests, exact tests and effect sizes of the cases and of the edge cases."""
    found = Tally(
        "statistics-paired",
        relative={"t": 1e-9, "p": 1e-8, "effects": 1e-9},
        absolute={
            "exact_p": 1e-12,
            "d_z_intervals": 1e-5,
            "correlations": 1e-12,
            "counts": 0.0,
            "differences": 1e-15,
        },
    )
    record = pack.record(FILES[0])
    for case in record.entries("cases", "id"):
        inputs, expected = case.entry("inputs"), case.entry("expected")
        x, y = nullables(inputs, "x"), nullables(inputs, "y")
        found.number("counts", f"{case.where}, n", len(x), expected.integer("n"))
        recorded = nullables(expected, "d")
        found.numbers("differences", f"{case.where}, d", differences(x, y).values, recorded)
        _compare_t(found, expected.entry("t"), paired_t(x, y))
        _compare_wilcoxon(found, expected.entry("wilcoxon"), x, y)
        _compare_sign_flip(found, expected.entry("sign_flip"), x, y)
        sign = nullable(expected, "sign_test_p")
        found.number("exact_p", f"{case.where}, sign test", sign_test(x, y).p, sign)
        _compare_effects(found, expected.entry("effect"), x, y)
    for case in record.entries("edge", "id") if "edge" in record else []:
        inputs, expected = case.entry("inputs"), case.entry("expected")
        x, y = nullables(inputs, "x"), nullables(inputs, "y")
        t = paired_t(x, y)
        for kind, field, ours in (
            ("exact_p", "sign_flip_p", sign_flip(x, y).p),
            ("exact_p", "wilcoxon_p", wilcoxon_signed_rank(x, y).p),
            ("t", "t", t.statistic),
            ("p", "p_t", t.p),
        ):
            if field in expected:
                found.number(kind, f"{case.where}, {field}", ours, nullable(expected, field))
    return [found.result()]


def _compare_t(found: Tally, recorded: Entry, ours: TestResult) -> None:
    where = recorded.where
    for field, value in (
        ("t", ours.statistic),
        ("df", ours.df),
        ("mean_diff", ours.estimate),
        ("sd_diff", ours.sd),
        ("se", ours.se),
    ):
        found.number("t", f"{where}, {field}", value, nullable(recorded, field))
    found.interval("t", where, (ours.low, ours.high), recorded, "ci95")
    _compare_p(found, "p", recorded, ours)


def _compare_p(found: Tally, kind: str, recorded: Entry, ours: TestResult) -> None:
    for field, attribute in _P.items():
        value = getattr(ours, attribute)
        found.number(kind, f"{recorded.where}, {field}", value, nullable(recorded, field))


def _compare_wilcoxon(
    found: Tally, recorded: Entry, x: Sequence[float], y: Sequence[float]
) -> None:
    where = recorded.where
    dropped, pratt = (wilcoxon_signed_rank(x, y, zeros) for zeros in ("drop", "pratt"))
    units = differences(x, y).units
    kept = np.abs(units[units != 0])
    n = len(kept)
    total = n * (n + 1) / 2
    w = dropped.statistic
    for field, value in (
        ("n_nonzero", n),
        ("n_zero", len(units) - n),
        ("W_plus", w),
        ("W_minus", total - w),
        ("T_min", min(w, total - w)),
        ("pratt_W_plus", pratt.statistic),
    ):
        found.number("counts", f"{where}, {field}", value, recorded.number(field))
    tied = float(len(np.unique(kept)) < n)
    ties = float(recorded.value("ties_in_abs_d"))
    found.number("counts", f"{where}, ties_in_abs_d", tied, ties)
    exact = recorded.entry("exact_zeros_dropped")
    _compare_p(found, "exact_p", exact, dropped)
    _compare_counts(found, exact, dropped.p, 2**n)
    _compare_p(found, "exact_p", recorded.entry("exact_pratt"), pratt)
    normal = recorded.entry("normal_approx")
    for name, continuity in (("no_cc", False), ("cc", True)):
        ours = wilcoxon_normal(x, y, continuity=continuity)
        for letter, value in (("z", ours.statistic), ("p", ours.p)):
            field = f"{letter}_{name}"
            found.number("p", f"{normal.where}, {field}", value, nullable(normal, field))


def _compare_sign_flip(
    found: Tally, recorded: Entry, x: Sequence[float], y: Sequence[float]
) -> None:
    ours = sign_flip(x, y)
    _compare_p(found, "exact_p", recorded, ours)
    _compare_counts(found, recorded, ours.p, 2 ** len(x))
    # Both one-sided p count the patterns that give the observed sum; as many give its opposite.
    equal = (ours.p_greater + ours.p_less - 1) * 2 ** len(x) * (2 if ours.estimate else 1)
    where = f"{recorded.where}, n_flips_equal_to_observed"
    found.number("counts", where, round(equal), recorded.number("n_flips_equal_to_observed"))


def _compare_counts(found: Tally, recorded: Entry, p: float, total: int) -> None:
    where = recorded.where
    found.number("counts", f"{where}, total", total, recorded.number("total"))
    count = round(p * total)
    found.number("counts", f"{where}, count_two_sided", count, recorded.number("count_two_sided"))


def _compare_effects(found: Tally, recorded: Entry, x: Sequence[float], y: Sequence[float]) -> None:
    where = recorded.where
    d, g = effects.cohens_dz(x, y), effects.hedges_gz(x, y)
    df = len(x) - 1
    ours = {
        "d_z": d.estimate,
        "g_z": g.estimate,
        "J_exact": effects.hedges_correction(df) if df > 1 else nan,
        "J_approx_1_minus_3_over_4df_minus_1": 1 - 3 / (4 * df - 1),
        "g_z_approx": d.estimate * (1 - 3 / (4 * df - 1)),
        "d_av": effects.cohens_dav(x, y).estimate,
        "d_rm": effects.cohens_drm(x, y).estimate,
        "cliffs_delta": effects.cliffs_delta(x, y).estimate,
        "paired_dominance": effects.paired_dominance(x, y).estimate,
        "matched_rank_biserial": effects.matched_rank_biserial(x, y).estimate,
    }
    for field, value in ours.items():
        found.number("effects", f"{where}, {field}", value, nullable(recorded, field))
    r = float(np.corrcoef(x, y)[0, 1])
    found.number("correlations", f"{where}, r_xy", r, nullable(recorded, "r_xy"))
    counts = recorded.entry("cliffs_counts")
    for field, count in zip(("gt", "lt", "eq"), effects.ordered_pairs(x, y), strict=True):
        found.number("counts", f"{counts.where}, {field}", count, counts.number(field))
    for field, effect in (("d_z_ci95", d), ("g_z_ci95", g)):
        bounds = effect.low, effect.high
        found.interval("d_z_intervals", where, bounds, recorded, field)
