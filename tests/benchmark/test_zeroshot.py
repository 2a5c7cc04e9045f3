from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.data.dataset import Dataset
from benchmark.encode import Encoder
from benchmark.pair_tensors import PairTensors
from benchmark.zeroshot import class_probabilities, class_prompts, zero_shot

CPU = torch.device("cpu")
RECORDED = np.load(Path(__file__).parents[1] / "data" / "zero_shot_recorded.npz")
"""From the evaluation of the released code: int8 codes of features, and its probabilities."""


def unit(codes: np.ndarray) -> torch.Tensor:
    rows = codes.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return torch.from_numpy(rows.astype(np.float32))


class TestClassProbabilities:
    @pytest.mark.parametrize("case", ["z0", "z2"])
    def test_are_those_of_the_released_code(self, case: str) -> None:
        images, prompts = unit(RECORDED[f"{case}_img"]), unit(RECORDED[f"{case}_txt"])
        found = [
            class_probabilities(image[None], own)[0]
            for image, own in zip(images, prompts, strict=True)
        ]
        np.testing.assert_allclose(
            torch.stack(found).numpy(), RECORDED[f"{case}_prob"], rtol=0, atol=2e-7
        )

    def test_in_float32_refine_the_recorded_float16_ones(self) -> None:
        images, prompts = unit(RECORDED["z4_img"]), unit(RECORDED["z4_txt"])[0]
        found = class_probabilities(images, prompts).numpy()
        np.testing.assert_allclose(found, RECORDED["z4_prob"], rtol=0, atol=2e-3)

    def test_sum_to_one_and_ignore_the_logit_scale(self) -> None:
        images, prompts = unit(RECORDED["z0_img"]), unit(RECORDED["z0_txt"])[0]
        found = class_probabilities(images, prompts)
        torch.testing.assert_close(found.sum(dim=1), torch.ones(len(images)))
        margin = (images @ prompts.T).diff(dim=1)[:, 0].double().numpy()
        np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-margin)), rtol=1e-6)


class TestZeroShot:
    @pytest.fixture
    def encoder(self, small_clip: Any) -> Encoder:
        return Encoder(small_clip.module, small_clip.mean, small_clip.std, CPU)

    @pytest.fixture
    def tokens(self, small_clip: Any, small_data: Dataset) -> np.ndarray:
        return np.asarray(small_clip.tokenizer(small_data.schema.prompts))

    @pytest.fixture
    def prompts(self, encoder: Encoder, tokens: np.ndarray) -> torch.Tensor:
        return class_prompts(encoder, tokens)

    def test_gives_float32_scores_and_similarities_of_every_pair(
        self, encoder: Encoder, small_data: Dataset, prompts: torch.Tensor
    ) -> None:
        split = small_data.splits["test"]
        found = zero_shot(encoder, PairTensors(split, CPU), prompts)
        for values in (found.score, found.similarity):
            assert values.shape == (len(split),)
            assert values.dtype == np.float32

    def test_with_three_prompts_gives_the_probability_of_each_class(
        self, encoder: Encoder, small_clip: Any, small_data: Dataset
    ) -> None:
        pairs = PairTensors(small_data.splits["test"], CPU)
        texts = ["healthy", "ill", "very ill"]
        prompts = class_prompts(encoder, np.asarray(small_clip.tokenizer(texts)))
        found = zero_shot(encoder, pairs, prompts)
        assert found.score.shape == (len(pairs), 3)
        assert found.score.dtype == np.float32
        np.testing.assert_allclose(found.score.sum(axis=1), 1, atol=1e-6)
        two = zero_shot(encoder, pairs, prompts[1:]).score  # P(very ill | ill or very ill)
        np.testing.assert_allclose(found.score[:, 2] / found.score[:, 1:].sum(axis=1), two, 1e-5)

    def test_encoding_the_prompts_for_every_image_is_the_same(
        self, encoder: Encoder, small_data: Dataset, tokens: np.ndarray
    ) -> None:
        pairs = PairTensors(small_data.splits["test"], CPU)
        found = zero_shot(encoder, pairs, class_prompts(encoder, tokens))
        with torch.no_grad():
            for i, score in enumerate(found.score):
                image = encoder.image(pairs.images(np.array([i]))).double()
                own = encoder.text(torch.from_numpy(tokens)).double()
                margin = (image @ (own[1] - own[0])).item()
                assert score == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-6)

    def test_similarity_is_the_cosine_of_image_and_own_note(
        self, encoder: Encoder, small_data: Dataset, prompts: torch.Tensor
    ) -> None:
        pairs = PairTensors(small_data.splits["val"], CPU)
        found = zero_shot(encoder, pairs, prompts)
        index = np.arange(len(pairs))
        with torch.no_grad():
            batch = encoder.pairs(pairs.images(index), pairs.tokens(index))
        expected = np.einsum("nd,nd->n", batch.image.double(), batch.text.double())
        np.testing.assert_allclose(found.similarity, expected, atol=1e-6)

    def test_a_split_larger_than_a_forward_pass_keeps_its_order(
        self,
        encoder: Encoder,
        small_data: Dataset,
        prompts: torch.Tensor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pairs = PairTensors(small_data.splits["test"], CPU)
        whole = zero_shot(encoder, pairs, prompts)
        monkeypatch.setattr("benchmark.zeroshot.EVALUATION_BATCH", 5)
        parts = zero_shot(encoder, pairs, prompts)
        np.testing.assert_allclose(whole.score, parts.score, atol=1e-6)
        np.testing.assert_allclose(whole.similarity, parts.similarity, atol=1e-6)

    def test_leaves_no_gradient(
        self, encoder: Encoder, small_data: Dataset, prompts: torch.Tensor
    ) -> None:
        zero_shot(encoder, PairTensors(small_data.splits["val"], CPU), prompts)
        assert all(p.grad is None for p in encoder.module.parameters())
