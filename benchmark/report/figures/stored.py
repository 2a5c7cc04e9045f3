"""Curves over epochs from stored runs: read once, for every figure that needs them.

`compare` keeps the metrics of the epochs that its rules select; a curve needs every epoch, of
validation too. Counts and AUCs come from the same functions as the tables' numbers, so that at
a selected epoch a curve passes through the table's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.errors import FairbenchError
from benchmark.metrics.assignments import Assignments
from benchmark.metrics.counts import GroupCounts, count, equity_scaled, smallest, spread
from benchmark.metrics.inputs import FloatArray, IntArray
from benchmark.metrics.intersections import group_codes
from benchmark.metrics.threshold import threshold_for
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.report.figures.shapes import Shape, shapes_of
from benchmark.results import StoredRun
from benchmark.values import several_classes

CURVES = ("auc", "es_auc", "worst_group_auc", "auc_gap", "dpd", "deodds")
"""The metrics that have a curve; keys of `METRICS`."""


@dataclass(frozen=True)
class Curves:
    """One run over its epochs.

    Attributes:
        epochs: (E,), those with predictions.
        metrics: (split, attribute, metric) → (E,), fractions, NaN where not estimable.
        shapes: (attribute, group) → ROC and calibration of test at the selected epoch.
    """

    epochs: IntArray
    metrics: Mapping[tuple[str, str, str], FloatArray]
    shapes: Mapping[tuple[str, str], Shape]


@dataclass(frozen=True)
class Terms:
    """What `epochs.parquet` of one run holds: (kind, name) → epoch → value."""

    values: Mapping[tuple[str, str], Mapping[int, float]]


def curves_of(
    run: StoredRun,
    attributes: Sequence[str],
    threshold_rule: str,
    selected: Mapping[str, int] | None = None,
) -> Curves | None:
    """Return a run's metrics at every epoch; None for a label with more than two classes.

    Args:
        run: A run that is done.
        attributes: Of its dataset, or intersections of them.
        threshold_rule: As in `compare`: chosen on validation at each epoch.
        selected: Attribute → the epoch of which `shapes` are; attributes without one have none.

    Raises:
        FairbenchError: predictions that cannot be read.
    """
    if several_classes(run):
        return None
    splits = read_predictions(run.path)
    known = run.config["dataset"]["attributes"]
    epochs = splits["test"].epochs.astype(np.int64)
    thresholds = _thresholds(splits.get("val"), threshold_rule, len(epochs))
    found: dict[tuple[str, str, str], FloatArray] = {}
    for split, part in splits.items():
        codes = [group_codes(attribute, part.codes, known) for attribute in attributes]
        for attribute, metrics in zip(
            attributes, _metrics(part, [code for code, _ in codes], thresholds), strict=True
        ):
            found |= {(split, attribute, metric): row for metric, row in metrics.items()}
    chosen = {attribute: at for attribute, at in (selected or {}).items() if at in epochs}
    shapes = shapes_of(splits.get("val"), splits["test"], chosen, known)
    return Curves(epochs, found, shapes)


def terms_of(run: StoredRun) -> Terms:
    """Return what the run recorded at each epoch.

    Raises:
        FairbenchError: a file that cannot be read.
    """
    path: Path = run.path / "epochs.parquet"
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(use_threads=False)  # threads cost more than they save here
        columns = [table[name].to_pylist() for name in ("epoch", "kind", "name", "value")]
    except (OSError, KeyError, pa.ArrowException) as error:
        problem = str(error).splitlines()[0]
        raise FairbenchError(
            f"{path}: cannot be read ({problem}); delete {run.path} and run again"
        ) from error
    found: dict[tuple[str, str], dict[int, float]] = {}
    for epoch, kind, name, value in zip(*columns, strict=True):
        found.setdefault((kind, name), {})[epoch] = value
    return Terms(found)


def mean_and_range(
    curves: Iterable[Mapping[int, float]],
) -> tuple[list[int], FloatArray, FloatArray, FloatArray, IntArray]:
    """Return epochs, and at each the mean, lowest, highest and number of curves with a value.

    Args:
        curves: For each seed, epoch → value; values that are not finite are left out.
    """
    at: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in curve.items():
            if np.isfinite(value):
                at.setdefault(epoch, []).append(value)
    epochs = sorted(at)
    statistics = [[f(at[e]) for e in epochs] for f in (np.mean, np.min, np.max)]
    mean, low, high = (np.asarray(row, dtype=np.float64) for row in statistics)
    return epochs, mean, low, high, np.array([len(at[e]) for e in epochs], dtype=np.int64)


def _thresholds(val: SplitPredictions | None, rule: str, n_epochs: int) -> list[float]:
    if rule == "0.5" or val is None:
        return [0.5] * n_epochs
    return [threshold_for(rule, val.label, score) for score in val.score]


def _metrics(
    part: SplitPredictions, codes: Sequence[IntArray], thresholds: Sequence[float]
) -> list[dict[str, FloatArray]]:
    """Return for each attribute metric → (E,).

    The attributes, and everyone as one group, are so many assignments of the same samples, and
    samples of unknown group are one more group that no metric looks at: one sort an epoch
    serves all of them.
    """
    positive = part.label == 1
    groups = [np.unique(code[code >= 0]) for code in codes]
    unknown = 1 + max((int(present.max(initial=-1)) for present in groups), default=0)
    everyone = np.zeros(len(positive), dtype=np.int64)
    known = [everyone, *(np.where(code < 0, unknown, code) for code in codes)]
    assignments = Assignments.of(np.stack(known), unknown + 1)
    by_epoch = [
        count(assignments, positive, score >= threshold, score)
        for score, threshold in zip(part.score.astype(np.float64), thresholds, strict=True)
    ]
    overall = _over_epochs(by_epoch, 0).only(everyone[:1])
    return [
        _curves(overall, _over_epochs(by_epoch, k).only(present))
        for k, present in enumerate(groups, start=1)
    ]


def _over_epochs(by_epoch: Sequence[GroupCounts], assignment: int) -> GroupCounts:
    """Return the counts of one assignment, with epochs in the place of assignments, (E, G)."""
    rows = [
        [getattr(counts, f.name)[assignment] for counts in by_epoch] for f in fields(GroupCounts)
    ]
    return GroupCounts(*(np.stack(row) for row in rows))


def _curves(overall: GroupCounts, groups: GroupCounts) -> dict[str, FloatArray]:
    return {
        "auc": overall.auc[:, 0],
        "es_auc": equity_scaled(overall.auc, groups.auc),
        "worst_group_auc": smallest(groups.auc),
        "auc_gap": spread(groups.auc),
        "dpd": groups.dpd,
        "deodds": groups.deodds,
    }
