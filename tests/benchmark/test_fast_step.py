from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

import benchmark.config
from benchmark.batches import SeededBatches
from benchmark.config import RunConfig, resolve, run_id
from benchmark.data.dataset import Dataset
from benchmark.encode import Encoder
from benchmark.fast_step import StepKernels, step_kernels, step_numerics
from benchmark.group_passes import group_features
from benchmark.pair_tensors import PairTensors
from benchmark.protocol import PRESETS
from benchmark.registry import find_variant
from benchmark.step import backward
from benchmark.zeroshot import class_probabilities
from variants.objective import Features

CPU = torch.device("cpu")
FAST = {"precision": "bf16-amp", "deterministic": False}
FAST_ON_A_CPU = {"optimiser": "fused", "attention": "products"}


def config(variant: str = "clip-ft", **arguments: Any) -> RunConfig:
    return resolve(find_variant(variant), **arguments)


def id_of(**arguments: Any) -> str:
    return run_id(config(**arguments).identity("data", "weights"))


class TestStepKernels:
    @pytest.mark.parametrize("device", ["cpu", "cuda"])
    @pytest.mark.parametrize("preset", sorted(PRESETS.keys() - {"fast"}))
    def test_of_every_other_preset_are_the_plain_ones(self, preset: str, device: Any) -> None:
        assert step_kernels(config(preset=preset, device=device)) == StepKernels("plain", "default")

    @pytest.mark.parametrize(("device", "attention"), [("cpu", "products"), ("cuda", "default")])
    def test_of_the_preset_fast_are_faster(self, device: Any, attention: str) -> None:
        found = step_kernels(config(preset="fast", device=device))
        assert found.described() == {"optimiser": "fused", "attention": attention}

    @pytest.mark.parametrize(
        ("precision", "deterministic"),
        [*itertools.product(["fp32", "bf16-amp", "fp16-weights"], [True, False])],
    )
    def test_are_faster_in_bfloat16_that_need_not_be_deterministic_alone(
        self, precision: str, deterministic: bool
    ) -> None:
        changes = {"precision": precision, "deterministic": deterministic}
        plain = step_kernels(config(changes=changes)) == StepKernels()
        assert plain == (changes != FAST)

    @pytest.mark.parametrize(
        ("variant", "changes"),
        [("clip", {}), ("linear-probe", {}), ("linear-probe", {"backbone": "clip-ft"})],
    )
    def test_of_runs_that_train_no_tower_are_the_plain_ones(
        self, variant: str, changes: dict[str, Any]
    ) -> None:
        assert step_kernels(config(variant, preset="fast", changes=changes)) == StepKernels()


