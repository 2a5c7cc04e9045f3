"""The rates of a calibration study as Markdown tables: one a quantity, a column a seed count."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmark.calibration.rates import NOMINAL
from benchmark.calibration.study import MARGIN, NONE
from benchmark.report.cells import Row, table

OFF = "▲"
"""Marks a rate that is worse than nominal by more than two standard errors."""

TITLES = {
    "coverage": "Coverage of 95% intervals (of those that exist)",
    "coverage of the measured": "Coverage of what test sets of this size measure on average",
    "no interval": "Claims without an interval",
    "false difference": "A difference where there is none: p ≤ 0.05, unadjusted",
    "false equivalence": "Equivalence at a true difference of the margin: p ≤ 0.05, unadjusted",
    "wrong side": "A difference of the wrong sign: p ≤ 0.05, unadjusted",
    "gain at the cost of AUC": "Verdict better in fairness where AUC is worse by its margin",
    "false verdict": "Verdicts that the truth contradicts, after Holm's correction",
    "power, difference": "Power to show a true difference of the margin: p ≤ 0.05, unadjusted",
    "power, equivalence": "Power to show equivalence, no effect: p ≤ 0.05, unadjusted",
    "verdict of difference": "Verdict better or worse at a true difference of the margin",
    "verdict of equivalence": "Verdict equivalent where there is no effect",
}

EFFECTS = {NONE: "no effect", MARGIN: "± margin"}


def study_lines(rates: pd.DataFrame) -> Iterator[str]:
    """Yield all tables: percentages ± two standard errors.

    Args:
        rates: From `benchmark.calibration.rates.rates_of`.
    """
    for quantity, nominal in NOMINAL.items():
        part = rates[rates["quantity"] == quantity]
        if part.empty or (quantity == "no interval" and not part["rate"].any()):
            continue
        bound = "at least" if quantity.startswith("coverage") else "at most"
        yield f"### {TITLES[quantity]}"
        yield ""
        if nominal == nominal:
            yield f"Should be {bound} {100 * nominal:g}%."
            yield ""
        yield from _table(part)


def _table(part: pd.DataFrame) -> Iterator[str]:
    seeds = sorted(part["n_seeds"].unique())
    names = ["scope", "smallest_group", "effect", "metric"]
    body = []
    for (scope, group, effect, metric), rows in part.groupby(names, sort=False):
        by_seeds = {row["n_seeds"]: _cell(row) for row in rows.to_dict("records")}
        cells = [by_seeds.get(n, "–") for n in seeds]
        body.append([str(scope), str(group), EFFECTS[str(effect)], str(metric), *cells])
    heads = ["scope", "smallest group", "truth", "metric", *(f"{n} seeds" for n in seeds)]
    yield from table(heads, body)


def _cell(row: Row) -> str:
    mark = f" {OFF}" if row["off"] else ""
    return f"{100 * row['rate']:.1f} ± {100 * row['error']:.1f}{mark}"
