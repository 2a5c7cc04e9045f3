from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.probe.head import class_one, make_head, probe_loss

OUTPUTS = torch.tensor([[5.0, 0.3], [-1.0, -2.0], [0.0, 40.0]])
LABEL = torch.tensor([1, 0, 1])


class TestMakeHead:
    def test_normalises_and_has_two_outputs(self) -> None:
        head = make_head(4, seed=0)
        x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) * 3 + 2
        normalised = head[0](x)
        np.testing.assert_allclose(normalised.mean(dim=0), np.zeros(4), atol=1e-6)
        np.testing.assert_allclose(normalised.var(dim=0, correction=0), np.ones(4), rtol=1e-5)
        assert head(x).shape == (50, 2)
        assert {name for name, _ in head.named_parameters()} == {"1.weight", "1.bias"}

    def test_evaluates_with_running_means_of_what_it_was_trained_on(self) -> None:
        head = make_head(1, seed=0)
        batches = [torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([[10.0], [10.0], [13.0]])]
        mean, variance = 0.0, 1.0
        for batch in batches:
            head(batch)
            mean = 0.9 * mean + 0.1 * batch.mean().item()
            variance = 0.9 * variance + 0.1 * batch.var(correction=1).item()
        found = head.eval()[0](torch.tensor([[7.0]])).item()
        assert found == pytest.approx((7 - mean) / np.sqrt(variance + 1e-6), rel=1e-6)

    def test_weights_have_standard_deviation_001_and_biases_are_within_their_bound(self) -> None:
        linear = make_head(10_000, seed=3)[1]
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.02)
        assert linear.bias.abs().max().item() <= 0.01

    def test_seeds_differ_and_repeat(self) -> None:
        first, again, other = (make_head(4, seed)[1].weight for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


class TestProbeLoss:
    def test_of_output_1_is_binary_cross_entropy(self) -> None:
        z, y = OUTPUTS[:, 1].double().numpy(), LABEL.numpy()
        p = 1 / (1 + np.exp(-z))
        expected = -np.log(np.where(y == 1, p, 1 - p)).mean()
        found = probe_loss(OUTPUTS.double(), LABEL, "output-1").item()
        assert found == pytest.approx(expected, rel=1e-6)

    def test_of_output_1_has_no_gradient_at_output_0(self) -> None:
        outputs = OUTPUTS.clone().requires_grad_()
        probe_loss(outputs, LABEL, "output-1").backward()  # type: ignore[no-untyped-call]
        assert outputs.grad is not None
        assert (outputs.grad[:, 0] == 0).all()
        assert (outputs.grad[:2, 1] != 0).all()

    def test_cross_entropy_of_both_is_that_of_their_difference(self) -> None:
        both = probe_loss(OUTPUTS, LABEL, "cross-entropy").item()
        difference = torch.stack([OUTPUTS[:, 0], OUTPUTS[:, 1] - OUTPUTS[:, 0]], dim=1)
        assert both == pytest.approx(probe_loss(difference, LABEL, "output-1").item(), rel=1e-6)


class TestClassOne:
    def test_is_the_sigmoid_of_output_1(self) -> None:
        expected = 1 / (1 + np.exp(-np.array([0.3, -2.0, 40.0])))
        np.testing.assert_allclose(class_one(OUTPUTS, "output-1"), expected, rtol=1e-6)

    def test_is_a_softmax_under_cross_entropy(self) -> None:
        expected = 1 / (1 + np.exp(np.array([4.7, 1.0, -40.0])))
        np.testing.assert_allclose(class_one(OUTPUTS, "cross-entropy"), expected, rtol=1e-6)
