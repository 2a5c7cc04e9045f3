"""Distances between groups and gaps in fairness of every run, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmark.arms import Arm
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.threshold import threshold_for
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.results import StoredRun
from benchmark.stats.wasserstein import half_w2_squared
from benchmark.summary import names_of
from benchmark.values import several_classes

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

DISTANCES = {"similarity": "image–note similarities", "margin": "zero-shot margins"}
"""Column → between which scores the distance is."""

GAPS = ("dpd", "deodds")
"""Columns: the gaps that a lower distance may go with."""

COLUMNS = [
    *["cell", "dataset", "test_set", "weights", "model", "protocol", "variant", "trained_on"],
    *["arm", "run", "seed", "attribute", "epoch", "selected", "similarity", "margin"],
    *["dpd", "deodds", "degenerate", "reason"],
]


def courses(found: Comparison) -> pd.DataFrame:
    """Return one row for each run, attribute and stored epoch, all on the test set.

    `similarity` is ½·W₂² between the scores s·⟨I, T⟩ of a group and of everyone, summed over
    groups, as the run recorded it; `margin` the same between zero-shot margins, logit 1 minus
    logit 0, taken back from stored probabilities. A probability that is 0 or 1 to float32 has
    lost its margin: the epoch is then NaN, with the reason. `dpd` and `deodds` are fractions at
    the comparison's threshold, `degenerate` says that a group is predicted almost all one class.
    `cell` numbers the arms that differ in nothing but objective and seed; `selected` is the
    epoch of the comparison's selection rule.

    Args:
        found: Its arms that train and their finished runs are read. Labels with more than two
            classes have no margin and are left out.
    """
    cells: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for arm in found.arms:
        if not arm.trains or several_classes(arm.runs[0]):
            continue
        own = found.selection == "own"
        selected = _selected(found.per_seed, arm.own_selection if own else found.selection)
        cell = cells.setdefault(_conditions(arm), len(cells))
        for run in arm.done:
            names = {"cell": cell, **names_of(arm), "run": run.id, "seed": run.config["seed"]}
            for row in _of_run(run, arm.evaluated, found.threshold):
                epoch = selected.get((run.id, row["attribute"]))
                rows.append({**names, **row, "selected": row["epoch"] == epoch})
    return pd.DataFrame(rows, columns=COLUMNS)


def _conditions(arm: Arm) -> str:
    return json.dumps([arm.block, dict(arm.conditions)], sort_keys=True, default=str)


def _selected(per_seed: pd.DataFrame, rule: str) -> dict[tuple[str, str], int]:
    """Return (run, attribute) → epoch of the rule."""
    chosen = per_seed[(per_seed["selection"] == rule) & per_seed["epoch"].notna()]
    chosen = chosen.drop_duplicates(["run", "attribute"])
    keys = zip(chosen["run"], chosen["attribute"], strict=True)
    return dict(zip(keys, chosen["epoch"].astype(int), strict=True))


def _of_run(
    run: StoredRun, attributes: Sequence[str], threshold_rule: str
) -> Iterator[dict[str, Any]]:
    splits = read_predictions(run.path)
    test, val = splits["test"], splits.get("val")
    recorded = _recorded(run)
    groups: Mapping[str, Sequence[str]] = run.config["dataset"]["attributes"]
    for i, epoch in enumerate(test.epochs.tolist()):
        threshold = 0.5 if val is None else threshold_for(threshold_rule, val.label, val.score[i])
        margin, lost = margins(test.score[i])
        for attribute in attributes:
            codes = test.codes[attribute]
            present = [name for k, name in enumerate(groups[attribute]) if (codes == k).any()]
            similarity = [recorded.get((epoch, f"test/{attribute}/{g}"), nan) for g in present]
            gaps, reasons = _gaps(test, i, codes, groups[attribute], threshold)
            if lost:
                reasons = [lost, *reasons]
            if np.isnan(similarity).any():
                reasons = ["no distances were recorded", *reasons]
            yield {
                "attribute": attribute,
                "epoch": epoch,
                "similarity": float(sum(similarity)) if present else nan,
                "margin": nan if lost else summed_distance(margin, codes),
                **gaps,
                "reason": "; ".join(reasons),
            }


def margins(probability: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], str]:
    """Return log p/(1 − p) of (N,) probabilities, and why it is lost where one is 0 or 1."""
    p = np.asarray(probability, dtype=np.float64)
    ends = int(np.count_nonzero((p <= 0) | (p >= 1)))
    if ends:
        return np.full(p.shape, nan), f"{ends} of {p.size} scores are 0 or 1 to float32: no margin"
    return np.log(p) - np.log1p(-p), ""


def summed_distance(score: NDArray[np.float64], codes: NDArray[np.int8]) -> float:
    """Return Σ over groups of ½·W₂² between the group's scores and everyone's.

    Args:
        score: (N,), finite.
        codes: (N,), −1 for unknown: such samples are among everyone, and in no group.
    """
    groups = [code for code in np.unique(codes) if code >= 0]
    return float(sum(half_w2_squared(score[codes == g], score) for g in groups)) if groups else nan


def _recorded(run: StoredRun) -> dict[tuple[int, str], float]:
    table = pq.read_table(run.path / "epochs.parquet", filters=[("kind", "=", "distance")])
    columns = (table.column(name).to_pylist() for name in ("epoch", "name", "value"))
    return {(epoch, name): value for epoch, name, value in zip(*columns, strict=True)}


def _gaps(
    test: SplitPredictions,
    i: int,
    codes: NDArray[np.int8],
    groups: Sequence[str],
    threshold: float,
) -> tuple[dict[str, float], list[str]]:
    """Return the gaps after the i-th stored epoch, and why one is missing."""
    wanted = (*GAPS, "degenerate")
    found = {
        value.metric: value
        for value in evaluate(
            test.label, test.score[i], codes, groups, threshold=threshold, permutations=1
        )
        if value.metric in wanted and not value.group
    }
    reasons = [found[name].reason for name in GAPS if np.isnan(found[name].value)]
    return {name: found[name].value for name in wanted}, list(dict.fromkeys(reasons))
