"""Recomputed losses, and the feature orders that show what rounding does to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.verify.loss_cases import LossCase, loss_cases
from benchmark.verify.loss_numbers import evaluate, in_other_orders
from benchmark.verify.pack import Pack
from variants import fairclip
from variants.group_distance import GroupDistance

EXACT = fairclip.VARIANT.model_copy(update={"solver": "exact"})


@pytest.fixture(scope="module")
def case(small_pack_once: Path) -> LossCase:
    return next(iter(loss_cases(Pack(small_pack_once)).values())).of({"race"})


class TestLossCases:
    def test_rows_have_norm_one(self, case: LossCase) -> None:
        for features in (case.batch, *case.groups.values()):
            for rows in (features.image, features.text):
                assert rows.norm(dim=1).sub(1).abs().max() < 1e-6

    def test_only_the_attributes_asked_for_remain(self, case: LossCase) -> None:
        assert set(case.groups) == {"race/0", "race/1"}


class TestEvaluate:
    def test_the_distance_gradient_is_the_slope(self, case: LossCase) -> None:
        # In float64, where a central difference resolves it.
        batch = replace(case.batch, image=case.batch.image.double(), text=case.batch.text.double())
        groups = {
            name: replace(f, image=f.image.double(), text=f.text.double())
            for name, f in case.groups.items()
        }
        double = replace(case, batch=batch, groups=groups)
        mean_gap: GroupDistance = EXACT.model_copy(
            update={"distance": "mean-gap", "score": "logit", "normalise": "none"}
        )
        direction = torch.from_numpy(np.random.default_rng(0).normal(size=batch.image.shape))
        step = 1e-3

        def moved(by: float) -> float:
            image = batch.image + by * direction
            return evaluate(mean_gap, replace(double, batch=replace(batch, image=image))).distance

        slope = (moved(step) - moved(-step)) / (2 * step)
        gradient = evaluate(mean_gap, double).gradient
        # Scores are float32, so the difference carries their rounding.
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-2)

    def test_the_loss_is_the_weighted_sum(self, case: LossCase) -> None:
        weighted = EXACT.model_copy(update={"weight": 0.25})
        numbers = evaluate(weighted, case)
        assert numbers.weighted == pytest.approx(0.25 * numbers.distance)
        assert numbers.total == pytest.approx(numbers.base + 0.25 * numbers.distance)
        gradient = numbers.unit_gradient - 0.75 * numbers.gradient
        assert torch.allclose(numbers.total_gradient, gradient)


class TestInOtherOrders:
    def test_nothing_moves_but_by_rounding(self, case: LossCase) -> None:
        plain = evaluate(EXACT, case)
        for moved, back in in_other_orders(case):
            numbers = evaluate(EXACT, moved)
            assert numbers.distance == pytest.approx(plain.distance, rel=1e-5)
            apart = (numbers.gradient[:, back] - plain.gradient).norm()
            assert apart < 1e-5 * plain.gradient.norm()

    def test_the_orders_are_others(self, case: LossCase) -> None:
        for moved, _ in in_other_orders(case):
            assert not torch.equal(moved.batch.image, case.batch.image)
