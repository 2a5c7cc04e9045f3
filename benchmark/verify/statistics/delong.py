"""DeLong's variances, intervals and tests against exact rationals and pROC."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from benchmark.stats import delong
from benchmark.verify.pack import Arrays, Entry, Pack, PackError
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable, nullables

RECORD, ARRAYS = "statistics/01_delong.json", "statistics/01_delong_inputs.npz"
FILES = (RECORD, ARRAYS)

_KINDS: tuple[tuple[str, delong.IntervalKind], ...] = (
    ("ci_{}", "clipped"),
    ("ci_{}_unclipped", "unclipped"),
    ("ci_{}_logit", "logit"),
)


def check_delong(pack: Pack) -> list[CheckResult]:
    """Compare every paired, unpaired and joint case."""
    found = Tally(
        "statistics-delong",
        relative={"variances": 1e-9, "z": 1e-8, "p": 1e-7},
        absolute={"aucs": 1e-12, "intervals": 1e-9, "log10_p": 1e-7},
    )
    record, arrays = pack.record(RECORD), pack.arrays(ARRAYS)
    checks = {"paired": _paired, "unpaired": _unpaired, "multi": _joint}
    for kind, check in checks.items():
        if kind in record:
            for case in record.entries(kind, "id"):
                check(found, case, arrays)
    return [found.result()]


def _paired(found: Tally, case: Entry, arrays: Arrays) -> None:
    label, a, b = _inputs(case, arrays, 1, 1, 1)
    expected, where = case.entry("expected"), case.where
    (auc_a, auc_b), covariance = delong.auc_covariance(label, [a, b])
    ours = delong.paired(label, a, b)
    positive = int(np.count_nonzero(label))
    for field, value in (
        ("auc_a", auc_a),
        ("auc_b", auc_b),
        ("diff", ours.estimate),
        ("n_pos", positive),
        ("n_neg", len(label) - positive),
    ):
        found.number("aucs", f"{where}, {field}", float(value), nullable(expected, field))
    for field, value in (
        ("var_a", covariance[0, 0]),
        ("var_b", covariance[1, 1]),
        ("cov_ab", covariance[0, 1]),
        ("var_diff", ours.se**2),
    ):
        found.number("variances", f"{where}, {field}", float(value), nullable(expected, field))
    found.number("z", f"{where}, z", ours.statistic, nullable(expected, "z"))
    for field, value in (
        ("p_two_sided", ours.p),
        ("p_greater", ours.p_greater),
        ("p_less", ours.p_less),
    ):
        found.number("p", f"{where}, {field}", value, nullable(expected, field))
    log10_p = delong.log10_p(ours.statistic)
    recorded = nullable(expected, "log10_p_two_sided")
    found.number("log10_p", f"{where}, log10 p", log10_p, recorded)
    _interval(found, expected, "diff_ci", (ours.low, ours.high))
    for name, score in (("a", a), ("b", b)):
        for field, kind in _KINDS:
            interval = delong.auc_interval(label, score, kind=kind)
            _interval(found, expected, field.format(name), (interval.low, interval.high))


def _unpaired(found: Tally, case: Entry, arrays: Arrays) -> None:
    if len(case.entry("inputs").texts("npz")) == 3:  # one sample, divided by a flag
        label, score, flag = _inputs(case, arrays, 1, 1, 1)
        first = flag == 1
        label_1, score_1, label_2, score_2 = (
            label[first],
            score[first],
            label[~first],
            score[~first],
        )
    else:
        label_1, score_1, label_2, score_2 = _inputs(case, arrays, 1, 1, 1, 1)
    expected, where = case.entry("expected"), case.where
    ours = delong.unpaired(label_1, score_1, label_2, score_2)
    normal = delong.unpaired(label_1, score_1, label_2, score_2, law="normal")
    for number, label, score in ((1, label_1, score_1), (2, label_2, score_2)):
        (auc,), (variance,) = delong.auc_variance(label, [score])
        recorded_auc = nullable(expected, f"auc_{number}")
        recorded_variance = nullable(expected, f"var_{number}")
        found.number("aucs", f"{where}, auc {number}", float(auc), recorded_auc)
        found.number("variances", f"{where}, var {number}", float(variance), recorded_variance)
    found.number("z", f"{where}, D", ours.statistic, nullable(expected, "D"))
    found.number("z", f"{where}, df", ours.df, nullable(expected, "df"))
    found.number("p", f"{where}, p of t", ours.p, nullable(expected, "p_t_welch"))
    found.number("p", f"{where}, p of z", normal.p, nullable(expected, "p_normal"))


def _joint(found: Tally, case: Entry, arrays: Arrays) -> None:
    label, scores = _inputs(case, arrays, 1, 2)
    expected, where = case.entry("expected"), case.where
    aucs, covariance = delong.auc_covariance(label, scores.T)
    found.numbers("aucs", f"{where}, auc", aucs.tolist(), nullables(expected, "aucs"))
    recorded = expected.rows("cov", len(aucs))
    for position, (row, recorded_row) in enumerate(zip(covariance, recorded, strict=True)):
        found.numbers("variances", f"{where}, cov {position}", row.tolist(), recorded_row)
    ours = delong.joint(label, scores.T)
    found.number("z", f"{where}, chi2", ours.statistic, nullable(expected, "chi2"))
    found.number("z", f"{where}, df", ours.df, nullable(expected, "df"))
    found.number("p", f"{where}, p", ours.p, nullable(expected, "p"))


def _inputs(case: Entry, arrays: Arrays, *dimensions: int) -> list[NDArray[np.generic]]:
    """Return the arrays that a case names, of these numbers of dimensions."""
    names = case.entry("inputs").texts("npz")
    if len(names) != len(dimensions):
        raise PackError(
            f"{case.where}: field 'npz' names {len(names)} arrays; expected {len(dimensions)}"
        )
    return [
        arrays.array(name, *[None] * count) for name, count in zip(names, dimensions, strict=True)
    ]


def _interval(found: Tally, expected: Entry, field: str, ours: tuple[float, float]) -> None:
    recorded = [nan, nan] if expected.value(field) is None else nullables(expected, field)
    found.numbers("intervals", f"{expected.where}, {field}", ours, recorded)
