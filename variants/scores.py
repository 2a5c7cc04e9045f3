"""One number for each image–note pair: the scores that group distances compare."""

from __future__ import annotations

from torch import Tensor

from variants.objective import Features


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
        return (pairs.image * pairs.text).sum(dim=1).float()
    logits = pairs.logit_scale * pairs.image @ pairs.text.T
    if score == "squared-logits":
        logits = logits @ logits
    return logits.diagonal().float()
