"""Cosines of images and texts, and the scores that group distances compare."""

from __future__ import annotations

from torch import Tensor

from variants.objective import Features


def all_products(image: Tensor, text: Tensor) -> Tensor:
    """Return the (N, M) products of N images with M texts; cosines where rows have norm 1.

    An image with Q features counts with the one closest to the text: BLIP-2's rule, Li et al.,
    ICML 2023, section 3.2.

    Args:
        image: (N, d), or (N, Q, d).
        text: (M, d).
    """
    products = image @ text.T
    return products if image.ndim == 2 else products.max(dim=1).values


def own_products(image: Tensor, text: Tensor) -> Tensor:
    """Return the (N,) products of images with their own texts; see `all_products`.

    Args:
        image: (N, d), or (N, Q, d).
        text: (N, d).
    """
    if image.ndim == 2:
        return (image * text).sum(dim=1)
    return (image * text[:, None]).sum(dim=2).max(dim=1).values


def pair_scores(pairs: Features, score: str) -> Tensor:
    """Return the (N,) float32 scores of N pairs.

    Logits are taken from the same matrix products as in the public code, though sums of N·d
    products would do: float32 Sinkhorn turns a difference in the last bit of a score into up to
    40% of its gradient. In float16 they also overflow where they do there.

    Args:
        pairs: Features of N pairs.
        score: `cosine`, ⟨I_i, T_i⟩ (paper); `logit`, L_ii = s·⟨I_i, T_i⟩ (reproduction);
            `squared-logits`, (L·L)_ii (released code).
    """
    if score == "cosine":
        return own_products(pairs.image, pairs.text).float()
    logits = all_products(pairs.logit_scale * pairs.image, pairs.text)
    if score == "squared-logits":
        logits = logits @ logits
    return logits.diagonal().float()
