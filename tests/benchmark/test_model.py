from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmark.errors import FairbenchError
from benchmark.model import half_weights, load_model
from benchmark.model_names import TINY

AddArchitecture = Callable[[str, Any], str]
Config = dict[str, Any]


def refused(name: str, pretrained: str | None = None) -> str:
    with pytest.raises(FairbenchError) as error:
        load_model(name, pretrained)
    assert "\n" not in str(error.value)
    return str(error.value)


def changed(config: Config, part: str | None = None, **keys: Any) -> Config:
    config = copy.deepcopy(config)
    (config if part is None else config[part]).update(keys)
    return config


@pytest.fixture
def saved(small_clip: Any, tmp_path: Path) -> Callable[[str], str]:
    """Save the small model's weights as a file of that kind."""

    def save(kind: str) -> str:
        path, state = tmp_path / f"weights.{kind}", small_clip.module.state_dict()
        if kind == "safetensors":
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        else:
            torch.save(state, path)
        return str(path)

    return save


class TestNames:
    def test_an_unknown_model_gets_a_guess_and_the_known_ones(self) -> None:
        message = refused("VitB16")
        assert message.startswith("unknown model 'VitB16'. Did you mean 'ViT-B-16'?")
        assert TINY in message

    @pytest.mark.parametrize(
        ("name", "tag", "right"),
        [
            ("ViT-B-16", "openai", "ViT-B-16-quickgelu"),
            ("RN50", "openai", "RN50-quickgelu"),
            ("ViT-B-16-quickgelu", "laion400m_e32", "ViT-B-16"),
        ],
    )
    def test_weights_of_the_other_activation_name_the_right_model(
        self, name: str, tag: str, right: str
    ) -> None:
        message = refused(name, tag)
        assert f"weights '{tag}' were trained with another activation" in message
        assert message.endswith(f"use --model {right}")

    def test_an_unknown_tag_lists_the_known_ones(self) -> None:
        message = refused("ViT-B-16", "laion2b")
        assert "'laion2b' are neither a file nor a tag of 'ViT-B-16'" in message
        assert "laion2b_s34b_b88k" in message

    def test_the_tiny_model_takes_no_other_weights(self) -> None:
        assert "leave out --pretrained openai" in refused(TINY, "openai")

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        assert f"local-dir:{tmp_path / 'none'}" in refused(f"local-dir:{tmp_path / 'none'}")


class TestWeightFiles:
    @pytest.mark.parametrize("kind", ["safetensors", "pt"])
    def test_load_the_weights_that_were_saved(
        self, kind: str, saved: Callable[[str], str], small_clip: Any
    ) -> None:
        model = load_model(small_clip.name, saved(kind), seed=9)
        for name, tensor in small_clip.module.state_dict().items():
            assert torch.equal(model.module.state_dict()[name], tensor)
        assert model.weights_hash == small_clip.weights_hash

    def test_of_a_training_checkpoint_load_its_state(self, small_clip: Any, tmp_path: Path) -> None:
        state = {f"module.{k}": v for k, v in small_clip.module.state_dict().items()}
        torch.save({"epoch": 3, "name": "x", "state_dict": state}, tmp_path / "epoch_3.pt")
        model = load_model(small_clip.name, str(tmp_path / "epoch_3.pt"), seed=9)
        assert model.weights_hash == small_clip.weights_hash

    @pytest.mark.parametrize("kind", ["safetensors", "pt"])
    def test_of_another_architecture_are_refused(
        self,
        kind: str,
        saved: Callable[[str], str],
        add_architecture: AddArchitecture,
        small_clip_config: Config,
    ) -> None:
        other = add_architecture("fairbench-test-wide", changed(small_clip_config, embed_dim=24))
        message = refused(other, saved(kind))
        assert f"model 'fairbench-test-wide' with weights '{saved(kind)}'" in message
        assert "size mismatch for text_projection" in message

    def test_with_code_in_them_are_refused_and_run_nothing(
        self, small_clip: Any, tmp_path: Path
    ) -> None:
        witness = tmp_path / "witness"

        class Malicious:
            def __reduce__(self) -> tuple[Any, ...]:
                return Path.touch, (witness,)

        file = tmp_path / "evil.pt"
        torch.save({"state_dict": Malicious()}, file)
        assert "hold more than tensors" in refused(small_clip.name, str(file))
        assert not witness.exists()
        pickle.loads(pickle.dumps(Malicious()))  # the file would have done it
        assert witness.exists()

    def test_that_are_no_weights_are_refused(self, small_clip: Any, tmp_path: Path) -> None:
        for name in ("junk.pt", "junk.safetensors"):
            (tmp_path / name).write_bytes(b"this is no archive")
            assert "cannot be loaded" in refused(small_clip.name, str(tmp_path / name))


class TestRandomWeights:
    def test_are_a_function_of_the_seed(self, small_clip: Any) -> None:
        torch.manual_seed(99)
        again = load_model(small_clip.name, seed=0)
        assert again.weights_hash == small_clip.weights_hash
        assert load_model(small_clip.name, seed=1).weights_hash != small_clip.weights_hash

    def test_leave_the_global_random_state_alone(self, small_clip: Any) -> None:
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        load_model(small_clip.name, seed=0)
        assert torch.equal(torch.rand(3), expected)


