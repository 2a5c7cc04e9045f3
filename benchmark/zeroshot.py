"""Class prompts → scores: what a CLIP model says of every image, and of every pair.

Source: evaluation of the released code, `compute_vl_prob` in src/modules.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.encode import Encoder, PairTensors
from variants.scores import all_products, own_products

EVALUATION_BATCH = 256
"""Images a forward pass; a constant because results on one device depend on it."""


@dataclass(frozen=True)
class Scores:
    """Predictions on one split after one epoch.

    Attributes:
        score: float32, the probability of class 1 (N,); with C > 2 classes that of each, (N, C).
        similarity: (N,) float32, cosine of each image and its own note.
    """

    score: NDArray[np.float32]
    similarity: NDArray[np.float32]


def class_probabilities(image: Tensor, prompts: Tensor) -> Tensor:
    """Return (N, classes) softmax of ⟨image, prompt⟩ *without* the logit scale.

    Cosines differ by little, so all probabilities lie near 1/classes.

    Args:
        image: (N, d), rows of norm 1; or (N, Q, d), see `variants.scores.all_products`.
        prompts: (classes, d), rows of norm 1.
    """
    return all_products(image, prompts).softmax(dim=1)


@torch.no_grad()
def zero_shot(encoder: Encoder, pairs: PairTensors, prompt_tokens: NDArray[np.int32]) -> Scores:
    """Return scores and similarities of all pairs of a split, in float32.

    The public code encodes the prompts again for every image; once is the same.
    """
    prompts = encoder.text(torch.from_numpy(prompt_tokens).to(encoder.device)).float()
    score, similarity = [], []
    for start in range(0, len(pairs), EVALUATION_BATCH):
        index = np.arange(start, min(start + EVALUATION_BATCH, len(pairs)))
        image = encoder.image(pairs.images(index)).float()
        text = encoder.text(pairs.tokens(index)).float()
        probability = class_probabilities(image, prompts)
        score.append(probability[:, 1] if len(prompts) == 2 else probability)
        similarity.append(own_products(image, text))
    return Scores(_array(score), _array(similarity))


def _array(parts: list[Tensor]) -> NDArray[np.float32]:
    return torch.cat(parts).cpu().numpy().astype(np.float32)
