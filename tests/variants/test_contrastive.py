from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from variants.contrastive import contrastive_loss
from variants.objective import Features


def pairs(n: int, scale: float, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    image, text = (rng.normal(size=(n, 12)) for _ in range(2))
    unit = [torch.tensor(m / np.linalg.norm(m, axis=1, keepdims=True)) for m in (image, text)]
    return Features(unit[0].float(), unit[1].float(), torch.tensor(scale))


def by_hand(batch: Features) -> float:
    """Mean of −log softmax at the diagonal over rows and over columns, in float64."""
    logits = batch.logit_scale.item() * batch.image.double().numpy() @ batch.text.double().numpy().T
    own = np.diag(logits)
    peak = logits.max()
    rows = np.log(np.exp(logits - peak).sum(axis=1)) + peak - own
    columns = np.log(np.exp(logits - peak).sum(axis=0)) + peak - own
    return float((rows.mean() + columns.mean()) / 2)


class TestContrastiveLoss:
    @pytest.mark.parametrize("n", [1, 2, 7, 32])
    @pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
    def test_is_the_symmetric_cross_entropy(self, n: int, scale: float) -> None:
        batch = pairs(n, scale)
        assert contrastive_loss(batch).item() == pytest.approx(by_hand(batch), rel=2e-6, abs=2e-6)

    def test_of_one_pair_is_zero(self) -> None:
        assert contrastive_loss(pairs(1, 100.0)).item() == 0

    def test_of_equal_pairs_is_the_logarithm_of_their_number(self) -> None:
        row = pairs(1, 14.3)
        batch = Features(row.image.expand(9, -1), row.text.expand(9, -1), row.logit_scale)
        assert contrastive_loss(batch).item() == pytest.approx(math.log(9), rel=1e-6)

    def test_does_not_change_when_images_and_texts_swap_roles(self) -> None:
        batch = pairs(6, 14.3)
        swapped = Features(batch.text, batch.image, batch.logit_scale)
        assert contrastive_loss(batch).item() == pytest.approx(
            contrastive_loss(swapped).item(), rel=1e-6
        )
