"""The key `balance`: λ as a ratio of gradient norms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from variants.a_fairclip import VARIANT as A_FAIRCLIP
from variants.contrastive import contrastive_loss
from variants.group_distance import GroupDistance
from variants.objective import Features

SCALE = torch.tensor(10.0)


def unit(seed: int, n: int) -> Tensor:
    rows = np.random.default_rng(seed).normal(size=(n, 6))
    return torch.from_numpy((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def batch() -> Features:
    return Features(unit(0, 5).requires_grad_(), unit(1, 5).requires_grad_(), SCALE)


def groups() -> dict[str, Features]:
    return {f"race/{g}": Features(unit(10 + g, 4), unit(20 + g, 4), SCALE) for g in range(2)}


def balanced(**keys: Any) -> GroupDistance:
    changes = {"balance": "gradient", "distance": "wasserstein", "weight": 0.25, **keys}
    return GroupDistance.model_validate({**A_FAIRCLIP.model_dump(), **changes})


def numeric_norm(value: Callable[[Features], Tensor], at: Features, step: float = 1e-6) -> float:
    """Return the norm of a gradient by central differences in float64."""
    image, text = (f.detach().double() for f in (at.image, at.text))
    total = 0.0
    for changed in (image, text):
        flat = changed.view(-1)
        for k in range(flat.numel()):
            ends = []
            for sign in (1, -1):
                flat[k] += sign * step
                ends.append(value(Features(image, text, SCALE.double())).item())
                flat[k] -= sign * step
            total += ((ends[0] - ends[1]) / (2 * step)) ** 2
    return math.sqrt(total)


class TestBalanceByGradient:
    def test_the_weighted_gradients_have_the_ratio_lambda_by_central_differences(self) -> None:
        others = {
            name: Features(f.image.double(), f.text.double(), SCALE.double())
            for name, f in groups().items()
        }

        def gaps(pairs: Features) -> Tensor:
            score = (SCALE.double() * pairs.image * pairs.text).sum(dim=1)
            means = [score.sort().values]
            values = []
            for other in others.values():
                theirs = (SCALE.double() * other.image * other.text).sum(dim=1).sort().values
                # 20 = 4 · 5 equal pieces of both quantile functions.
                gap = means[0].repeat_interleave(4) - theirs.repeat_interleave(5)
                values.append(0.5 * (gap**2).mean())
            return torch.stack(values).sum()

        weight = balanced().terms(batch(), groups())["fairness"].weight
        ratio = weight * numeric_norm(gaps, batch()) / numeric_norm(contrastive_loss, batch())
        assert ratio == pytest.approx(0.25, rel=1e-4)

    def test_scaling_the_distances_changes_nothing_but_their_value(self) -> None:
        few = balanced(attributes={"race": 0.5, "gender": 0.5}).terms(batch(), groups())
        whole = balanced().terms(batch(), groups())
        assert few["fairness"].value.item() == pytest.approx(whole["fairness"].value.item() / 2)
        assert few["fairness"].weight == pytest.approx(2 * whole["fairness"].weight)

    def test_the_terms_themselves_are_those_of_a_fixed_weight(self) -> None:
        one, other = (
            objective.terms(batch(), groups())
            for objective in (balanced(), balanced(balance="none"))
        )
        assert {n: t.value.item() for n, t in one.items()} == {
            n: t.value.item() for n, t in other.items()
        }

    def test_a_distance_without_gradient_gets_no_weight(self) -> None:
        same = batch()
        itself = {"race/0": Features(same.image.detach(), same.text.detach(), SCALE)}
        term = balanced().terms(same, itself)["fairness"]
        assert (term.value.item(), term.weight) == (0.0, 0.0)

    def test_half_precision_features_give_the_weight_of_the_same_features_in_float32(self) -> None:
        half = Features(batch().image.detach().half(), batch().text.detach().half(), SCALE)
        single = Features(half.image.float(), half.text.float(), SCALE)
        objective = balanced(score="cosine")
        others = {
            name: Features(f.image.half(), f.text.half(), SCALE) for name, f in groups().items()
        }
        exact = {n: Features(f.image.float(), f.text.float(), SCALE) for n, f in others.items()}
        weights = [objective._weight(*both) for both in ((half, others), (single, exact))]
        assert weights[0] == pytest.approx(weights[1], rel=1e-6)
        assert weights[0] > 0

    def test_lambda_zero_leaves_the_distances_out(self) -> None:
        assert balanced(weight=0).terms(batch(), groups())["fairness"].weight == 0

    def test_the_default_is_no_part_of_a_runs_identity(self) -> None:
        assert "balance" not in A_FAIRCLIP.identity()
        assert balanced().identity()["balance"] == "gradient"
