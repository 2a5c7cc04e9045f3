from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from benchmark.blip2.module import TEMPERATURE
from variants.objective import Features
from variants.scores import all_products, pair_scores

TEXTS = ["fundus with glaucoma", "normal", "a photo of the large cup, non-glaucoma"]
MATCHING_HEAD = {"use_image_text_matching_head": True}


@pytest.fixture(scope="module")
def batch(blip2: Any) -> tuple[Any, Any]:
    tokens = torch.from_numpy(blip2.tokenizer(TEXTS)).long()
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)), tokens


@pytest.fixture(scope="module")
def transformers_output(parts: Any, batch: Any) -> Any:
    """What transformers' own forward pass returns for the batch."""
    pixels, tokens = batch

    def run(**keys: Any) -> Any:
        with torch.no_grad():
            return parts(pixels, tokens, attention_mask=(tokens != 0).long(), **keys)

    return run


@torch.no_grad()
def unit_features(module: Any, batch: Any) -> Features:
    module.eval()
    image, text = module.encode_image(batch[0]), module.encode_text(batch[1])
    return Features(normalize(image, dim=-1), normalize(text, dim=-1), module.logit_scale.exp())


class TestFeatures:
    def test_are_those_of_transformers(
        self, blip2: Any, batch: Any, transformers_output: Any
    ) -> None:
        found, theirs = unit_features(blip2.module, batch), transformers_output()
        assert found.image.shape == (3, 4, 16)
        torch.testing.assert_close(found.image, theirs.image_embeds, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found.text, theirs.text_embeds, rtol=1e-4, atol=1e-6)

    def test_have_the_cosines_that_transformers_gives_pairs(
        self, blip2: Any, batch: Any, transformers_output: Any
    ) -> None:
        found = unit_features(blip2.module, batch)
        theirs = transformers_output().logits_per_image
        torch.testing.assert_close(
            all_products(found.image, found.text), theirs, rtol=1e-4, atol=1e-6
        )
        torch.testing.assert_close(
            pair_scores(found, "logit"), theirs.diagonal() / TEMPERATURE, rtol=1e-4, atol=1e-5
        )
        assert theirs.std() > 1e-3  # not all the same

    def test_of_text_do_not_depend_on_the_padding(self, blip2: Any, batch: Any) -> None:
        with torch.no_grad():
            whole = blip2.module.eval().encode_text(batch[1][:1])
            short = blip2.module.encode_text(batch[1][:1, :16])
        torch.testing.assert_close(whole, short, rtol=1e-4, atol=1e-6)

    def test_temperature_starts_at_that_of_lavis(self, blip2: Any) -> None:
        assert blip2.module.logit_scale.exp().item() == pytest.approx(1 / 0.07)


class TestProbeFeatures:
    @pytest.fixture
    def found(self, blip2: Any, batch: Any) -> Any:
        with torch.no_grad():
            return blip2.module.eval().probe_features(*batch)

    def test_of_an_image_are_the_mean_of_its_queries_before_projection(
        self, parts: Any, batch: Any, found: Any
    ) -> None:
        with torch.no_grad():
            patches = parts.vision_model(batch[0]).last_hidden_state
            queries = parts.qformer(
                parts.query_tokens.expand(3, -1, -1), encoder_hidden_states=patches
            ).last_hidden_state
        torch.testing.assert_close(found[0], queries.mean(dim=1), rtol=1e-4, atol=1e-6)

    def test_of_image_and_note_are_what_transformers_matching_head_reads(
        self, parts: Any, found: Any, transformers_output: Any
    ) -> None:
        """The head is linear, so the mean of its outputs is its output at the mean."""
        theirs = transformers_output(**MATCHING_HEAD).logits_per_image
        with torch.no_grad():
            torch.testing.assert_close(parts.itm_head(found[1]), theirs, rtol=1e-4, atol=1e-6)

    def test_come_with_the_features_of_the_two_encoders(
        self, blip2: Any, batch: Any, found: Any
    ) -> None:
        expected = unit_features(blip2.module, batch)
        torch.testing.assert_close(normalize(found[2], dim=-1), expected.image)
        torch.testing.assert_close(normalize(found[3], dim=-1), expected.text)


class TestMode:
    def test_dropout_is_active_in_the_qformer_and_never_in_the_image_encoder(
        self, blip2: Any, batch: Any
    ) -> None:
        module = blip2.module.train()
        assert module.qformer.training
        assert not any(part.training for part in module.image_encoder.modules())
        with torch.no_grad():
            a, b = module.encode_text(batch[1]), module.encode_text(batch[1])
        assert not torch.equal(a, b)
        assert not module.eval().qformer.training
