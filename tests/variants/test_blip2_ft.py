from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchmark.config import resolve
from benchmark.errors import FairbenchError
from benchmark.registry import find_variant
from variants.blip2_ft import VARIANT
from variants.contrastive import contrastive_loss
from variants.objective import Features


def batch(queries: int, n: int = 4) -> Features:
    noise = torch.Generator().manual_seed(0)
    image = torch.randn(n, queries, 3, generator=noise).double()
    text = torch.randn(n, 3, generator=noise).double()
    unit = torch.nn.functional.normalize
    return Features(unit(image, dim=-1), unit(text, dim=-1), torch.tensor(14.3).double())


def by_hand(pairs: Features, smoothing: float) -> float:
    """The loss of blip2_qformer.py, written out for one process."""
    cosine = np.array([[max(q @ t for q in i) for t in pairs.text.numpy()] for i in
                       pairs.image.numpy()])  # fmt: skip
    logits = pairs.logit_scale.item() * cosine
    target = (1 - smoothing) * np.eye(len(logits)) + smoothing / len(logits)
    rows = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    columns = logits - np.log(np.exp(logits).sum(axis=0, keepdims=True))
    return float(-((target * rows).sum() + (target * columns).sum()) / 2 / len(logits))


class TestLoss:
    @pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
    @pytest.mark.parametrize("queries", [1, 5])
    def test_is_that_of_the_equation(self, queries: int, smoothing: float) -> None:
        pairs = batch(queries)
        objective = VARIANT.model_copy(update={"label_smoothing": smoothing})
        found = objective.terms(pairs, {})["clip"].value.item()
        assert found == pytest.approx(by_hand(pairs, smoothing), rel=1e-9)

    def test_moves_only_the_query_that_is_closest(self) -> None:
        pairs = batch(queries=5, n=2)
        image = pairs.image.clone().requires_grad_()
        loss = contrastive_loss(Features(image, pairs.text, pairs.logit_scale))
        (gradient,) = torch.autograd.grad(loss, [image])
        chosen = (pairs.image @ pairs.text.T).argmax(dim=1)  # (images, texts)
        moved = {(int(i), int(q)) for i, q, _ in gradient.nonzero()}
        assert moved == {(i, int(chosen[i, j])) for i in range(2) for j in range(2)}

    def test_without_smoothing_trains_a_clip_as_clip_ft_does_bit_for_bit(
        self, train_run: Any
    ) -> None:
        ours = train_run("blip2-ft", label_smoothing=0.0).epochs[-1].scores["test"]
        plain = train_run("clip-ft").epochs[-1].scores["test"]
        np.testing.assert_array_equal(ours.score, plain.score)
        np.testing.assert_array_equal(ours.similarity, plain.similarity)

    @pytest.mark.parametrize("value", [-0.1, 1.0])
    def test_a_share_outside_zero_to_one_is_one_line(self, value: float) -> None:
        with pytest.raises(FairbenchError, match=r"must be in \[0, 1\)"):
            resolve(find_variant("blip2-ft"), changes={"label_smoothing": value})
