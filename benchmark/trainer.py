"""The one training loop, for every variant, protocol and device.

What differs between variants is the objective; what differs between protocols is data. The
loop reports facts to an observer and keeps none.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.batches import Batches, StepBatches
from benchmark.config import RunConfig
from benchmark.data.dataset import SPLITS, Dataset, SplitName
from benchmark.encode import Encoder, module_mode, statistics_kept
from benchmark.model import LoadedModel, half_weights
from benchmark.optimiser import make_optimiser, optimiser_step, trained_parameters
from benchmark.pair_tensors import PairTensors
from benchmark.randomness import generator
from benchmark.step import TermFacts, backward, read_ahead
from benchmark.stopwatch import EVALUATION, OPTIMISER, part
from benchmark.zeroshot import Scores, class_prompts, zero_shot


@dataclass(frozen=True)
class StepFacts:
    """What one step did. `epoch` and `step` count from 1."""

    epoch: int
    step: int
    steps: int
    batches: StepBatches
    terms: Mapping[str, TermFacts]

    @property
    def loss(self) -> float:
        """Σ weight · value over the terms whose weight is not 0."""
        return sum(t.weight * t.value for t in self.terms.values() if t.weight)


@dataclass(frozen=True)
class EpochFacts:
    """What is known after one epoch; epoch 0 is a model that was not trained."""

    epoch: int
    scores: Mapping[SplitName, Scores]
    logit_scale: float
    seconds: Mapping[str, float] = field(default_factory=dict)
    module: nn.Module | None = field(default=None, repr=False, compare=False)
    """The model whose scores these are; it trains on, so whoever keeps weights copies them."""


class Observer(Protocol):
    """Receives the facts of a run as they arise."""

    def on_step(self, facts: StepFacts) -> None:
        """Receive the facts of one step."""
        ...

    def on_epoch(self, facts: EpochFacts) -> None:
        """Receive the facts after one epoch."""
        ...


class DivergedError(Exception):
    """A loss, gradient or score is not finite; the message says which, and where."""


def train(
    config: RunConfig, model: LoadedModel, data: Dataset, batches: Batches, observer: Observer
) -> nn.Module:
    """Train and evaluate one run, and return the trained module.

    Args:
        config: The run; `config.objective.trains` False evaluates the weights as they are.
        model: Initial weights; left untouched.
        data: All three splits.
        batches: The order of the training samples.
        observer: Told of every step and epoch.

    Raises:
        DivergedError: at the first step or evaluation with a number that is not finite.
    """
    protocol, device = config.protocol, torch.device(config.device)
    half = protocol.precision == "fp16-weights" and device.type == "cuda"
    module = (half_weights(model) if half else copy.deepcopy(model.module)).to(device)
    encoder = Encoder(module, model.mean, model.std, device, protocol.precision == "bf16-amp", half)
    pairs = {name: PairTensors(data.splits[name], device) for name in SPLITS}
    tokens = model.tokenizer(data.schema.prompts)

    def evaluate(epoch: int, started: float) -> None:
        trained = time.perf_counter()
        _seed_noise(config.seed, epoch, 0)
        mode = module_mode(module, protocol.mode, training=False)
        with part(EVALUATION), mode, statistics_kept(module):
            scores = _scores(encoder, pairs, tokens)
            if protocol.validation_features == "raw":
                unscaled = replace(encoder, unit=False)
                raw = zero_shot(unscaled, pairs["val"], class_prompts(unscaled, tokens))
                scores["val"] = replace(scores["val"], score=raw.score)
        seconds = {"train": trained - started, "evaluate": time.perf_counter() - trained}
        _check_scores(epoch, scores)
        scale = encoder.logit_scale.item()
        observer.on_epoch(EpochFacts(epoch, scores, scale, seconds, module))

    if not config.objective.trains:
        evaluate(0, time.perf_counter())
        return module

    optimiser = make_optimiser(trained_parameters(module, protocol.trained), protocol)
    auxiliary = _auxiliary(config, encoder, data, tokens)
    if auxiliary is not None:
        own = {"params": [*auxiliary.parameters()], "lr": config.objective.auxiliary_lr}
        optimiser.add_param_group(own)
    for epoch in range(1, protocol.epochs + 1):
        started = time.perf_counter()
        with module_mode(module, protocol.mode, training=True):
            steps = batches.epoch(epoch)
            for number, step in enumerate(steps, start=1):
                if number < len(steps):
                    read_ahead(pairs["train"], steps[number], config.objective, module)
                _seed_noise(config.seed, epoch, number)
                progress = (epoch - 1 + (number - 1) / len(steps)) / protocol.epochs
                terms = backward(
                    encoder, pairs["train"], step, config.objective, progress, auxiliary
                )
                facts = StepFacts(epoch, number, len(steps), step, terms)
                observer.on_step(facts)
                _check_step(facts)
                with part(OPTIMISER):
                    optimiser_step(optimiser, half)
        evaluate(epoch, started)
    return module


def _scores(
    encoder: Encoder, pairs: Mapping[SplitName, PairTensors], tokens: NDArray[np.int32]
) -> dict[SplitName, Scores]:
    """Return the scores of validation and test, the class prompts encoded once for both.

    A model in train mode may draw noise as it encodes: it encodes them for each split, as ever.
    """
    once = None if encoder.module.training else class_prompts(encoder, tokens)
    scores = {}
    for name in SPLITS[1:]:
        prompts = class_prompts(encoder, tokens) if once is None else once
        scores[name] = zero_shot(encoder, pairs[name], prompts)
    return scores


def _seed_noise(seed: int | None, epoch: int, step: int) -> None:
    """Seed what a model itself draws (dropout) at one step; step 0 is the evaluation."""
    noise = generator(seed or 0, f"noise/{epoch}", step)
    torch.manual_seed(int(noise.integers(2**63)))


def _auxiliary(
    config: RunConfig, encoder: Encoder, data: Dataset, prompts: NDArray[np.int32]
) -> nn.Module | None:
    """Return the objective's own network on the run's device, drawn from the run's seed."""
    objective = config.objective
    if objective.auxiliary_lr is None:
        return None
    seed = int(generator(config.seed or 0, "init/auxiliary").integers(2**63))
    with torch.no_grad():
        width = encoder.text(torch.from_numpy(prompts[:1]).to(encoder.device)).shape[1]
    return objective.auxiliary(width, data.schema.attributes, seed).to(encoder.device)


def _check_step(facts: StepFacts) -> None:
    for name, term in facts.terms.items():
        if term.weight and not (math.isfinite(term.value) and math.isfinite(term.gradient_norm)):
            raise DivergedError(
                f"epoch {facts.epoch}, step {facts.step} of {facts.steps}: term '{name}' is "
                f"{term.value:g} with a gradient norm of {term.gradient_norm:g}"
            )


def _check_scores(epoch: int, scores: Mapping[SplitName, Any]) -> None:
    for split, found in scores.items():
        bad = int((~torch.from_numpy(found.score).isfinite()).sum())
        if bad:
            raise DivergedError(
                f"after epoch {epoch}: {bad} of {found.score.size} {split} scores are not finite"
            )