class TestIdentity:
    def test_names_the_version_of_the_faster_step_in_fast_runs_alone(self) -> None:
        assert "fast_step" in config(preset="fast").identity("data", "weights")
        for preset in PRESETS.keys() - {"fast"}:
            assert "fast_step" not in config(preset=preset).identity("data", "weights")

    def test_of_fast_runs_alone_moves_with_its_version(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = sorted(PRESETS)
        before = {name: id_of(preset=name) for name in names}
        monkeypatch.setattr(benchmark.config, "FAST_STEP", benchmark.config.FAST_STEP + 1)
        assert [name for name in names if id_of(preset=name) != before[name]] == ["fast"]


class Kernels(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Notes the names of what torch computes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


class TestStepNumerics:
    def kernels(self) -> set[str]:
        rows = torch.rand(1, 2, 5, 8).bfloat16()
        found = Kernels()
        with found:
            scaled_dot_product_attention(rows, rows, rows)
        return found.names

    def test_replace_the_attention_kernel_of_fast_runs_alone(self) -> None:
        flash = "_scaled_dot_product_flash_attention_for_cpu"
        with step_numerics(config(preset="tiny")):
            assert flash in self.kernels()
        with step_numerics(config(preset="fast")):
            assert flash not in self.kernels()
            assert "bmm" in self.kernels()
            assert not torch.are_deterministic_algorithms_enabled()
        assert flash in self.kernels()

    def test_keep_float32_products_in_full(self) -> None:
        with step_numerics(config(preset="fast")):
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32


class TestAFastRun:
    def scores(self, found: Any) -> list[Any]:
        return [epoch.scores[split].score for epoch in found.epochs for split in ("val", "test")]

    @pytest.mark.parametrize("variant", ["clip-ft", "fairclip", "adversarial"])
    def test_ends_near_the_full_precision_run(self, train_run: Any, variant: str) -> None:
        keys = {"optimiser": "sgd", "lr": 1e-2}
        full, fast = train_run(variant, **keys), train_run(variant, **keys, **FAST)
        for a, b in zip(self.scores(full), self.scores(fast), strict=True):
            assert b.dtype == np.float32
            assert (a != b).any()
            np.testing.assert_allclose(a, b, atol=5e-3)
        assert all(p.dtype == torch.float32 for p in fast.module.parameters())

    def test_repeats_itself_on_a_cpu(self, train_run: Any) -> None:
        first, second = (train_run("fairclip", **FAST) for _ in range(2))
        for a, b in zip(self.scores(first), self.scores(second), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_is_stored_with_what_it_was_computed_by(
        self, train: Callable[..., Any], tmp_path: Path
    ) -> None:
        train("clip-ft", tmp_path / "fast", protocol="fast")
        train("clip-ft", tmp_path / "plain")
        for name, expected in (
            ("fast", FAST_ON_A_CPU),
            ("plain", {"optimiser": "plain", "attention": "default"}),
        ):
            (path,) = (tmp_path / name).glob("runs/*/provenance.json")
            assert json.loads(path.read_text())["step"] == expected


class TestBfloat16:
    """What comes after the towers is in float32 at least, and evaluation is autocast too."""

    @pytest.fixture
    @staticmethod
    def mixed(small_clip: Any) -> Iterator[Encoder]:
        with step_numerics(config(preset="fast")):
            yield Encoder(small_clip.module, small_clip.mean, small_clip.std, CPU, autocast=True)

    @pytest.fixture
    @staticmethod
    def pairs(small_data: Dataset) -> PairTensors:
        return PairTensors(small_data.splits["train"], CPU)

    def test_leaves_features_groups_and_logit_scale_in_float32(
        self, mixed: Encoder, pairs: PairTensors, small_data: Dataset
    ) -> None:
        objective = config("fairclip", attribute="gender").objective
        batches = SeededBatches(small_data, 0, 8, objective.group_weights, 4)
        step = next(iter(batches.epoch(1)))
        batch = mixed.pairs(pairs.images(step.main), pairs.tokens(step.main))
        groups = group_features(mixed, pairs, step, objective, batch).features
        assert len(groups) == 2
        for found in (batch, *groups.values()):
            types = {part.dtype for part in (found.image, found.text, found.logit_scale)}
            assert types == {torch.float32}
            norms = found.image.detach().double().norm(dim=1)
            np.testing.assert_allclose(norms, np.ones(len(norms)), atol=1e-6)

    def test_keeps_loss_and_gradient_norm_those_of_the_features(
        self, mixed: Encoder, pairs: PairTensors, small_data: Dataset
    ) -> None:
        objective = config().objective
        step = next(iter(SeededBatches(small_data, 0, 8, {}, 4).epoch(1)))
        with torch.no_grad():
            batch: Features = mixed.pairs(pairs.images(step.main), pairs.tokens(step.main))
        image, text = (part.double().numpy() for part in (batch.image, batch.text))
        scale = float(batch.logit_scale)
        logits, n = scale * image @ text.T, len(image)
        loss = -(np.trace(log_softmax(logits, 1)) + np.trace(log_softmax(logits, 0))) / (2 * n)
        # Of the cross-entropy at its logits: softmax minus the identity.
        at_logits = (softmax(logits, 1) + softmax(logits, 0) - 2 * np.eye(n)) / (2 * n)
        parts = scale * at_logits @ text, scale * at_logits.T @ image
        found = backward(mixed, pairs, step, objective, 0.0, None)["clip"]
        mixed.module.zero_grad(set_to_none=True)
        assert found.value == pytest.approx(loss, rel=1e-5)
        norm = np.sqrt(sum(np.sum(part**2) for part in parts))
        assert found.gradient_norm == pytest.approx(norm, rel=1e-4)

    def test_scores_are_a_float32_softmax_of_autocast_features(
        self, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        found = train_run("clip-ft", **FAST)
        test = PairTensors(small_data.splits["test"], CPU)
        tokens = torch.from_numpy(small_clip.tokenizer(small_data.schema.prompts))
        expected = {}
        with step_numerics(config(preset="fast")), torch.no_grad():
            for autocast in (True, False):
                encoder = Encoder(found.module, small_clip.mean, small_clip.std, CPU, autocast)
                image = encoder.image(test.images(np.arange(len(test))))
                prompts = encoder.text(tokens)
                assert class_probabilities(image, prompts).dtype == torch.float32
                margin = image.double() @ (prompts[1] - prompts[0]).double()
                expected[autocast] = 1 / (1 + np.exp(-margin.numpy()))
        score = found.epochs[-1].scores["test"].score
        np.testing.assert_allclose(score, expected[True], atol=1e-6)
        assert np.abs(score - expected[False]).max() > 1e-5
