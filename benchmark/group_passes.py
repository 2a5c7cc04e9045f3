"""The features of a step's groups: passes of their own, or rows of the main batch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.batches import Positions, StepBatches
from benchmark.encode import Encoder, statistics_kept
from benchmark.pair_tensors import PairTensors
from benchmark.stopwatch import DATA, GROUPS, part
from variants.objective import Features, Objective

LARGEST_PASS = 256
"""Pairs of several groups that one pass takes at most."""


@dataclass(frozen=True)
class GroupFeatures:
    """Features of groups, and where their gradient goes.

    Attributes:
        features: `attribute/group` → features.
        outputs: Of passes with gradient: what the towers returned.
        leaves: The tensors that `features` holds in the place of `outputs`, one by one.
    """

    features: Mapping[str, Features]
    outputs: list[Tensor] = field(default_factory=list)
    leaves: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Pass:
    """One pass through the towers: which groups it is for, and where their pairs are.

    Attributes:
        groups: `attribute/group` → how many of the pairs, in their order.
        images: Positions of the images.
        captions: Positions of the notes.
    """

    groups: Mapping[str, int]
    images: Positions
    captions: Positions


def planned_passes(
    step: StepBatches, objective: Objective, module: nn.Module, device: torch.device
) -> list[Pass]:
    """Return the passes that the groups of one step take, besides the main batch's.

    On a GPU groups share a pass, which costs a third of the launches of three. They do so
    without gradient alone, and through a model in which no pair's features depend on the pairs
    beside it. A CPU gains nothing by it, and some round a product of more rows otherwise.

    Args:
        step: Positions of main and group batches.
        objective: Says where groups come from and whether they carry gradient.
        module: The model, in the mode of the step.
        device: Where it is.
    """
    if objective.groups_within_batch:
        return []
    shared = (
        device.type != "cpu"
        and not objective.groups_with_gradient
        and pairs_are_independent(module)
    )
    parts: list[list[str]] = []
    room = 0
    for name, index in step.groups.items():
        if not shared or len(index) > room:
            parts.append([])
            room = LARGEST_PASS
        parts[-1].append(name)
        room -= len(index)
    return [_pass(step, names) for names in parts]


def pairs_are_independent(module: nn.Module) -> bool:
    """Return whether a pair's features depend on that pair alone, in the mode the module is in.

    Not so where a part in train mode normalises by the batch, or drops at random what the pairs
    share one draw for.
    """
    return not any(_mixes(layer) for layer in module.modules() if layer.training)


def group_features(
    encoder: Encoder, pairs: PairTensors, step: StepBatches, objective: Objective, batch: Features
) -> GroupFeatures:
    """Return the features of every group of one step.

    A pass leaves running statistics of batch norm as they were, unless the objective says
    otherwise: evaluation would read them, and a regulariser of weight 0 would move it.

    Args:
        encoder: The model, in the mode of the step.
        pairs: The training split.
        step: Positions of main and group batches.
        objective: Says where groups come from and whether they carry gradient.
        batch: Features of the main batch, which are leaves.
    """
    if objective.groups_within_batch:
        source = batch
        if not objective.groups_with_gradient:
            source = Features(batch.image.detach(), batch.text.detach(), batch.logit_scale.detach())
        return GroupFeatures(_rows(source, step))
    moved = objective.groups_move_batch_norm
    statistics = nullcontext() if moved else statistics_kept(encoder.module)
    passed: dict[str, Features] = {}
    with statistics, torch.set_grad_enabled(objective.groups_with_gradient):
        for planned in planned_passes(step, objective, encoder.module, encoder.device):
            passed |= features_of_pass(encoder, pairs, planned)
    if not objective.groups_with_gradient:
        return GroupFeatures(passed)
    outputs = [tensor for group in passed.values() for tensor in (group.image, group.text)]
    leaves = [tensor.detach().requires_grad_() for tensor in outputs]
    rows = iter(leaves)
    features = {name: Features(next(rows), next(rows), batch.logit_scale) for name in passed}
    return GroupFeatures(features, outputs, leaves)


def features_of_pass(encoder: Encoder, pairs: PairTensors, planned: Pass) -> dict[str, Features]:
    """Return each group's features of one pass."""
    with part(DATA):
        images, tokens = pairs.images(planned.images), pairs.tokens(planned.captions)
    with part(GROUPS):
        found = encoder.pairs(images, tokens)
    counts = list(planned.groups.values())
    parts = zip(
        planned.groups,
        torch.split(found.image, counts),
        torch.split(found.text, counts),
        strict=True,
    )
    return {name: Features(image, text, found.logit_scale) for name, image, text in parts}


def _pass(step: StepBatches, names: list[str]) -> Pass:
    images = [step.groups[name] for name in names]
    captions = [step.captions.get(name, step.groups[name]) for name in names]
    counts = {name: len(index) for name, index in zip(names, images, strict=True)}
    return Pass(counts, np.concatenate(images), np.concatenate(captions))


def _mixes(layer: nn.Module) -> bool:
    # Attentions of torch and of transformers hold the share of what they drop as a number.
    if any("drop" in name and isinstance(v, float) and v > 0 for name, v in vars(layer).items()):
        return True
    # Dropouts of torch, open_clip and timm say so in their names, and how much in one of these.
    share = [getattr(layer, name) for name in ("p", "prob", "drop_prob") if hasattr(layer, name)]
    drops = "drop" in type(layer).__name__.lower() and any(share or [True])
    return drops or isinstance(layer, nn.modules.batchnorm._BatchNorm)


def _rows(batch: Features, step: StepBatches) -> dict[str, Features]:
    """Return each group's rows of the main batch, without a second pass."""
    device = batch.image.device
    rows = {
        name: torch.from_numpy(np.flatnonzero(np.isin(step.main, index))).to(device)
        for name, index in step.groups.items()
    }
    return {
        name: Features(batch.image[row], batch.text[row], batch.logit_scale, rows=row)
        for name, row in rows.items()
    }
