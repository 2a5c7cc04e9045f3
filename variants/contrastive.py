"""CLIP's symmetric contrastive loss (Radford et al., ICML 2021, figure 3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from variants.objective import Features
from variants.scores import all_products


def contrastive_loss(batch: Features, label_smoothing: float = 0.0) -> Tensor:
    """Return ½·(CE over rows + CE over columns) of L = s·I·Tᵀ, the target being the diagonal.

    Args:
        batch: Features of N ≥ 1 pairs. With several features an image, L_ij is the largest of
            their logits.
        label_smoothing: Share of the target that is spread evenly over the batch.

    Returns:
        A scalar, in nats.
    """
    logits = all_products(batch.logit_scale * batch.image, batch.text)
    target = torch.arange(len(logits), device=logits.device)
    rows = functional.cross_entropy(logits, target, label_smoothing=label_smoothing)
    columns = functional.cross_entropy(logits.T, target, label_smoothing=label_smoothing)
    return (rows + columns) / 2
