"""The facts of one run, gathered during training and written as its tables.

`predictions.parquet` has a row for every epoch, split and sample; `epochs.parquet` is tidy:
(epoch, kind, name, value), so that every variant's terms fit one form.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset, SplitName
from benchmark.predictions import ATTRIBUTE_PREFIX, score_columns
from benchmark.trainer import EpochFacts, StepFacts
from benchmark.zeroshot import Scores
from variants.distances import wasserstein


class Recorder:
    """An observer that keeps what a run directory stores."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.epochs_done = 0
        self._steps: list[StepFacts] = []
        self._predictions: list[pa.Table] = []
        self._rows: list[tuple[int, str, str, float]] = []

    def on_step(self, facts: StepFacts) -> None:
        """Keep the step's terms until its epoch ends; not every epoch's scores may follow."""
        if self._steps and self._steps[0].epoch != facts.epoch:
            self._flush_terms()
        self._steps.append(facts)

    def on_epoch(self, facts: EpochFacts) -> None:
        """Keep scores, and the means of the epoch's terms."""
        self._flush_terms()
        add = self._rows.append
        add((facts.epoch, "logit_scale", "", facts.logit_scale))
        for name, seconds in facts.seconds.items():
            add((facts.epoch, "seconds", name, seconds))
        for split, scores in facts.scores.items():
            distinct = np.unique(scores.score, axis=0 if scores.score.ndim > 1 else None)
            add((facts.epoch, "distinct_scores", split, float(len(distinct))))
            self._add_distances(facts, split, scores)
            self._predictions.append(self._prediction_table(facts.epoch, split, scores))
        self.epochs_done = facts.epoch

    def write(self, folder: Path) -> None:
        """Write both tables; the terms of an unfinished epoch are its means so far."""
        self._flush_terms()
        columns = list(zip(*self._rows, strict=True)) or [(), (), (), ()]
        table = pa.table(
            {
                "epoch": pa.array(columns[0], pa.int16()),
                "kind": pa.array(columns[1], pa.string()),
                "name": pa.array(columns[2], pa.string()),
                "value": pa.array(columns[3], pa.float64()),
            }
        )
        pq.write_table(table, folder / "epochs.parquet", compression="zstd")
        if not self._predictions:  # diverged within its first epoch: the columns, no rows
            n, classes = len(self.data.splits["test"]), len(self.data.schema.classes)
            none = np.zeros((n, classes) if classes > 2 else n, np.float32)
            empty = self._prediction_table(0, "test", Scores(none, np.zeros(n, np.float32)))
            self._predictions = [empty.slice(0, 0)]
        predictions = pa.concat_tables(self._predictions)
        # Checksums, so that a damaged byte is an error and never a score.
        pq.write_table(
            predictions,
            folder / "predictions.parquet",
            compression="zstd",
            write_page_checksum=True,
        )

    def _flush_terms(self) -> None:
        """Turn the steps gathered so far into the means of their epoch, and counts into sums."""
        values: dict[tuple[str, str], list[float]] = defaultdict(list)
        confusions: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
        for step in self._steps:
            for name, term in step.terms.items():
                values["term", name].append(term.value)
                values["gradient_norm", name].append(term.gradient_norm)
                values["weight", name].append(term.weight)
                if term.confusion is not None:
                    confusions[name].append(term.confusion)
        if self._steps:
            epoch = self._steps[0].epoch
            self._rows += [(epoch, kind, name, _mean(v)) for (kind, name), v in values.items()]
            self._rows.append((epoch, "steps", "", float(len(self._steps))))
            for name, counts in confusions.items():
                rates = _rates(np.sum(counts, axis=0))
                self._rows += [(epoch, kind, name, value) for kind, value in rates.items()]
        self._steps = []

    def _add_distances(self, facts: EpochFacts, split: SplitName, scores: Scores) -> None:
        """Add ½·W₂² between each group's scores s·⟨I_i, T_i⟩ and everyone's, exactly."""
        if np.isnan(scores.similarity).all():  # of imported predictions
            return
        score = torch.from_numpy(scores.similarity).double() * facts.logit_scale
        part = self.data.splits[split]
        for attribute, groups in self.data.schema.attributes.items():
            for code, group in enumerate(groups):
                members = torch.from_numpy(np.flatnonzero(part.attributes[attribute] == code))
                if len(members):
                    value = wasserstein(score[members], score).item()
                    name = f"{split}/{attribute}/{group}"
                    self._rows.append((facts.epoch, "distance", name, value))

    def _prediction_table(self, epoch: int, split: SplitName, scores: Scores) -> pa.Table:
        part = self.data.splits[split]
        n = len(part)
        columns: dict[str, Any] = {
            "epoch": pa.array(np.full(n, epoch, np.int16)),
            "split": pa.array([split] * n, pa.string()),
            "sample_id": pa.array(part.sample_id.tolist(), pa.string()),
            "label": pa.array(part.label.astype(np.int8)),
        }
        for attribute, codes in part.attributes.items():
            columns[ATTRIBUTE_PREFIX + attribute] = pa.array(codes.astype(np.int8))
        names = score_columns(len(self.data.schema.classes))
        by_class = [scores.score] if len(names) == 1 else list(scores.score.T)
        columns |= {name: pa.array(one) for name, one in zip(names, by_class, strict=True)}
        columns["similarity"] = pa.array(scores.similarity)
        return pa.table(columns)


def _mean(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan


def _rates(confusion: NDArray[np.int64]) -> dict[str, float]:
    """Return how well a classifier did, from counts (true group, guess).

    `majority_rate` is the accuracy of always guessing the largest group, and 1 over the number
    of groups the balanced accuracy of any constant guess. Without a sample all rates are NaN;
    groups without one are left out of the balanced accuracy.
    """
    sizes = confusion.sum(axis=1)
    total = int(sizes.sum())
    if total == 0:
        rates = [math.nan] * 3
    else:
        right = confusion.diagonal()
        recalls = right[sizes > 0] / sizes[sizes > 0]
        rates = [right.sum() / total, recalls.mean(), sizes.max() / total]
    names = ("accuracy", "balanced_accuracy", "majority_rate")
    return {**dict(zip(names, map(float, rates), strict=True)), "classified": float(total)}
