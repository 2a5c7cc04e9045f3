"""One step: a batch forward and backward, and the facts of its terms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.batches import StepBatches
from benchmark.data.dataset import Split
from benchmark.encode import Encoder
from benchmark.group_passes import group_features, planned_passes
from benchmark.pair_tensors import PairTensors
from benchmark.stopwatch import BACKWARD, DATA, MAIN, TERMS, part
from variants.objective import Features, MainBatch, Objective, Term


@dataclass(frozen=True)
class TermFacts:
    """One term at one step: its unweighted value and gradient norm, and its weight.

    The norm is Euclidean, over image and text features of the main batch together; it is 0
    where the term does not depend on them. `parts` are the values of the term's named parts;
    `confusion` holds counts (true group, predicted group) of a term that classifies the batch.
    """

    value: float
    gradient_norm: float
    weight: float
    parts: Mapping[str, float] = field(default_factory=dict)
    confusion: NDArray[np.int64] | None = None


def read_ahead(
    pairs: PairTensors, step: StepBatches, objective: Objective, module: nn.Module
) -> None:
    """Begin to read the images of the next step, where that takes time."""
    if pairs.reads_ahead:
        groups = planned_passes(step, objective, module, pairs.device)
        pairs.read_ahead([step.main, *(planned.images for planned in groups)])


def backward(
    encoder: Encoder,
    pairs: PairTensors,
    step: StepBatches,
    objective: Objective,
    progress: float,
    auxiliary: nn.Module | None,
) -> dict[str, TermFacts]:
    """Run one batch forward and backward, and return the facts of its terms.

    Gradients are left on the parameters. Terms are differentiated at the features, one by one,
    which gives every term's gradient norm; one backward pass then carries their weighted sum
    through the towers. An auxiliary network gets the gradient of the unweighted terms.

    Args:
        encoder: Of the model that is trained.
        pairs: The training split.
        step: Which of them.
        objective: Whose terms.
        progress: Share of the training's steps that lie behind, in [0, 1).
        auxiliary: The objective's own network, if it has one.
    """
    # The main batch comes first, so that groups do not move its dropout.
    with part(DATA):
        images, tokens = pairs.images(step.main), pairs.tokens(step.main)
    with part(MAIN):
        batch = encoder.pairs(images, tokens)
    outputs = [batch.image, batch.text, batch.logit_scale]
    leaves = [tensor.detach().requires_grad_() for tensor in outputs]
    image, text, scale = leaves
    groups = group_features(encoder, pairs, step, objective, Features(image, text, scale))
    outputs, leaves = outputs + groups.outputs, leaves + groups.leaves
    label, codes = _classes(pairs.split, step.main, objective.trains_on)
    main = MainBatch(image, text, scale, label, codes, progress, auxiliary)
    with part(TERMS):
        terms = objective.terms(main, groups.features)
        total, measured = _differentiated(terms, leaves)
    with part(BACKWARD):
        carried = [(o, g) for o, g in zip(outputs, total, strict=True) if o.requires_grad]
        torch.autograd.backward([o for o, _ in carried], [g for _, g in carried])
        if auxiliary is not None:
            _descend(auxiliary, terms)

    numbers = iter(torch.stack(measured).tolist())  # the step's only wait for the device
    return {name: _facts(term, numbers) for name, term in terms.items()}


def _differentiated(
    terms: Mapping[str, Term], leaves: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the gradient of the loss at each leaf, and all measured scalars, term by term."""
    total: list[Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
    measured: list[Tensor] = []
    for term in terms.values():
        gradient = _gradient(term, leaves)
        norm = torch.stack([g.float().square().sum() for g in gradient[:2]]).sum().sqrt()
        measured += [term.value.detach().double(), norm.double() / abs(term.weight or 1.0)]
        measured += [value.detach().double() for value in term.parts.values()]
        if term.confusion is not None:
            measured += [*term.confusion.detach().double().flatten()]
        if term.weight:
            total = [t + g for t, g in zip(total, gradient, strict=True)]
    return total, measured


def _classes(
    split: Split, rows: NDArray[np.int64], attributes: Iterable[str]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return labels, and attribute → group codes, of the rows of a split, as int64."""
    codes = {name: torch.from_numpy(split.attributes[name][rows]).long() for name in attributes}
    return torch.from_numpy(split.label[rows]).long(), codes


def _facts(term: Term, numbers: Iterator[float]) -> TermFacts:
    """Return a term's facts, its numbers taken from the front of `numbers`."""
    value, norm = next(numbers), next(numbers)
    parts = {name: next(numbers) for name in term.parts}
    if term.confusion is None:
        return TermFacts(value, norm, term.weight, parts)
    shape = tuple(term.confusion.shape)
    counts = np.fromiter(islice(numbers, math.prod(shape)), np.int64).reshape(shape)
    return TermFacts(value, norm, term.weight, parts, counts)


def _descend(auxiliary: nn.Module, terms: Mapping[str, Term]) -> None:
    """Leave the gradient of Σ value, unweighted, on the auxiliary network's parameters.

    A parameter that no term depends on is left without one, and its optimiser leaves it alone.
    """
    parameters = [*auxiliary.parameters()]
    total = torch.stack([term.value.double() for term in terms.values()]).sum()
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


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