class TestWeightsHash:
    def hash_with(
        self, add: AddArchitecture, config: Config, name: str, weights: str
    ) -> tuple[str, Any]:
        model = load_model(add(f"fairbench-test-{name}", config), weights)
        return model.weights_hash, model.module

    @pytest.mark.parametrize(
        ("name", "part", "keys"),
        [
            ("quick", None, {"quick_gelu": True}),
            ("heads", "vision_cfg", {"head_width": 4}),
        ],
    )
    def test_differs_where_equal_weights_compute_something_else(
        self,
        name: str,
        part: str | None,
        keys: Config,
        saved: Callable[[str], str],
        small_clip: Any,
        add_architecture: AddArchitecture,
        small_clip_config: Config,
    ) -> None:
        config = changed(small_clip_config, part, **keys)
        found, module = self.hash_with(add_architecture, config, name, saved("pt"))
        image = torch.rand(2, 3, 16, 16)
        assert not torch.equal(module.encode_image(image), small_clip.module.encode_image(image))
        assert found != small_clip.weights_hash

    def test_differs_in_the_last_bit_of_one_weight(self, small_clip: Any, tmp_path: Path) -> None:
        state = {k: v.clone() for k, v in small_clip.module.state_dict().items()}
        state["ln_final.bias"].view(torch.int32)[0] += 1
        torch.save(state, tmp_path / "bit.pt")
        model = load_model(small_clip.name, str(tmp_path / "bit.pt"))
        assert model.weights_hash != small_clip.weights_hash


class TestTokenizer:
    def test_starts_ends_and_pads_as_clip_does(self, small_clip: Any) -> None:
        ids = small_clip.tokenizer(["a photo of glaucoma", ""])
        assert ids.shape == (2, 12)
        assert ids.dtype == np.int32
        assert ids[1].tolist() == [49406, 49407] + 10 * [0]
        assert ids[0, 0] == 49406
        assert ids[0, :4].tolist() == [49406, 320, 1125, 539]  # CLIP's published vocabulary

    def test_cuts_a_long_text_and_keeps_its_end_mark(self, small_clip: Any) -> None:
        (ids,) = small_clip.tokenizer(["cup " * 40])
        assert ids[-1] == 49407
        assert (ids[1:-1] == ids[1]).all()

    @pytest.mark.parametrize(("words", "long"), [(9, False), (10, False), (11, True), (40, True)])
    def test_too_long_counts_start_and_end(self, words: int, long: bool, small_clip: Any) -> None:
        text = " ".join(["cup"] * words)
        assert small_clip.tokenizer.too_long(["fine", text]) == ([1] if long else [])


class TestHalfWeights:
    def test_casts_what_clips_conversion_casts_and_no_more(self, small_clip: Any) -> None:
        # convert_weights in openai/CLIP: Linear, Conv, MultiheadAttention, projections.
        types = {name: p.dtype for name, p in half_weights(small_clip).named_parameters()}
        full = {name for name, dtype in types.items() if dtype == torch.float32}
        assert set(types.values()) == {torch.float16, torch.float32}
        assert {n for n in full if ".ln_" not in n and "ln_" not in n.split(".")[0]} == {
            "positional_embedding",
            "logit_scale",
            "token_embedding.weight",
            "visual.class_embedding",
            "visual.positional_embedding",
        }
        assert {n for n in types if "ln_" in n} <= full

    def test_keeps_every_weight_to_half_precision(self, small_clip: Any) -> None:
        original = dict(small_clip.module.named_parameters())
        for name, p in half_weights(small_clip).named_parameters():
            assert torch.equal(p, original[name].to(p.dtype))


class TestTransform:
    def test_resizes_the_short_side_and_crops_the_centre(self, small_clip: Any) -> None:
        columns = np.tile(np.arange(64, dtype=np.uint8), (32, 1))
        out = np.asarray(small_clip.transform(Image.fromarray(columns)))
        assert out.shape == (16, 16)
        # The middle half of the width survives: 16 of 64 columns are cut on each side.
        assert abs(out[8].astype(float) - (16.5 + 2 * np.arange(16))).max() <= 1

    def test_equals_open_clips_own_up_to_normalisation(self, small_clip: Any) -> None:
        import open_clip

        rng = np.random.default_rng(0)
        image = Image.fromarray(rng.integers(0, 256, (40, 52, 3), dtype=np.uint8))
        theirs = open_clip.image_transform(16, is_train=False, mean=(0, 0, 0), std=(1, 1, 1))(image)
        ours = np.asarray(small_clip.transform(image))
        np.testing.assert_array_equal(np.moveaxis(ours, -1, 0), np.rint(255 * theirs.numpy()))

    def test_key_names_the_size(self, small_clip: Any) -> None:
        assert json.loads(small_clip.transform.key)["size"] in (16, [16, 16])


class TestTiny:
    def test_is_a_clip_of_three_million_parameters_for_64_pixels(self) -> None:
        model = load_model(TINY)
        size = sum(p.numel() for p in model.module.parameters())
        assert size == pytest.approx(3.3e6, rel=0.15)
        assert json.loads(model.transform.key)["size"] in (64, [64, 64])
        assert model.tokenizer.context_length == 77

    def test_ships_at_most_eight_megabytes(self) -> None:
        from benchmark.model_names import TINY_DIRECTORY

        assert sum(p.stat().st_size for p in TINY_DIRECTORY.iterdir()) <= 8 * 2**20
