"""Which parameters a protocol trains, and how one step moves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from benchmark.errors import FairbenchError
from benchmark.protocol import Protocol

TOGETHER = 2**24
"""Up to so many numbers are updated all together, operation by operation; the same bits in float32.

On a CPU that saves 40% of an update of a small model; of a large one it would cost more, and
memory for a copy or two of all parameters. On a GPU it is what torch does in any case.
"""


def trained_parameters(module: nn.Module, trained: str) -> list[nn.Parameter]:
    """Return the parameters that the protocol trains, and freeze all others.

    Args:
        module: A CLIP model of open_clip; or one whose `trainable_parameters()` leaves out what
            must stay fixed (BLIP2).
        trained: `all`, or `encoders`: the image tower and the text *transformer*, as
            `finetune_FairCLIP.py` gives them to its optimiser. Token and positional embedding,
            `ln_final`, `text_projection` and `logit_scale` stay frozen then.
    """
    if trained == "all":
        chosen = list(getattr(module, "trainable_parameters", module.parameters)())
    else:
        text = getattr(module, "transformer", None) or getattr(
            getattr(module, "text", None), "transformer", None
        )
        visual = getattr(module, "visual", None)
        if not isinstance(text, nn.Module) or not isinstance(visual, nn.Module):
            raise FairbenchError(
                f"trained=encoders needs a model with a text transformer and an image tower, "
                f"{type(module).__name__} has none; use --set trained=all"
            )
        chosen = [*text.parameters(), *visual.parameters()]
    module.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def make_optimiser(parameters: Sequence[nn.Parameter], protocol: Protocol) -> torch.optim.Optimizer:
    """Return the optimiser with the protocol's constants; a fused one in the faster step."""
    whole = all(p.dtype is torch.float32 for p in parameters)
    few = whole and sum(p.numel() for p in parameters) <= TOGETHER
    kernels = {"fused": True} if protocol.fast else {"foreach": few or None}
    constants: dict[str, Any] = {"lr": protocol.lr, "weight_decay": protocol.weight_decay}
    constants |= kernels
    if protocol.optimiser == "sgd":
        return torch.optim.SGD(parameters, **constants)
    kind = torch.optim.Adam if protocol.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, betas=protocol.betas, eps=protocol.eps, **constants)


def optimiser_step(optimiser: torch.optim.Optimizer, half: bool) -> None:
    """Take one step and clear the gradients.

    Args:
        optimiser: Over parameters that hold gradients.
        half: Weights held in float16 are cast to float32 for the step and back after it, as
            `convert_models_to_fp32` and `convert_weights` do in `finetune_FairCLIP.py`; a
            step below float16's resolution is lost there, and here.
    """
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    types = [p.dtype for p in parameters]
    if half:
        for p in parameters:
            p.data = p.data.float()
            if p.grad is not None:
                p.grad = p.grad.float()
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    if half:
        for p, dtype in zip(parameters, types, strict=True):
            p.data = p.data.to(dtype)
