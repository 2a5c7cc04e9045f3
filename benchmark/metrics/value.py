"""One metric value as a row of a tidy table, NaN only with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan


@dataclass(frozen=True)
class MetricValue:
    """One row.

    Attributes:
        metric: A key of `benchmark.metrics.catalogue.METRICS`.
        group: A group's name; "" for the whole attribute or for all samples.
        value: A fraction, a count or a flag; NaN if it cannot be estimated.
        reason: Why the value is NaN, with the counts. "" if it is not, except that a mean
            over permutations says how many of them had to be left out.
    """

    metric: str
    group: str
    value: float
    reason: str = ""


def row(metric: str, group: str, value: float, reason_if_nan: str) -> MetricValue:
    """Return the row; the reason is kept only if the value is NaN."""
    return MetricValue(metric, group, float(value), reason_if_nan if isnan(value) else "")
