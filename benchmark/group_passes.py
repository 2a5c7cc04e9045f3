"""The features of a step's groups: passes of their own, or rows of the main batch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from benchmark.batches import StepBatches
from benchmark.encode import Encoder, PairTensors, statistics_kept
from variants.objective import Features, Objective


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
    with statistics, torch.set_grad_enabled(objective.groups_with_gradient):
        passed = {
            name: encoder.pairs(pairs.images(index), pairs.tokens(step.captions.get(name, index)))
            for name, index in step.groups.items()
        }
    if not objective.groups_with_gradient:
        return GroupFeatures(passed)
    outputs = [tensor for group in passed.values() for tensor in (group.image, group.text)]
    leaves = [tensor.detach().requires_grad_() for tensor in outputs]
    rows = iter(leaves)
    features = {name: Features(next(rows), next(rows), batch.logit_scale) for name in passed}
    return GroupFeatures(features, outputs, leaves)


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
