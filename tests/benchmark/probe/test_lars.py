from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.probe.lars import LARS, learning_rate


def optimiser(*parameters: nn.Parameter, **keys: float) -> LARS:
    return LARS(
        parameters, **{"lr": 0.5, "momentum": 0.9, "trust": 0.01, "weight_decay": 0.0, **keys}
    )


def matrix(*rows: list[float]) -> nn.Parameter:
    return nn.Parameter(torch.tensor(rows, dtype=torch.float64))


def steps(parameter: nn.Parameter, gradients: list[torch.Tensor], **keys: float) -> torch.Tensor:
    moving = optimiser(parameter, **keys)
    for gradient in gradients:
        parameter.grad = gradient.to(parameter.dtype)
        moving.step()
    return parameter.detach()


class TestLARS:
    def test_first_step_by_hand(self) -> None:
        # ‖w‖ = 5, ‖g‖ = 10: the step is 0.5 · 0.01 · 5/10 · g
        w = steps(matrix([3.0, 0.0], [0.0, 4.0]), [torch.tensor([[6.0, 0.0], [8.0, 0.0]])])
        np.testing.assert_allclose(w, [[2.985, 0.0], [-0.02, 4.0]])

    def test_length_of_a_step_does_not_depend_on_that_of_the_gradient(self) -> None:
        gradient = torch.tensor([[6.0, 0.0], [8.0, 0.0]])
        small, large = (
            steps(matrix([3.0, 0.0], [0.0, 4.0]), [gradient * factor]) for factor in (1e-3, 1e3)
        )
        torch.testing.assert_close(small, large)

    def test_weight_decay_is_part_of_what_is_scaled(self) -> None:
        # u = g + 0.5 w = (2.5, 3); ‖w‖ = 5
        w = steps(matrix([3.0, 4.0]), [torch.tensor([[1.0, 1.0]])], weight_decay=0.5)
        factor = 0.5 * 0.01 * 5 / math.hypot(2.5, 3)
        np.testing.assert_allclose(w, [[3 - factor * 2.5, 4 - factor * 3]])

    def test_momentum_keeps_scaled_gradients(self) -> None:
        gradients = [torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])]
        w = steps(matrix([3.0, 4.0]), gradients)
        first = np.array([0.01 * 5, 0.0])
        after = np.array([3.0, 4.0]) - 0.5 * first
        second = 0.9 * first + [0.0, 0.01 * np.linalg.norm(after)]
        np.testing.assert_allclose(w[0], after - 0.5 * second)

    def test_vectors_move_as_in_sgd_with_momentum(self) -> None:
        gradients = [torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])]
        ours = nn.Parameter(torch.tensor([1.0, 2.0]))
        theirs = nn.Parameter(torch.tensor([1.0, 2.0]))
        sgd = torch.optim.SGD([theirs], lr=0.5, momentum=0.9)
        for gradient in gradients:
            theirs.grad = gradient
            sgd.step()
        moved = steps(ours, gradients, weight_decay=0.5)
        torch.testing.assert_close(moved, theirs.detach())

    def test_zero_weights_move_by_the_plain_gradient(self) -> None:
        w = steps(matrix([0.0, 0.0]), [torch.tensor([[1.0, 2.0]])])
        np.testing.assert_allclose(w, [[-0.5, -1.0]])

    def test_a_zero_gradient_moves_nothing(self) -> None:
        w = steps(matrix([3.0, 4.0]), [torch.zeros(1, 2)])
        np.testing.assert_array_equal(w, [[3.0, 4.0]])


class TestLearningRate:
    @pytest.mark.parametrize(
        ("epoch", "expected"),
        [
            (0, 0.0),
            (2.5, 0.05),
            (10, 0.2),
            (10 + 990 / 3, 0.15),  # cos 60° = 1/2
            (505, 0.1),
            (1000, 0.0),
        ],
    )
    def test_is_a_ramp_and_half_a_cosine(self, epoch: float, expected: float) -> None:
        found = learning_rate(epoch, peak=0.2, warmup=10, epochs=1000)
        assert found == pytest.approx(expected, abs=1e-15)

    def test_follows_torchs_cosine_after_the_ramp(self) -> None:
        parameter = nn.Parameter(torch.zeros(1))
        sgd = torch.optim.SGD([parameter], lr=0.2)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=40)
        for epoch in range(10, 50):
            found = learning_rate(epoch, peak=0.2, warmup=10, epochs=50)
            assert found == pytest.approx(cosine.get_last_lr()[0], rel=1e-9)
            sgd.step()
            cosine.step()

    def test_a_short_probe_ends_within_its_ramp(self) -> None:
        assert learning_rate(4.5, peak=0.2, warmup=10, epochs=5) == pytest.approx(0.09)

    def test_without_warm_up_starts_at_the_peak(self) -> None:
        assert learning_rate(0, peak=0.2, warmup=0, epochs=5) == 0.2
