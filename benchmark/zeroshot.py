"""Class prompts → scores: what a CLIP model says of every image, and of every pair.

Source: evaluation of the released code, `compute_vl_prob` in src/modules.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.encode import Encoder
from benchmark.pair_tensors import PairTensors
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
def class_prompts(encoder: Encoder, tokens: NDArray[np.int32]) -> Tensor:
    """Return (classes, d) float32 features of the class prompts, (classes, L) token ids.

    The public code encodes them again for every image; once an epoch is the same.
    """
    return encoder.text(torch.from_numpy(tokens).to(encoder.device)).float()


@torch.no_grad()
def zero_shot(encoder: Encoder, pairs: PairTensors, prompts: Tensor) -> Scores:
    """Return scores and similarities of all pairs of a split, in float32.

    Args:
        encoder: The model, in the mode of evaluation.
        pairs: The split.
        prompts: What `class_prompts` returned for the same encoder.
    """
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
