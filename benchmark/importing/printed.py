"""Whether imported predictions give the metrics that the public code printed for them."""

from __future__ import annotations

from math import isnan

import numpy as np

from benchmark.errors import FairbenchError
from benchmark.importing.official_files import BestRow, TestPredictions
from benchmark.metrics.as_official import as_official
from benchmark.metrics.auc import auc_by_row

HALF_A_DIGIT = 0.5e-4 + 1e-9
"""Four decimals are printed; the rest is room for a tie that floats round the other way."""


def printed_metrics(found: TestPredictions, epoch: int) -> dict[str, float]:
    """Return the metrics after an epoch under the column names of `best_*.csv`.

    Groups and undefined rates are read as the public code reads them; NaN where it prints `nan`.
    """
    score = found.score[found.epochs.index(epoch)]
    positive = found.label == 1
    values = {
        "acc": float(((score >= 0.5) == positive).mean()),
        "auc": float(auc_by_row(positive, score[None])[0]),
    }
    for i, codes in enumerate(found.codes.T):
        of = as_official(found.label, score, codes)
        values |= {f"esacc_attr{i}": of.es_accuracy, f"esauc_attr{i}": of.es_auc}
        values |= {f"auc_attr{i}_group{g}": float(auc) for g, auc in enumerate(of.group_auc)}
        values |= {f"dpd_attr{i}": of.dpd, f"eod_attr{i}": of.deodds}
        values[f"std_group_disparity_attr{i}"] = of.disparity[0]
        values[f"max_group_disparity_attr{i}"] = of.disparity[1]
    return values


def check_printed(found: TestPredictions, row: BestRow) -> int:
    """Return how many printed numbers the predictions give, all of them.

    Raises:
        FairbenchError: one that they do not give, or a row of an epoch that is not there.
    """
    if row.epoch not in found.epochs:
        raise FairbenchError(f"{row.path}: is of epoch {row.epoch}, which has no predictions")
    ours = printed_metrics(found, row.epoch)
    for name, printed in row.values.items():
        value = ours.get(name, np.nan)
        if not (isnan(value) and isnan(printed)) and not abs(value - printed) <= HALF_A_DIGIT:
            raise FairbenchError(
                f"{row.path}: prints {name} {printed:.4f} for epoch {row.epoch} and "
                f"pred_gt_ep{row.epoch:03d}.npz gives {value:.4f}: they are not of one run; delete "
                "the file that is not this run's"
            )
    return len(row.values)
