"""How far two sets of numbers of one training lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = Mapping[str, Sequence[float]]
Numbers = Mapping[str, Series]
"""Quantity → name → numbers, see `QUANTITIES`."""

QUANTITIES: Mapping[str, str] = {
    "first terms": "step",
    "terms": "step",
    "gradient norms": "step",
    "scores": "sample",
    "similarities": "sample",
    "metrics": "value",
}
"""What is compared → what a position in it is.

`terms` are the loss, its terms and their parts at every step; `first terms` are those of the
first step alone, which no gradient has reached and rounding hardly moves. Scores and
similarities are those after the last epoch, one list a split. Metrics are those of the test
scores, one list a metric: of all samples first, then of each group.
"""

RELATIVE = frozenset({"first terms", "terms", "gradient norms"})
"""Quantities whose deviation is relative to the mean size of the series that it is in."""

FLOORS: Mapping[str, float] = {
    "first terms": 1e-5,
    "terms": 1e-5,
    "gradient norms": 1e-5,
    "scores": 1e-6,
    "similarities": 1e-6,
    "metrics": 1e-9,
}
"""The least tolerance. That of metrics is all of it: they are computed from recorded scores."""


@dataclass(frozen=True)
class Deviation:
    """The first place above a tolerance or, if there is none, the place that deviates most.

    Attributes:
        largest: Over all places; infinite where one side is missing or not a number.
        where: Name and position, as `step 3 of fairness`.
        before, after: Both values there; NaN where there is none.
    """

    largest: float
    where: str
    before: float
    after: float


def deviation(
    quantity: str, recorded: Series, found: Series, tolerance: float = np.inf
) -> Deviation:
    """Return how far a quantity lies from what was recorded; see `Deviation`."""
    places = []  # (position, how far apart, name, before, after)
    for name in [*recorded, *(found.keys() - recorded.keys())]:
        series = _as_long(recorded.get(name, ()), found.get(name, ()))
        apart = _apart(*series, relative=quantity in RELATIVE)
        places += [
            (i, apart[i], name, *values) for i, values in enumerate(zip(*series, strict=True))
        ]
    if not places:
        return Deviation(0.0, "", np.nan, np.nan)
    largest = max(places, key=lambda place: place[1])
    above = [place for place in places if place[1] > tolerance]
    position, _, name, before, after = min(above, key=lambda place: place[0]) if above else largest
    where = f"{QUANTITIES[quantity]} {position + 1} of {name}"
    return Deviation(float(largest[1]), where, float(before), float(after))


def _as_long(*series: Sequence[float]) -> list[NDArray[np.float64]]:
    """Return series of one length: what a shorter one lacks is NaN."""
    size = max(len(values) for values in series)
    return [np.array([*values, *[np.nan] * (size - len(values))], np.float64) for values in series]


def _apart(
    before: NDArray[np.float64], after: NDArray[np.float64], *, relative: bool
) -> NDArray[np.float64]:
    """Return |after − before|, 0 where both are NaN and infinite where one is."""
    apart = np.abs(after - before)
    size = np.abs(before[np.isfinite(before)])
    if relative and size.any():
        apart = apart / size.mean()
    apart = np.where(np.isnan(apart), np.inf, apart)
    return np.where(np.isnan(before) & np.isnan(after), 0.0, apart)
