from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from benchmark.errors import FairbenchError
from benchmark.optimiser import make_optimiser, optimiser_step, trained_parameters
from benchmark.protocol import Protocol


def names_of(module: Any, parameters: list[Any]) -> set[str]:
    chosen = {id(p) for p in parameters}
    return {name for name, p in module.named_parameters() if id(p) in chosen}


class TestTrainedParameters:
    def test_encoders_are_the_image_tower_and_the_text_transformer(self, small_clip: Any) -> None:
        module = copy.deepcopy(small_clip.module)
        chosen = names_of(module, trained_parameters(module, "encoders"))
        frozen = {name for name, _ in module.named_parameters()} - chosen
        assert frozen == {
            "positional_embedding",
            "text_projection",
            "logit_scale",
            "token_embedding.weight",
            "ln_final.weight",
            "ln_final.bias",
        }

    @pytest.mark.parametrize("trained", ["encoders", "all"])
    def test_gradients_are_kept_for_the_chosen_and_no_others(
        self, trained: str, small_clip: Any
    ) -> None:
        module = copy.deepcopy(small_clip.module).requires_grad_(False)
        chosen = names_of(module, trained_parameters(module, trained))
        assert chosen == {name for name, p in module.named_parameters() if p.requires_grad}
        assert len(chosen) == len({id(p) for p in trained_parameters(module, trained)})
        if trained == "all":
            assert chosen == {name for name, _ in module.named_parameters()}

    def test_finds_the_towers_of_open_clips_other_class(
        self, add_architecture: Any, small_clip_config: Any
    ) -> None:
        from benchmark.model import load_model

        config = copy.deepcopy(small_clip_config) | {"custom_text": True}
        module = load_model(add_architecture("fairbench-test-custom", config)).module
        chosen = names_of(module, trained_parameters(module, "encoders"))
        assert all(name.startswith(("visual.", "text.transformer.")) for name in chosen)
        assert any(name.startswith("text.transformer.") for name in chosen)

    def test_a_model_without_towers_is_refused(self) -> None:
        with pytest.raises(FairbenchError, match=r"Linear has none; use --set trained=all"):
            trained_parameters(torch.nn.Linear(2, 2), "encoders")


def adam_by_hand(weight: np.ndarray, gradients: list[np.ndarray], p: Protocol) -> np.ndarray:
    """Kingma and Ba, ICLR 2015, algorithm 1, with the decay added to the gradient."""
    first = second = np.zeros_like(weight)
    b1, b2 = p.betas
    for t, gradient in enumerate(gradients, start=1):
        decayed = gradient + p.weight_decay * weight
        first = b1 * first + (1 - b1) * decayed
        second = b2 * second + (1 - b2) * decayed**2
        step = (first / (1 - b1**t)) / (np.sqrt(second / (1 - b2**t)) + p.eps)
        weight = weight - p.lr * step
    return weight


def steps(protocol: Protocol, weight: np.ndarray, gradients: list[np.ndarray]) -> np.ndarray:
    parameter = torch.nn.Parameter(torch.from_numpy(weight.copy()))
    optimiser = make_optimiser([parameter], protocol)
    for gradient in gradients:
        parameter.grad = torch.from_numpy(gradient.copy())
        optimiser_step(optimiser, half=False)
        assert parameter.grad is None
    return np.asarray(parameter.detach().numpy())


