"""What arms of different doses did: levels, and paired differences to the baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import hypot, isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmark.arms import Arm
from benchmark.results import StoredRun
from benchmark.stats.paired import t_interval
from benchmark.studies.chosen import ChosenRows
from benchmark.studies.doses import DoseSeries
from benchmark.studies.response_values import (
    METRICS,
    SERIES,
    baseline_of,
    series_names,
    with_baseline,
)

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

RESPONSE_COLUMNS = [
    *[
        *SERIES,
        "dose",
        "arm",
        "n_runs",
        "n_done",
        "n_diverged",
        "n_failed",
        "n_degenerate",
        "message",
    ],
    *["gradient_ratio", "metric", "n_seeds", "mean", "mean_low", "mean_high"],
    *["baseline", "confounded", "n_pairs", "difference", "low", "high"],
]


def responses(
    found: Comparison, series: Sequence[DoseSeries], values: pd.DataFrame
) -> pd.DataFrame:
    """Return levels and paired differences to the baseline: a row for each dose and metric.

    `mean_low` to `mean_high` and `low` to `high` are 95% Student t intervals over seeds. A
    difference is to the closest baseline by the same rule, seed by seed; there is none where the
    baseline was trained under other conditions. `gradient_ratio` is the weighted gradient norm
    of all terms but the contrastive one over that one's, both at the features of the main batch,
    the mean over epochs and finished runs. `n_degenerate` counts runs that predict almost all of
    a group as one class. The ratio is missing where the weight changes by step.

    Args:
        found: The comparison.
        series: Of its arms.
        values: Its `response_values`.
    """
    groups = dict(list(values.groupby(SERIES, sort=False)))
    chosen = ChosenRows(found, ("degenerate",))
    rows = []
    for one in series:
        for attribute in one.first.evaluated:
            names = series_names(one, attribute)
            part = groups[tuple(names[name] for name in SERIES)]
            theirs = part[part["dose"].isna()]
            base, confounded = baseline_of(found, one, attribute)
            for dose, arm in with_baseline(found, one, attribute):
                ours = part[part["arm"] == arm.runs[0].id]
                counts = {**_counts(arm), "n_degenerate": _degenerate(chosen, arm, attribute, ours)}
                fair = base is not None and not confounded and base is not arm
                for metric in METRICS:
                    pairs = _pairs(ours, theirs, metric) if fair else []
                    rows.append(
                        {
                            **names,
                            "dose": dose,
                            **counts,
                            "gradient_ratio": gradient_ratio(arm),
                            "metric": metric,
                            **_level(_by_seed(ours, metric)),
                            "baseline": "" if base is None else base.label,
                            "confounded": ", ".join(confounded),
                            **_difference(pairs),
                        }
                    )
    return pd.DataFrame(rows, columns=RESPONSE_COLUMNS)


def gradient_ratio(arm: Arm) -> float:
    """Return ‖weight·∇term‖ over ‖∇L_CLIP‖ of an arm, as `responses` has it."""
    keys = arm.runs[0].config["objective"]
    # Epochs hold the means of norm and weight, whose product is not that of the steps.
    if keys.get("balance") == "gradient" or keys.get("schedule") == "ramp":
        return nan
    ratios = [ratio for run in arm.done if isfinite(ratio := _ratio(run))]
    return float(np.mean(ratios)) if ratios else nan


def _ratio(run: StoredRun) -> float:
    epochs = pd.read_parquet(run.path / "epochs.parquet")
    facts: dict[str, dict[tuple[int, str], float]] = {"gradient_norm": {}, "weight": {}}
    for epoch, kind, name, value in epochs.itertuples(index=False):
        facts.get(kind, {})[epoch, name] = value
    norms = {at: norm * abs(facts["weight"][at]) for at, norm in facts["gradient_norm"].items()}
    others = {name for _, name in norms if name != "clip"}
    ratios = [
        hypot(*(norms[epoch, other] for other in others)) / norm
        for (epoch, name), norm in norms.items()
        if name == "clip" and norm
    ]
    return float(np.mean(ratios)) if others and ratios else nan


def _by_seed(rows: pd.DataFrame, metric: str) -> dict[Any, float]:
    of_metric = rows[(rows["metric"] == metric) & rows["value"].notna()]
    return dict(zip(of_metric["seed"], of_metric["value"], strict=True))


def _pairs(ours: pd.DataFrame, theirs: pd.DataFrame, metric: str) -> list[float]:
    """Return ours minus theirs by seed; a side without seed is beside every seed."""
    a, b = _by_seed(ours, metric), _by_seed(theirs, metric)
    if any(pd.isna(seed) for seed in b):
        return [value - next(iter(b.values())) for value in a.values()]
    return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]


def _counts(arm: Arm) -> dict[str, Any]:
    states = Counter(run.state for run in arm.runs)
    messages = {str(run.status.get("message", "")) for run in arm.runs if run.state != "done"}
    return {
        "arm": arm.runs[0].id,
        "n_runs": len(arm.runs),
        **{f"n_{state}": states[state] for state in ("done", "diverged", "failed")},
        "message": "; ".join(sorted(messages)),
    }


def _degenerate(chosen: ChosenRows, arm: Arm, attribute: str, ours: pd.DataFrame) -> int:
    """Return how many runs are degenerate at the selected epoch."""
    (rule,) = set(ours["selection"])
    found = (chosen.row(run, attribute, rule, "degenerate") for run in arm.done)
    return sum(row.get("value") == 1 for row in found)


def _level(by_seed: Mapping[Any, float]) -> dict[str, Any]:
    level = t_interval(list(by_seed.values()))
    return {
        "n_seeds": level.n,
        "mean": level.mean,
        "mean_low": level.low,
        "mean_high": level.high,
    }


def _difference(pairs: Sequence[float]) -> dict[str, Any]:
    difference = t_interval(pairs)
    return {
        "n_pairs": difference.n,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
    }
