"""Is a table's ES-AUC one that its own AUCs allow?"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan, nan

import pandas as pd

from benchmark.published.cells import UNITLESS, Cell, rounding
from benchmark.stats.summaries import Interval, es_auc_interval

INSIDE, OUTSIDE, NOT_CHECKED = "inside", "outside", "not checked"

_PLACE = ("source", "table", "protocol", "dataset", "arch", "attribute", "variant")


def check_es_auc(cells: Iterable[Cell]) -> pd.DataFrame:
    """Return each printed ES-AUC with the bounds that the printed AUCs beside it set.

    Bounds allow for rounding and for averaging over seeds: `es_auc_interval`. A number outside
    them cannot come from the AUCs printed in its row; one inside may.

    Returns:
        One row for each printed ES-AUC: `printed`, `from_means` (of the printed means, as if
        they were one run), `low`, `high`, `outcome` (`inside`, `outside`, `not checked`) and
        `reason`. Fractions.
    """
    held = [cell for cell in cells if cell.metric not in UNITLESS]
    tables: dict[tuple[str, str], list[Cell]] = {}
    places: dict[tuple[str, ...], list[Cell]] = {}
    for cell in held:
        tables.setdefault((cell.source, cell.table), []).append(cell)
        places.setdefault(tuple(getattr(cell, name) for name in _PLACE), []).append(cell)
    rows = []
    for place, found in places.items():
        for printed in (cell for cell in found if cell.metric == "es_auc"):
            half = rounding(tables[printed.source, printed.table])
            from_means, bounds = _bounds(found, half)
            rows.append(
                {
                    **dict(zip(_PLACE, place, strict=True)),
                    "printed": printed.mean,
                    "from_means": from_means,
                    "low": bounds.low,
                    "high": bounds.high,
                    "rounding": half,
                    "outcome": _outcome(printed.mean, bounds, half),
                    "reason": bounds.reason,
                }
            )
    return pd.DataFrame(rows)


def _bounds(found: Iterable[Cell], half: float) -> tuple[float, Interval]:
    """Return ES-AUC of the printed means, and which values the printed numbers allow."""
    overall = next((cell for cell in found if cell.metric == "auc"), None)
    groups = [cell for cell in found if cell.metric == "group_auc"]
    if overall is None or not groups:
        what = "AUC over all samples" if overall is None else "group AUC"
        return nan, Interval(nan, nan, f"no {what} is printed")
    means = [cell.mean for cell in groups]
    from_means = overall.mean / (1 + sum(abs(overall.mean - mean) for mean in means))
    if overall.n == 1:
        return from_means, es_auc_interval(overall.mean, means, rounding=half)
    spread = [cell.sd for cell in groups]
    if any(isnan(sd) for sd in (overall.sd, *spread)):
        why = "a standard deviation is not printed, so nothing bounds a mean over seeds"
        return from_means, Interval(nan, nan, why)
    return from_means, es_auc_interval(
        overall.mean, means, rounding=half, sd=overall.sd, group_sd=spread
    )


def _outcome(printed: float, bounds: Interval, half: float) -> str:
    if bounds.reason:
        return NOT_CHECKED
    slack = half + 1e-12  # the printed number is rounded too; a float is not a decimal
    return INSIDE if bounds.low - slack <= printed <= bounds.high + slack else OUTSIDE