class TestStep:
    weight, *gradients = np.random.default_rng(0).normal(size=(6, 40)) * np.array(
        [1, 1, 1e-3, 1e-6, 1e-1, 1e-8]
    ).reshape(-1, 1)

    @pytest.mark.parametrize("keys", [{}, {"betas": (0.9, 0.999), "weight_decay": 0.1}])
    def test_of_adam_is_the_published_one_with_l2_in_the_gradient(self, keys: Any) -> None:
        protocol = Protocol(lr=1e-3, **keys)
        assert protocol.betas == keys.get("betas", (0.1, 0.1))
        gradients = list(self.gradients)
        np.testing.assert_allclose(
            steps(protocol, self.weight, gradients),
            adam_by_hand(self.weight, gradients, protocol),
            rtol=1e-12,
        )

    def test_of_adamw_decays_the_weights_apart(self) -> None:
        protocol = Protocol(optimiser="adamw", lr=1e-2, weight_decay=0.5)
        plain = protocol.model_copy(update={"weight_decay": 0.0})
        gradient = list(self.gradients[:1])
        expected = adam_by_hand(self.weight * (1 - 1e-2 * 0.5), gradient, plain)
        np.testing.assert_allclose(steps(protocol, self.weight, gradient), expected, rtol=1e-12)

    def test_of_sgd_is_plain(self) -> None:
        protocol = Protocol(optimiser="sgd", lr=1e-2, weight_decay=0.5)
        expected = self.weight - 1e-2 * (self.gradients[0] + 0.5 * self.weight)
        found = steps(protocol, self.weight, list(self.gradients[:1]))
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_leaves_parameters_without_a_gradient_alone(self) -> None:
        parameter = torch.nn.Parameter(torch.ones(3))
        optimiser_step(make_optimiser([parameter], Protocol(weight_decay=0.5)), half=True)
        assert torch.equal(parameter, torch.ones(3))


class TestOperationByOperation:
    """Small models are updated in another order of loops: the same bits as torch's default."""

    @pytest.mark.parametrize("threads", [1, 2, 3])
    @pytest.mark.parametrize(
        ("optimiser", "kind"),
        [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
    )
    def test_is_bit_identical_to_torchs_default(
        self, optimiser: Any, kind: Any, threads: int
    ) -> None:
        torch.set_num_threads(threads)
        noise = torch.Generator().manual_seed(0)
        sizes = [(1,), (7, 13), (333,), (70_001,), (515, 129)]
        start = [torch.randn(size, generator=noise) for size in sizes]
        ours, theirs = ([torch.nn.Parameter(p.clone()) for p in start] for _ in range(2))
        protocol = Protocol(optimiser=optimiser, lr=1e-3)
        moments = {"betas": protocol.betas, "eps": protocol.eps} if optimiser != "sgd" else {}
        default = kind(
            theirs, lr=protocol.lr, weight_decay=protocol.weight_decay, foreach=False, **moments
        )
        made = make_optimiser(ours, protocol)
        assert made.param_groups[0]["foreach"]
        for step in range(5):
            for a, b in zip(ours, theirs, strict=True):
                a.grad = torch.randn(a.shape, generator=noise) * 10.0 ** (-2 * step)
                b.grad = a.grad.clone()
            optimiser_step(made, half=False)
            default.step()
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))

    def test_is_not_for_large_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("benchmark.optimiser.TOGETHER", 9)
        parameters = [torch.nn.Parameter(torch.ones(size)) for size in (4, 6)]
        assert not make_optimiser(parameters, Protocol()).param_groups[0]["foreach"]
        assert make_optimiser(parameters[:1], Protocol()).param_groups[0]["foreach"]


