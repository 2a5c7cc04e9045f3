"""The numbers of one training, and how far rounding moves them."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmark.data.dataset import Dataset
from benchmark.execute import Planned, execute
from benchmark.metrics.calibration import fit_platt
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.threshold import threshold_for
from benchmark.predictions import read_predictions
from benchmark.randomness import generator
from benchmark.results import RunStore
from benchmark.trainer import EpochFacts, StepFacts
from benchmark.verify.regression.deviation import FLOORS, Numbers, Series, deviation

NOISE = 1e-7
"""Relative standard deviation of the noise on initial weights: the rounding of float32."""

NOISE_SEEDS = (0, 1, 2)
MULTIPLE = 20
"""A tolerance is this many times the largest deviation that rounding was seen to cause."""


class CaseFailedError(Exception):
    """A training that did not end well; the message says how it ended."""


def run_numbers(planned: Planned) -> dict[str, dict[str, list[float]]]:
    """Train the run in a temporary folder and return its numbers, read back from there.

    Raises:
        CaseFailedError: it diverged or failed.
    """
    steps = _Steps()
    with TemporaryDirectory(prefix="fairbench-check-") as folder:
        store = RunStore(Path(folder))
        store.prepare()
        outcome = execute(planned, store, steps)
        if outcome.state != "done":
            raise CaseFailedError(f"{outcome.state}: {outcome.message}")
        predictions = read_predictions(store.runs / planned.id)
    scores = {name: found.score[-1].tolist() for name, found in predictions.items()}
    return {
        "first terms": {name: values[:1] for name, values in steps.terms.items()},
        "terms": steps.terms,
        "gradient norms": steps.norms,
        "scores": scores,
        "similarities": {name: f.similarity[-1].tolist() for name, f in predictions.items()},
        "metrics": metrics_of(planned.data, scores),
    }


def metrics_of(data: Dataset, scores: Series) -> dict[str, list[float]]:
    """Return `attribute/metric` → values on the test split, threshold 0.5.

    Raises:
        ValueError: scores that do not fit the data.
    """
    val, test = data.splits["val"], data.splits["test"]
    val_score, test_score = (np.asarray(scores[name], np.float32) for name in ("val", "test"))
    threshold = threshold_for("0.5", val.label, val_score)
    platt = fit_platt(val.label, val_score)
    found = defaultdict(list)
    for attribute, groups in data.schema.attributes.items():
        codes = test.attributes[attribute]
        for row in evaluate(
            test.label, test_score, codes, groups, threshold=threshold, platt=platt
        ):
            found[f"{attribute}/{row.metric}"].append(row.value)
    return dict(found)


def measured_tolerances(planned: Planned, numbers: Numbers) -> dict[str, float]:
    """Return quantity → tolerance, from how far rounding moves the numbers of this very run.

    It is trained again with noise on its initial weights and once with two threads. Lower
    instruction sets were seen to do what these do: docs/ci.md.
    """
    largest = dict.fromkeys(FLOORS, 0.0)
    for disturbed in _disturbed(planned):
        found = run_numbers(disturbed)
        for quantity in FLOORS.keys() - {"metrics"}:
            moved = deviation(quantity, numbers[quantity], found[quantity]).largest
            largest[quantity] = max(largest[quantity], moved)
    return {
        quantity: max(floor, _rounded_up(MULTIPLE * largest[quantity]))
        for quantity, floor in FLOORS.items()
    }


class _Steps:
    """An observer that keeps values and gradient norms of every step."""

    def __init__(self) -> None:
        self.terms: dict[str, list[float]] = {}
        self.norms: dict[str, list[float]] = {}

    def on_step(self, facts: StepFacts) -> None:
        """Keep the step."""
        self._add(self.terms, "loss", facts.loss)
        for name, term in facts.terms.items():
            self._add(self.terms, name, term.value)
            self._add(self.norms, name, term.gradient_norm)
            for part, value in term.parts.items():
                self._add(self.terms, f"{name} {part}", value)

    @staticmethod
    def _add(series: dict[str, list[float]], name: str, value: float) -> None:
        series.setdefault(name, []).append(value)

    def on_epoch(self, facts: EpochFacts) -> None:
        """Leave predictions to the run folder."""


def _disturbed(planned: Planned) -> Iterator[Planned]:
    for seed in NOISE_SEEDS:
        module = copy.deepcopy(planned.model.module)
        draws = generator(seed, "check")
        with torch.no_grad():
            for weight in module.parameters():
                noise = 1 + NOISE * draws.standard_normal(tuple(weight.shape))
                weight.copy_(weight.double() * torch.from_numpy(np.asarray(noise)))
        yield replace(planned, model=replace(planned.model, module=module))
    yield replace(planned, config=planned.config.model_copy(update={"threads": 2}))


def _rounded_up(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below the value: updates seldom move it."""
    if value <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(f"{next(step * power for step in (1, 2, 5, 10) if step * power >= value):.0e}")
