"""A network that guesses a group from features, and what its guesses cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

NOT_COUNTED = -1
"""The target of a sample that an adversary neither learns from nor is judged by."""


def make_adversary(width: int, hidden: Sequence[int], groups: int, seed: int) -> nn.Sequential:
    """Return an MLP with ReLU between its layers, initialised as torch does by default.

    Args:
        width: Number of features.
        hidden: Units of each hidden layer; none makes a linear classifier.
        groups: Number of outputs.
        seed: Of the initial weights.
    """
    sizes = [width, *hidden, groups]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    between = [module for layer in layers for module in (layer, nn.ReLU())]
    return nn.Sequential(*between[:-1])


def recognise(adversary: nn.Module, features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the adversary's mean cross-entropy in nats, and its confusion.

    Args:
        adversary: (N, d) float32 → (N, G) logits.
        features: (N, d), on the adversary's device.
        target: (N,) int64, the group of each sample or `NOT_COUNTED`; on the CPU, so that
            finding out that none is counted costs no wait for the device.

    Returns:
        A scalar, 0 and without gradient where no sample is counted; and counts (G, G) of the
        counted samples, a row for the true group, a column for the guess.
    """
    logits = adversary(features.float())
    codes = torch.arange(logits.shape[1])
    truth = (target[:, None] == codes).float().to(logits.device)
    guess = (logits.argmax(dim=1, keepdim=True) == codes.to(logits.device)).float()
    if (target == NOT_COUNTED).all():
        entropy = logits.new_zeros(())
    else:
        target = target.to(logits.device)
        entropy = functional.cross_entropy(logits, target, ignore_index=NOT_COUNTED)
    return entropy, truth.T @ guess
