"""Published comparisons tested on their own: what a table's mean ± SD supports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isnan

import numpy as np
import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.published.cells import UNITLESS, Cell
from benchmark.stats.multiplicity import adjust
from benchmark.stats.summaries import welch_from_summary

AGAINST = {"clip": "", "blip2": "", "clip-ft": "clip", "blip2-ft": "blip2"}
"""What a variant claims to be better than: fine-tuned weights, those that it starts from; every
method that is not named here, `clip-ft`."""

BETTER, WORSE, NOT_SHOWN, NO_TEST = "better", "worse", "not shown", "no test"

FAMILY = ["source", "table", "protocol"]
"""One correction runs over all claims of a table (of one protocol, where it has several)."""

_BOTH = ["dataset", "arch", "attribute", "metric", "group"]


def retest(cells: Iterable[Cell], alpha: float = 0.05) -> pd.DataFrame:
    """Return every claim "better than" of the tables with its Welch test, Holm over each table.

    A table's numbers do not say which runs shared a seed, so the test is unpaired. An AUC over
    all samples that a table prints anew for each attribute, with the same numbers on both
    sides, is one claim.

    Args:
        cells: Of any number of sources; unitless metrics are left out.
        alpha: Level of a family.

    Returns:
        One row for each claim: the two sides, `difference` (variant minus other, a fraction)
        with its 1 − alpha interval, `improvement` (signed so that positive is better), `p`,
        `p_adjusted`, `outcome` (`better`, `worse`, `not shown`, `no test`) and `reason`.
    """
    merged: dict[tuple[object, ...], tuple[list[str], Cell, Cell]] = {}
    for ours, theirs in _pairs(cells):
        attributes = merged.setdefault(_claim_key(ours, theirs), ([], ours, theirs))[0]
        attributes.append(ours.attribute)
    rows = [_row(names, ours, theirs, alpha) for names, ours, theirs in merged.values()]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    table["p_adjusted"] = table.groupby(FAMILY)["p"].transform(lambda p: adjust(p.to_numpy()))
    table["outcome"] = [
        _outcome(row["improvement"], row["p_adjusted"], alpha) for row in table.to_dict("records")
    ]
    return table


def _pairs(cells: Iterable[Cell]) -> Iterator[tuple[Cell, Cell]]:
    held = [cell for cell in cells if cell.metric not in UNITLESS]
    by_place = {(*_place(cell), cell.variant): cell for cell in held}
    for cell in held:
        other = by_place.get((*_place(cell), AGAINST.get(cell.variant, "clip-ft")))
        if other is not None and other is not cell:
            yield cell, other


def _place(cell: Cell) -> tuple[str, ...]:
    return tuple(getattr(cell, name) for name in (*FAMILY, *_BOTH))


def _claim_key(ours: Cell, theirs: Cell) -> tuple[object, ...]:
    place = list(_place(ours))
    if ours.metric == "auc":  # over all samples: no attribute moves it
        place.remove(ours.attribute)
        numbers = [str(x) for c in (ours, theirs) for x in (c.mean, c.sd, c.n)]
        return (*place, ours.variant, *numbers)
    return (*place, ours.variant)


def _row(attributes: Sequence[str], ours: Cell, theirs: Cell, alpha: float) -> dict[str, object]:
    sign = 1 if METRICS[ours.metric].direction == "up" else -1
    row: dict[str, object] = {
        **{name: getattr(ours, name) for name in (*FAMILY, *_BOTH)},
        "attribute": ", ".join(attributes),
        "direction": METRICS[ours.metric].direction,
        "variant": ours.variant,
        "against": theirs.variant,
    }
    for name, cell in (("", ours), ("_against", theirs)):
        row |= {f"mean{name}": cell.mean, f"sd{name}": cell.sd, f"n{name}": cell.n}
    difference = ours.mean - theirs.mean
    numbers = dict.fromkeys(("low", "high", "t", "df", "p"), np.nan)
    reason = "the number of runs is not printed"
    if ours.n is not None and theirs.n is not None:
        found = welch_from_summary(
            ours.mean, ours.sd, ours.n, theirs.mean, theirs.sd, theirs.n, 1 - alpha
        )
        numbers = {"low": found.low, "high": found.high, "t": found.statistic}
        numbers |= {"df": found.df, "p": found.p}
        reason = found.reason
    return {
        **row,
        "difference": difference,
        "improvement": sign * difference,
        **numbers,
        "reason": reason,
    }


def _outcome(improvement: float, p: float, alpha: float) -> str:
    if isnan(p):
        return NO_TEST
    if p > alpha:
        return NOT_SHOWN
    return BETTER if improvement > 0 else WORSE
