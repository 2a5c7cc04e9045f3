"""CLIP's symmetric contrastive loss (Radford et al., ICML 2021, figure 3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from variants.objective import Features


def contrastive_loss(batch: Features) -> Tensor:
    """Return ½·(CE over rows + CE over columns) of L = s·I·Tᵀ, the target being the diagonal.

    Args:
        batch: Features of N ≥ 1 pairs.

    Returns:
        A scalar, in nats.
    """
    logits = batch.logit_scale * batch.image @ batch.text.T
    target = torch.arange(len(logits), device=logits.device)
    rows = functional.cross_entropy(logits, target)
    columns = functional.cross_entropy(logits.T, target)
    return (rows + columns) / 2
