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

from benchmark.data.dataset import Dataset, SplitName
from benchmark.predictions import ATTRIBUTE_PREFIX
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
        """Keep the step's terms until its epoch ends."""
        self._steps.append(facts)

    def on_epoch(self, facts: EpochFacts) -> None:
        """Keep scores, and the means of the epoch's terms."""
        self._flush_terms()
        add = self._rows.append
        add((facts.epoch, "logit_scale", "", facts.logit_scale))
        for name, seconds in facts.seconds.items():
            add((facts.epoch, "seconds", name, seconds))
        for split, scores in facts.scores.items():
            add((facts.epoch, "distinct_scores", split, float(len(np.unique(scores.score)))))
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
            none = np.zeros(len(self.data.splits["test"]), np.float32)
            self._predictions = [self._prediction_table(0, "test", Scores(none, none)).slice(0, 0)]
        predictions = pa.concat_tables(self._predictions)
        # Checksums, so that a damaged byte is an error and never a score.
        pq.write_table(
            predictions,
            folder / "predictions.parquet",
            compression="zstd",
            write_page_checksum=True,
        )

    def _flush_terms(self) -> None:
        """Turn the steps gathered so far into the means of their epoch."""
        values: dict[tuple[str, str], list[float]] = defaultdict(list)
        for step in self._steps:
            for name, term in step.terms.items():
                values["term", name].append(term.value)
                values["gradient_norm", name].append(term.gradient_norm)
                values["weight", name].append(term.weight)
        if self._steps:
            epoch = self._steps[0].epoch
            self._rows += [(epoch, kind, name, _mean(v)) for (kind, name), v in values.items()]
            self._rows.append((epoch, "steps", "", float(len(self._steps))))
        self._steps = []

    def _add_distances(self, facts: EpochFacts, split: SplitName, scores: Scores) -> None:
        """Add ½·W₂² between each group's scores s·⟨I_i, T_i⟩ and everyone's, exactly."""
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
        columns["score"] = pa.array(scores.score)
        columns["similarity"] = pa.array(scores.similarity)
        return pa.table(columns)


def _mean(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
