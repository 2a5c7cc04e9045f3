from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import benchmark.probe.features
from benchmark.config import resolve
from benchmark.encode import Encoder
from benchmark.pair_tensors import PairTensors
from benchmark.probe.features import FrozenFeatures, forget_features, frozen_features
from benchmark.registry import find_variant
from benchmark.zeroshot import class_prompts, zero_shot


def config(**changes: Any) -> Any:
    return resolve(find_variant("linear-probe"), changes=changes)


@pytest.fixture(autouse=True)
def empty() -> None:
    forget_features()


@pytest.fixture
def made(small_clip: Any, small_data: Any) -> FrozenFeatures:
    return frozen_features(config(), small_clip, small_data)


class TestFrozenFeatures:
    def test_are_what_the_towers_return_and_not_of_unit_norm(
        self, made: FrozenFeatures, small_clip: Any, small_data: Any
    ) -> None:
        split, module = small_data.splits["test"], small_clip.module.eval()
        mean, std = (torch.tensor(v)[:, None, None] for v in (small_clip.mean, small_clip.std))
        with torch.no_grad():
            pixels = (torch.from_numpy(np.array(split.images)) / 255 - mean) / std
            image = module.encode_image(pixels)
            text = module.encode_text(torch.from_numpy(split.tokens).long())
        found = made.splits["test"]
        np.testing.assert_allclose(found.image, image, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.text, text, rtol=1e-4, atol=1e-6)
        assert not np.allclose(np.linalg.norm(found.image, axis=1), 1, atol=0.01)

    def test_similarity_is_that_of_the_zero_shot_run_bit_for_bit(
        self, made: FrozenFeatures, small_clip: Any, small_data: Any
    ) -> None:
        device = torch.device("cpu")
        encoder = Encoder(small_clip.module.eval(), small_clip.mean, small_clip.std, device)
        tokens = small_clip.tokenizer(small_data.schema.prompts)
        for name in ("val", "test"):
            prompts = class_prompts(encoder, tokens)
            scores = zero_shot(encoder, PairTensors(small_data.splits[name], device), prompts)
            np.testing.assert_array_equal(made.splits[name].similarity, scores.similarity)
        assert made.logit_scale == pytest.approx(encoder.logit_scale.item())

    def test_of_a_note_stand_behind_those_of_its_image(self, made: FrozenFeatures) -> None:
        split = made.splits["val"]
        both = split.inputs("image+text")
        assert both.shape == (10, 32)
        np.testing.assert_array_equal(both[:, :16], split.image)
        np.testing.assert_array_equal(both[:, 16:], split.text)
        assert split.inputs("image") is split.image

    def test_are_made_once_for_all_seeds_and_anew_for_another_precision(
        self, small_clip: Any, small_data: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = []
        extract = benchmark.probe.features._extract
        monkeypatch.setattr(
            benchmark.probe.features, "_extract", lambda *a: made.append(1) or extract(*a)
        )
        first, again = (
            frozen_features(config(probe_lr=lr), small_clip, small_data) for lr in (0.1, 0.2)
        )
        assert again is first
        assert len(made) == 1
        frozen_features(config(precision="bf16-amp"), small_clip, small_data)
        assert len(made) == 2

    def test_making_them_leaves_the_model_untouched(self, small_clip: Any, small_data: Any) -> None:
        training = small_clip.module.training
        before = {name: t.clone() for name, t in small_clip.module.state_dict().items()}
        frozen_features(config(mode="train"), small_clip, small_data)
        assert small_clip.module.training == training
        for name, tensor in small_clip.module.state_dict().items():
            assert torch.equal(tensor, before[name])
