"""LARS and its learning-rate schedule, as the linear probe of MAE uses them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class LARS(torch.optim.Optimizer):
    """SGD with momentum whose steps are scaled by the norm of the weights.

    For a matrix w with gradient g and u = g + decay · w, the step is

        m ← momentum · m + u · trust · ‖w‖ / ‖u‖,    w ← w − lr · m

    with factor 1 instead where a norm is 0. Vectors (biases) get m ← momentum · m + g: neither
    decay nor scaling.

    Source: You et al., "Large Batch Training of Convolutional Networks", 2017; in the form of
    `mae/util/lars.py` in the code released with FairCLIP, where the decayed gradient is scaled.

    Args:
        parameters: What is trained.
        lr: Learning rate, set anew before every step by the schedule.
        momentum, trust, weight_decay: As above.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float,
        trust: float,
        weight_decay: float,
    ) -> None:
        keys = {"lr": lr, "momentum": momentum, "trust": trust, "weight_decay": weight_decay}
        super().__init__(parameters, keys)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Take one step; parameters without a gradient stay."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: nn.Parameter, update: torch.Tensor, group: dict[str, Any]) -> None:
        if parameter.ndim > 1:
            update = update + group["weight_decay"] * parameter
            norm, length = parameter.norm(), update.norm()
            scaled = group["trust"] * norm / length
            update = update * torch.where((norm > 0) & (length > 0), scaled, 1.0)
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].mul_(group["momentum"]).add_(update)
        parameter.sub_(group["lr"] * state["momentum"])


def learning_rate(epoch: float, *, peak: float, warmup: float, epochs: int) -> float:
    """Return the learning rate: linear warm-up from 0 to the peak, then half a cosine to 0.

    Source: `mae/util/lr_sched.py` in the code released with FairCLIP.

    Args:
        epoch: Passes that lie behind, with a fraction for each step: 0 at the very first step.
        peak: The highest rate.
        warmup: Epochs of warm-up.
        epochs: Epochs in all; the rate would be 0 after the last.
    """
    if epoch < warmup:
        return peak * epoch / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))
