"""How often verdicts were wrong, intervals missed and effects were found, with their error."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from benchmark.calibration.study import ALPHA, MARGIN, NONE
from benchmark.verdicts.claims import OVERALL

CELL = ["scope", "smallest_group", "effect", "n_seeds"]

FAMILY = "any of the family"
"""In place of a metric: at least one of the grid's claims."""

NOMINAL = {
    "coverage": 1 - ALPHA,
    "coverage of the measured": 1 - ALPHA,
    "no interval": np.nan,
    "false difference": ALPHA,
    "false equivalence": ALPHA,
    "wrong side": ALPHA / 2,
    "gain at the cost of AUC": ALPHA,
    "false verdict": ALPHA,
    "power, difference": np.nan,
    "power, equivalence": np.nan,
    "verdict of difference": np.nan,
    "verdict of equivalence": np.nan,
}
"""Quantity → the least it should be, for coverage, or the most, for errors; NaN without a bound."""


def rates_of(claims: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cell, metric and quantity.

    Quantities: `coverage` of the intervals that there are, and for scope patients `coverage of
    the measured`: of what test sets of this size measure on average; the share of claims with
    `no interval`; of unadjusted tests `false difference` (no effect), `false equivalence` (an
    effect of the margin), `wrong side` (a difference of the wrong sign) and the two powers; of
    verdicts, after Holm's correction, `false verdict` (any that the truth contradicts), `gain at
    the cost of AUC` (better in fairness where AUC is worse by its margin), and how often the
    truth is found.

    Args:
        claims: From `benchmark.calibration.study.run_study`.

    Returns:
        Columns of the cell, `metric`, `quantity`, `nominal`, `n` (claims or grids), `rate`,
        `error` (two standard errors), `off`: worse than nominal by more than two standard errors.
    """
    events = _events(claims)
    rows = [
        _row(cell, str(metric), quantity, found)
        for (*cell, metric), part in events.groupby([*CELL, "metric"], sort=False)
        for quantity in NOMINAL
        for found in [part[quantity].dropna()]
        if len(found)
    ]
    by_grid = events.groupby([*CELL, "grid"], sort=False)["false verdict"].max().reset_index()
    rows += [
        _row(cell, FAMILY, "false verdict", part["false verdict"])
        for cell, part in by_grid.groupby(CELL, sort=False)
    ]
    return pd.DataFrame(rows)


def _row(cell: Any, metric: str, quantity: str, happened: pd.Series) -> dict[str, Any]:
    n, rate, nominal = len(happened), float(happened.mean()), NOMINAL[quantity]
    centre = (rate * n + 2) / (n + 4)  # none of n is no certainty (Agresti & Coull, 1998)
    slack = 2 * sqrt(nominal * (1 - nominal) / n)
    short = nominal - rate if quantity.startswith("coverage") else rate - nominal
    return {
        **dict(zip(CELL, cell, strict=True)),
        "metric": metric,
        "quantity": quantity,
        "nominal": nominal,
        "n": n,
        "rate": rate,
        "error": 2 * sqrt(centre * (1 - centre) / (n + 4)),
        "off": bool(short > slack),
    }


def _events(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the claims with a column for each quantity: 1 or 0, NaN where it does not apply."""
    none, at_margin = claims["effect"] == NONE, claims["effect"] == MARGIN
    better_up = np.where(claims["direction"] == "up", 1, -1)
    verdict = claims["verdict"]
    better, worse = verdict.str.startswith("better"), verdict.str.startswith("worse")
    within = verdict.str.contains("equivalent|negligible")
    different = claims["p"] <= ALPHA
    equivalent = claims["p_equivalence"] <= ALPHA
    wrong_side = np.sign(claims["difference"]) != np.sign(claims["truth"])
    gain = better_up * claims["truth"] > 0
    paid = at_margin & gain & ~claims["metric"].isin(OVERALL) & _auc_is_worse(claims)
    interval = claims["low"].notna()
    at_patients = claims["scope"] == "patients"
    false_side = (better & ~gain) | (worse & gain)
    quantities = {
        "coverage": _covered(claims, "truth").where(interval),
        "coverage of the measured": _covered(claims, "measured").where(
            interval & at_margin & at_patients
        ),
        "no interval": ~interval,
        "false difference": different.where(none),
        "false equivalence": equivalent.where(at_margin),
        "wrong side": (different & wrong_side).where(at_margin),
        "gain at the cost of AUC": better.where(paid),
        "false verdict": ((better | worse) & none)
        | ((within | false_side | (better & paid)) & at_margin),
        "power, difference": different.where(at_margin),
        "power, equivalence": equivalent.where(none),
        "verdict of difference": (better | worse).where(at_margin & ~paid),
        "verdict of equivalence": within.where(none),
    }
    return claims.assign(**{name: found.astype(float) for name, found in quantities.items()})


def _covered(claims: pd.DataFrame, value: str) -> pd.Series:
    return (claims["low"] <= claims[value]) & (claims[value] <= claims["high"])


def _auc_is_worse(claims: pd.DataFrame) -> pd.Series:
    of_auc = claims[claims["metric"] == "auc"].set_index([*CELL, "grid"])["truth"]
    key = pd.MultiIndex.from_frame(claims[[*CELL, "grid"]])
    return pd.Series(of_auc.reindex(key).to_numpy() < 0, index=claims.index)
