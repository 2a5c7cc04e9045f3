"""The probe's head: normalisation without parameters, and a linear layer with two outputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.randomness import generator

EPS = 1e-6
OUTPUTS = 2


def make_head(width: int, seed: int) -> nn.Sequential:
    """Return the head, initialised from the stream `init/probe` of the seed.

    Weights are normal with standard deviation 0.01 (the source truncates at 200 of them);
    biases are uniform in ±1/√width, torch's own choice, which the source keeps.

    Source: `mae/main_linprobe.py` in the code released with FairCLIP, after MoCo v3.

    Args:
        width: Number of features.
        seed: Of the run.
    """
    draw = generator(seed, "init/probe")
    linear = nn.Linear(width, OUTPUTS)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(draw.normal(0, 0.01, (OUTPUTS, width))))
        bound = 1 / np.sqrt(width)
        linear.bias.copy_(torch.from_numpy(draw.uniform(-bound, bound, OUTPUTS)))
    return nn.Sequential(nn.BatchNorm1d(width, eps=EPS, affine=False), linear)


def probe_loss(outputs: Tensor, label: Tensor, loss: str) -> Tensor:
    """Return the mean loss of (N, 2) outputs for (N,) int64 labels 0 and 1.

    `output-1` is the binary cross-entropy of the second output alone, so that nothing moves the
    first; `cross-entropy` is that of both.
    """
    if loss == "output-1":
        return functional.binary_cross_entropy_with_logits(outputs[:, 1], label.float())
    return functional.cross_entropy(outputs, label)


def class_one(outputs: Tensor, loss: str) -> Tensor:
    """Return (N,) float32, the probability of class 1 that the loss is a likelihood of."""
    if loss == "output-1":
        return outputs[:, 1].double().sigmoid().float()
    return outputs.double().softmax(dim=1)[:, 1].float()
