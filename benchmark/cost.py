"""What runs will cost, before they start: time and disk.

Time is that of finished runs of the same kind on the same hardware where the results folder has
any, and else that of a few real steps of training and one batch of evaluation.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import fmean

import pyarrow.parquet as pq
import torch

from benchmark.config import RunConfig
from benchmark.data.dataset import SPLITS, Split
from benchmark.encode import Encoder
from benchmark.execute import Planned, forget, plan_run, seeded_batches
from benchmark.fast_step import step_numerics
from benchmark.pair_tensors import PairTensors
from benchmark.predictions import score_columns
from benchmark.provenance import provenance
from benchmark.results import RunStore, StoredRun
from benchmark.run_queue import is_present, queue_runs
from benchmark.trainer import DivergedError, EpochFacts, StepFacts, train
from benchmark.zeroshot import EVALUATION_BATCH, class_prompts, zero_shot

STEPS = 4
"""Steps that are timed, after one that is not: the first allocates memory."""

FIXED_BYTES = 12_000
"""Of a run beside its predictions: configuration, provenance, terms, and the table's own form."""

ID_BYTES = 20
"""Of a sample: its id, stored once; label and attribute codes compress to nothing."""

FINISHED, MEASURED, FORWARD = "finished runs", "measured steps", "forward passes alone"
"""Where a time comes from."""

_Kind = tuple[str, ...]


@dataclass(frozen=True)
class RunCost:
    """One run of a sweep.

    Attributes:
        config: The run.
        id: Its id.
        present: Whether it is there; all else is then zero.
        seconds: Estimated.
        size: Bytes on disk, estimated.
        basis: Where the time comes from: `FINISHED`, `MEASURED`, or `FORWARD` for a probe,
            whose head comes on top.
    """

    config: RunConfig
    id: str
    present: bool
    seconds: float = 0.0
    size: int = 0
    basis: str = ""


def estimate_runs(configs: Iterable[RunConfig], store: RunStore) -> list[RunCost]:
    """Return the cost of every run of a sweep, in order.

    Nothing is trained to the end and nothing is written but the data set's cache.

    Raises:
        FairbenchError: data or model of any run cannot be had.
    """
    forget()
    finished: dict[_Kind, list[float]] | None = None
    measured: dict[_Kind, tuple[float, str]] = {}
    found = []
    for run in queue_runs(configs, store):
        if is_present(run, store):
            found.append(RunCost(run.config, run.id, present=True))
            continue
        planned = plan_run(run.config)
        if finished is None:
            finished = _finished_epochs(store, run.config.device)
        kind = _kind_of(planned)
        if kind in finished:
            seconds, basis = fmean(finished[kind]) * max(run.config.epochs, 1), FINISHED
        else:
            key = (*kind, str(run.config.epochs))
            if key not in measured:
                measured[key] = _measure(planned)
            seconds, basis = measured[key]
        found.append(RunCost(run.config, run.id, False, seconds, run_size(planned), basis))
    return found


def run_size(planned: Planned) -> int:
    """Return the bytes that a run takes on disk, from its samples and epochs.

    A score and a similarity are float32 and hardly compress: 8 bytes a sample and epoch of a
    binary label.
    """
    config, data = planned.config, planned.data
    samples = sum(len(data.splits[name]) for name in SPLITS[1:])
    every = int(config.objective.keys().get("store_every", 1))
    stored = max(math.ceil(config.epochs / every), 1)
    floats = len(score_columns(len(data.schema.classes))) + 1
    parameters = sum(p.numel() for p in planned.model.module.parameters())
    weights = len(config.keep) * 4 * parameters
    return FIXED_BYTES + samples * (ID_BYTES + stored * 4 * floats) + weights


def _kind_of(planned: Planned) -> _Kind:
    config, identity = planned.config, planned.identity
    return _kind(config.label, config.model.name, identity)


