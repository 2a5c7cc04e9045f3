"""Trends of the metrics over the doses of a series."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10, nan
from typing import Any

import numpy as np
import pandas as pd

from benchmark.stats.multiplicity import adjust
from benchmark.stats.trend import MIN_DOSES, dose_trend
from benchmark.studies.doses import DoseSeries
from benchmark.studies.response_values import METRICS, SERIES, series_names

TREND_COLUMNS = [
    *[*SERIES, "metric", "seeds", "doses", "lowest", "highest", "left_out", "slope", "low", "high"],
    *["t", "df", "p", "p_adjusted", "page", "reason"],
]


def trends(series: Sequence[DoseSeries], values: pd.DataFrame) -> pd.DataFrame:
    """Return the trend of every metric over log₁₀ of the doses above 0.

    The seeds are those with a run at each of these doses. A dose at which one of them has no
    value, because it diverged for instance, is left out for all and named in `left_out`: the
    seeds that survive it are no fair sample. `slope` is per decade, `p_adjusted` by Holm over
    all rows of the table.

    Args:
        series: Of a comparison.
        values: Its `response_values`.
    """
    rows = [
        {**series_names(one, attribute), "metric": metric, **_trend(one, attribute, metric, values)}
        for one in series
        for attribute in one.first.evaluated
        for metric in METRICS
    ]
    table = pd.DataFrame(rows, columns=TREND_COLUMNS)
    table["p_adjusted"] = adjust(table["p"].astype(float), "holm")
    return table


def _trend(series: DoseSeries, attribute: str, metric: str, values: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a trend from `seeds` on, `p_adjusted` aside."""
    rows = values[(values["attribute"] == attribute) & (values["metric"] == metric)]
    by_dose = {
        dose: dict(zip(part["seed"], part["value"], strict=True))
        for dose, arm in series.arms.items()
        if dose > 0 and len(part := rows[rows["arm"] == arm.runs[0].id].drop_duplicates("run"))
    }
    seeds = sorted(set.intersection(*(set(part) for part in by_dose.values())))
    wide = np.array([[by_dose[dose][seed] for dose in by_dose] for seed in seeds], dtype=float)
    wide = wide.reshape(len(seeds), len(by_dose))
    lost = np.isnan(wide).sum(axis=0)
    kept = [dose for dose, missing in zip(by_dose, lost, strict=True) if not missing]
    found: dict[str, Any] = {
        "seeds": len(seeds),
        "doses": len(kept),
        "lowest": min(kept, default=nan),
        "highest": max(kept, default=nan),
        "left_out": "; ".join(
            f"{dose:g}: {missing} of {len(seeds)} runs without a value"
            for dose, missing in zip(by_dose, lost, strict=True)
            if missing
        ),
    }
    if len(kept) < MIN_DOSES or not seeds:
        why = f"{len(kept)} doses with a value for each of {len(seeds)} seeds"
        return {**found, "reason": f"{why}; a trend needs {MIN_DOSES} doses"}
    trend = dose_trend([log10(dose) for dose in kept], wide[:, lost == 0])
    slope = trend.slope
    return {
        **found,
        "slope": slope.estimate,
        "low": slope.low,
        "high": slope.high,
        "t": slope.statistic,
        "df": slope.df,
        "p": slope.p,
        "page": trend.page,
        "reason": slope.reason,
    }