class TestFusedStep:
    """The faster step's kernels, against the same equations."""

    fast: ClassVar[dict[str, Any]] = {"precision": "bf16-amp", "deterministic": False}
    weight: ClassVar[Any] = TestStep.weight
    gradients: ClassVar[list[Any]] = list(TestStep.gradients)

    @pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
    def test_is_taken_by_fast_protocols_alone(self, optimiser: Any) -> None:
        parameter = torch.nn.Parameter(torch.ones(3))
        for keys in ({}, {"precision": "bf16-amp"}, {"deterministic": False}, self.fast):
            made = make_optimiser([parameter], Protocol(optimiser=optimiser, **keys))
            assert bool(made.param_groups[0]["fused"]) == (keys == self.fast)

    @pytest.mark.parametrize("keys", [{}, {"betas": (0.9, 0.999), "weight_decay": 0.1}])
    def test_of_adam_is_the_published_one_with_l2_in_the_gradient(self, keys: Any) -> None:
        protocol = Protocol(lr=1e-3, **keys, **self.fast)
        np.testing.assert_allclose(
            steps(protocol, self.weight, self.gradients),
            adam_by_hand(self.weight, self.gradients, protocol),
            rtol=1e-12,
        )

    def test_of_adamw_decays_the_weights_apart(self) -> None:
        protocol = Protocol(optimiser="adamw", lr=1e-2, weight_decay=0.5, **self.fast)
        plain = protocol.model_copy(update={"weight_decay": 0.0})
        gradient = self.gradients[:1]
        expected = adam_by_hand(self.weight * (1 - 1e-2 * 0.5), gradient, plain)
        np.testing.assert_allclose(steps(protocol, self.weight, gradient), expected, rtol=1e-12)

    def test_of_sgd_is_plain(self) -> None:
        protocol = Protocol(optimiser="sgd", lr=1e-2, weight_decay=0.5, **self.fast)
        expected = self.weight - 1e-2 * (self.gradients[0] + 0.5 * self.weight)
        found = steps(protocol, self.weight, self.gradients[:1])
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_moves_float32_weights_by_no_more_than_roundings(self) -> None:
        weight = self.weight.astype(np.float32)
        gradients = [g.astype(np.float32) for g in self.gradients]
        protocol = Protocol(lr=1e-4, **self.fast)
        found = steps(protocol, weight, gradients)
        exact = adam_by_hand(weight.astype(float), [g.astype(float) for g in gradients], protocol)
        # Half a unit in the last place of each weight, for each step.
        bound = len(gradients) * (np.spacing(np.abs(weight)) + 1e-6 * protocol.lr)
        assert (np.abs(found - exact) <= bound).all()


class TestHalfStep:
    def moved(self, value: float, lr: float = 1e-5) -> torch.Tensor:
        """One step of Adam against a gradient of 1, whose size is lr."""
        parameter = torch.nn.Parameter(torch.tensor([value], dtype=torch.float16))
        optimiser = make_optimiser([parameter], Protocol(lr=lr, weight_decay=0.0))
        parameter.grad = torch.ones(1, dtype=torch.float16)
        optimiser_step(optimiser, half=True)
        assert parameter.dtype == torch.float16
        return (parameter.detach().double() - value)[0]

    @pytest.mark.parametrize("value", [1.0, 0.5, 0.25, 2**-5])
    def test_below_the_resolution_of_float16_is_lost(self, value: float) -> None:
        # Above 2^-5 weights are 2^-15 = 3e-5 apart; the power itself has a nearer one below.
        assert self.moved(value * (1 + 2**-10)) == 0

    def test_of_small_weights_is_rounded_to_their_spacing(self) -> None:
        # Between 2^-6 and 2^-5 the spacing is 2^-16: a step of 1e-5 becomes 1.5e-5.
        assert self.moved(2**-6 * 1.5).item() == pytest.approx(-(2**-16), rel=1e-9)

    def test_keeps_moments_in_float32_across_steps(self) -> None:
        parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float16))
        optimiser = make_optimiser([parameter], Protocol(lr=1e-3, weight_decay=0.0))
        gradients = [1.0, 0.5, 2.0]
        for gradient in gradients:
            parameter.grad = torch.full((1,), gradient, dtype=torch.float16)
            optimiser_step(optimiser, half=True)
        state = optimiser.state[parameter]
        assert state["exp_avg"].dtype == torch.float32
        expected = adam_by_hand(
            np.zeros(1), [np.full(1, g) for g in gradients], Protocol(lr=1e-3, weight_decay=0.0)
        )
        assert parameter.item() == pytest.approx(expected[0], abs=3e-6)

    def test_leaves_float32_parameters_in_float32(self) -> None:
        parameter = torch.nn.Parameter(torch.ones(1))
        optimiser = make_optimiser([parameter], Protocol(lr=1e-5, weight_decay=0.0))
        parameter.grad = torch.ones(1)
        optimiser_step(optimiser, half=True)
        assert parameter.dtype == torch.float32
        assert parameter.item() == pytest.approx(1 - 1e-5, abs=1e-7)