def _kind(label: str, model: str, identity: dict[str, object]) -> _Kind:
    """Return what decides how long an epoch takes."""
    protocol = identity["protocol"]
    assert isinstance(protocol, dict)
    named = json.dumps({k: v for k, v in protocol.items() if k != "epochs"}, sort_keys=True)
    same = (str(identity.get(name)) for name in ("dataset", "threads", "device"))
    return (label, model, named, *same)


def _finished_epochs(store: RunStore, device: str) -> dict[_Kind, list[float]]:
    """Return kind → seconds an epoch of the finished runs that this hardware made."""
    here = provenance(device)["device_name"]
    found: dict[_Kind, list[float]] = defaultdict(list)
    for run in store.read() if store.runs.is_dir() else ():
        if run.state != "done" or "imported" in run.config["identity"]:
            continue
        made = json.loads((run.path / "provenance.json").read_text(encoding="utf-8"))
        if made.get("device_name") == here:
            kind = _kind(run.config["label"], run.config["model"]["name"], run.config["identity"])
            found[kind].append(_seconds(run) / max(int(run.status["epochs"]), 1))
    return dict(found)


def _seconds(run: StoredRun) -> float:
    table = pq.read_table(run.path / "epochs.parquet", filters=[("kind", "=", "seconds")])
    return math.fsum(table.column("value").to_pylist())


def _measure(planned: Planned) -> tuple[float, str]:
    """Return the seconds of a run from a few of its steps, and what was measured."""
    config, data = planned.config, planned.data
    with step_numerics(config):
        forward = _seconds_a_pair(planned)
        evaluated = sum(len(data.splits[name]) for name in SPLITS[1:])
        if config.objective.frozen:
            return forward * (evaluated + len(data.splits["train"])), FORWARD
        if not config.objective.trains:
            return forward * evaluated, MEASURED
        epoch = _seconds_of_training(planned) + forward * evaluated
    return epoch * config.epochs, MEASURED


def _seconds_of_training(planned: Planned) -> float:
    """Return the seconds of one epoch's steps."""
    timer = _StepTimer()
    with suppress(_EnoughError, DivergedError):  # steps that diverge take as long
        train(planned.config, planned.model, planned.data, seeded_batches(planned), timer)
    return timer.seconds_a_step * timer.steps


def _seconds_a_pair(planned: Planned) -> float:
    """Return the seconds of encoding one image and its note, in batches of evaluation."""
    config, model = planned.config, planned.model
    device = torch.device(config.device)
    encoder = Encoder(
        model.module.to(device),
        model.mean,
        model.std,
        device,
        config.protocol.precision == "bf16-amp",
    )
    prompts = class_prompts(encoder, model.tokenizer(planned.data.schema.prompts))
    part = PairTensors(_first(planned.data.splits["test"], EVALUATION_BATCH), device)
    zero_shot(encoder, part, prompts)  # allocates memory
    start = time.perf_counter()
    zero_shot(encoder, part, prompts)
    return (time.perf_counter() - start) / len(part)


def _first(split: Split, n: int) -> Split:
    return replace(
        split,
        images=split.images[:n],
        tokens=split.tokens[:n],
        label=split.label[:n],
        attributes={name: codes[:n] for name, codes in split.attributes.items()},
        sample_id=split.sample_id[:n],
    )


class _EnoughError(Exception):
    """Ends a training that was started for its first steps."""


class _StepTimer:
    """An observer that ends the training after `STEPS` timed steps, or one epoch."""

    def __init__(self) -> None:
        self.steps = 0
        self.seconds_a_step = math.nan
        self._first = self._created = time.perf_counter()

    def on_step(self, facts: StepFacts) -> None:
        """Time the steps after the first; of an epoch of one step, that one."""
        now = time.perf_counter()
        self.steps = facts.steps
        if facts.step == 1:
            self._first = now
            self.seconds_a_step = now - self._created
        else:
            self.seconds_a_step = (now - self._first) / (facts.step - 1)
        if facts.step == min(STEPS + 1, facts.steps):
            raise _EnoughError

    def on_epoch(self, facts: EpochFacts) -> None:
        """Do nothing: the training ends before."""
