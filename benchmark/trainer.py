"""The one training loop, for every variant, protocol and device.

What differs between variants is the objective; what differs between protocols is data. The
loop reports facts to an observer and keeps none.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.batches import Batches, StepBatches
from benchmark.config import RunConfig
from benchmark.data.dataset import SPLITS, Dataset, SplitName
from benchmark.encode import Encoder, PairTensors, module_mode
from benchmark.model import LoadedModel, half_weights
from benchmark.optimiser import make_optimiser, optimiser_step, trained_parameters
from benchmark.randomness import generator
from benchmark.zeroshot import Scores, zero_shot
from variants.objective import Features, Objective, Term


@dataclass(frozen=True)
class TermFacts:
    """One term at one step: its unweighted value and gradient norm, and its weight.

    The norm is Euclidean, over image and text features of the main batch together; it is 0
    where the term does not depend on them. `parts` are the values of the term's named parts.
    """

    value: float
    gradient_norm: float
    weight: float
    parts: Mapping[str, float] = field(default_factory=dict)


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
    prompts = model.tokenizer(data.schema.prompts)

    def evaluate(epoch: int, started: float) -> None:
        trained = time.perf_counter()
        _seed_noise(config.seed, epoch, 0)
        with module_mode(module, protocol.mode, training=False):
            scores = {name: zero_shot(encoder, pairs[name], prompts) for name in SPLITS[1:]}
        seconds = {"train": trained - started, "evaluate": time.perf_counter() - trained}
        _check_scores(epoch, scores)
        scale = encoder.logit_scale.item()
        observer.on_epoch(EpochFacts(epoch, scores, scale, seconds))

    if not config.objective.trains:
        evaluate(0, time.perf_counter())
        return module

    parameters = trained_parameters(module, protocol.trained)
    optimiser = make_optimiser(parameters, protocol)
    for epoch in range(1, protocol.epochs + 1):
        started = time.perf_counter()
        with module_mode(module, protocol.mode, training=True):
            steps = batches.epoch(epoch)
            for number, step in enumerate(steps, start=1):
                _seed_noise(config.seed, epoch, number)
                terms = _step(encoder, pairs["train"], step, config.objective)
                facts = StepFacts(epoch, number, len(steps), step, terms)
                observer.on_step(facts)
                _check_step(facts)
                optimiser_step(optimiser, half)
        evaluate(epoch, started)
    return module


def _seed_noise(seed: int | None, epoch: int, step: int) -> None:
    """Seed what a model itself draws (dropout) at one step; step 0 is the evaluation."""
    noise = generator(seed or 0, f"noise/{epoch}", step)
    torch.manual_seed(int(noise.integers(2**63)))


def _step(
    encoder: Encoder, pairs: PairTensors, step: StepBatches, objective: Objective
) -> dict[str, TermFacts]:
    """Run one batch forward and backward; gradients are left on the parameters.

    Terms are differentiated at the features, one by one, which gives every term's gradient
    norm; one backward pass then carries their weighted sum through the towers.
    """
    # The main batch comes first, so that groups do not move its dropout.
    batch = encoder.pairs(pairs.images(step.main), pairs.tokens(step.main))
    outputs = [batch.image, batch.text, batch.logit_scale]
    leaves = [tensor.detach().requires_grad_() for tensor in outputs]
    if objective.groups_within_batch:
        groups = _rows_of_groups(Features(*leaves), step)
    else:
        with torch.no_grad():
            groups = {
                name: encoder.pairs(pairs.images(index), pairs.tokens(index))
                for name, index in step.groups.items()
            }
    terms = objective.terms(Features(*leaves), groups)

    total: list[Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
    measured: list[Tensor] = []
    for term in terms.values():
        gradient = _gradient(term, leaves)
        norm = torch.stack([g.float().square().sum() for g in gradient[:2]]).sum().sqrt()
        measured += [term.value.detach().double(), norm.double() / abs(term.weight or 1.0)]
        measured += [part.detach().double() for part in term.parts.values()]
        if term.weight:
            total = [t + g for t, g in zip(total, gradient, strict=True)]
    carried = [(o, g) for o, g in zip(outputs, total, strict=True) if o.requires_grad]
    torch.autograd.backward([o for o, _ in carried], [g for _, g in carried])

    numbers = iter(torch.stack(measured).tolist())  # the step's only wait for the device
    return {
        name: TermFacts(
            next(numbers), next(numbers), term.weight, {part: next(numbers) for part in term.parts}
        )
        for name, term in terms.items()
    }


def _rows_of_groups(batch: Features, step: StepBatches) -> dict[str, Features]:
    """Return each group's rows of the main batch, with gradient and without a second pass."""
    device = batch.image.device
    rows = {
        name: torch.from_numpy(np.flatnonzero(np.isin(step.main, index))).to(device)
        for name, index in step.groups.items()
    }
    return {
        name: Features(batch.image[row], batch.text[row], batch.logit_scale)
        for name, row in rows.items()
    }


def _gradient(term: Term, leaves: list[Tensor]) -> list[Tensor]:
    """Return the gradient of weight · value at the leaves; of the bare value at weight 0.

    The weight enters before differentiation, as in the public code: float16 features would
    overflow on the unweighted gradient.
    """
    scaled = term.value * term.weight if term.weight else term.value
    if not scaled.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(scaled, leaves, retain_graph=True, allow_unused=True)
    return [
        torch.zeros_like(leaf) if gradient is None else gradient
        for leaf, gradient in zip(leaves, found, strict=True)
    ]


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
                f"after epoch {epoch}: {bad} of {len(found.score)} {split} scores are not finite"
            )
