from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn.functional import normalize

from benchmark import model as model_loading
from benchmark.errors import FairbenchError
from benchmark.model import half_weights
from variants.scores import all_products


def load_model(name: str, pretrained: str | None = None, seed: int = 0) -> Any:
    """The model; its parts are of types that nn.Module does not know."""
    return model_loading.load_model(name, pretrained, seed)


def error_of(name: str, pretrained: Path | None = None) -> str:
    with pytest.raises(FairbenchError) as caught:
        load_model(name, None if pretrained is None else str(pretrained))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def save(state: dict[str, torch.Tensor]) -> Path:
        path = tmp_path / "weights.safetensors"
        save_file({name: t.detach().clone().contiguous() for name, t in state.items()}, path)
        return path

    return save


def shifted(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor + 0.01 for name, tensor in state.items()}


def clip_tower(width: int = 32, layers: int = 3, **changes: Any) -> Any:
    """open_clip's vision transformer, of another image size than the folder's."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return open_clip.transformer.VisionTransformer(
            24, 8, width, layers, max(1, width // 64), 4.0, output_dim=8, **changes
        ).eval()


def clip_names(tower: Any) -> dict[str, torch.Tensor]:
    """The tower as an open_clip checkpoint holds it, among other weights."""
    state = {f"visual.{name}": tensor for name, tensor in tower.state_dict().items()}
    return {**state, "logit_scale": torch.zeros(()), "ln_final.weight": torch.ones(3)}


class TestLoading:
    def test_twice_gives_the_same_weights_and_hash(self, blip2: Any, name: str) -> None:
        again = load_model(name, seed=5)
        assert again.weights_hash == blip2.weights_hash
        for key, tensor in again.module.state_dict().items():
            assert torch.equal(tensor, blip2.module.state_dict()[key])

    def test_half_precision_files_are_computed_in_float32(self, parts: Any, copied: Path) -> None:
        copy.deepcopy(parts).half().save_pretrained(copied)
        module = load_model(f"blip2:{copied}").module
        assert {p.dtype for p in module.parameters()} == {torch.float32}
        expected = parts.text_projection.weight.half().float()
        assert torch.equal(module.text_projection.weight, expected)

    def test_another_vocabulary_or_head_count_is_another_model(
        self, blip2: Any, copied: Path
    ) -> None:
        path = copied / "config.json"
        config = json.loads(path.read_text())
        config["qformer_config"]["num_attention_heads"] = 1
        path.write_text(json.dumps(config))
        heads = load_model(f"blip2:{copied}").weights_hash
        (copied / "tokenizer.json").write_text(
            (copied / "tokenizer.json").read_text().replace('"fundus"', '"retina"')
        )
        assert len({blip2.weights_hash, heads, load_model(f"blip2:{copied}").weights_hash}) == 3

    def test_the_random_state_is_left_alone(self, name: str) -> None:
        before = torch.random.get_rng_state()
        load_model(name)
        assert torch.equal(torch.random.get_rng_state(), before)


class TestInputs:
    def test_images_are_squeezed_to_the_encoders_square(self, blip2: Any) -> None:
        image = Image.effect_noise((50, 20), 40)
        expected = image.resize((32, 32), Image.Resampling.BICUBIC)
        assert blip2.transform(image).tobytes() == expected.tobytes()

    def test_mean_and_deviation_are_clips_unless_the_folder_says_otherwise(
        self, blip2: Any, copied: Path
    ) -> None:
        assert blip2.mean == open_clip.OPENAI_DATASET_MEAN
        own = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]}
        (copied / "preprocessor_config.json").write_text(json.dumps(own))
        model = load_model(f"blip2:{copied}")
        assert (model.mean, model.std) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
        assert model.weights_hash != blip2.weights_hash


class TestTokenizer:
    def test_fills_up_and_cuts_to_32_with_start_and_end(self, blip2: Any) -> None:
        short, long = blip2.tokenizer(["cup", "cup " * 40])
        words = blip2.tokenizer.tokenizer.convert_ids_to_tokens
        assert words(short) == ["[CLS]", "cup", "[SEP]", *["[PAD]"] * 29]
        assert words(long) == ["[CLS]", *["cup"] * 30, "[SEP]"]

    def test_counts_start_and_end_in_what_is_too_long(self, blip2: Any) -> None:
        texts = ["cup " * 30, "cup " * 31, "x", "cups " * 16]
        assert blip2.tokenizer.too_long(texts) == [1, 3]


class TestImageEncoderFromAFile:
    @pytest.mark.parametrize("prefix", ["", "vision_model."])
    def test_by_transformers_names_replaces_the_folders(
        self, prefix: str, parts: Any, name: str, blip2: Any, write: Any
    ) -> None:
        state = shifted(parts.vision_model.state_dict())
        path = write({prefix + key: tensor for key, tensor in state.items()})
        module = load_model(name, str(path)).module
        for key, tensor in module.image_encoder.state_dict().items():
            assert torch.equal(tensor, state[key])
        assert torch.equal(module.vision_norm.weight, blip2.module.vision_norm.weight)

    def test_by_open_clips_names_gives_the_last_block_but_one(self, name: str, write: Any) -> None:
        tower, seen = clip_tower(), []
        tower.transformer.resblocks[1].register_forward_hook(lambda *a: seen.append(a[2]))
        model = load_model(name, str(write(clip_names(tower))))
        pixels = torch.randn(2, 3, 24, 24)
        with torch.no_grad():
            tower(pixels)
            found = model.module.image_encoder(pixels)
        torch.testing.assert_close(found, seen[0], rtol=1e-4, atol=1e-6)
        assert model.transform(Image.new("L", (9, 7))).size == (24, 24)

    def test_is_part_of_the_models_identity(
        self, parts: Any, name: str, blip2: Any, write: Any
    ) -> None:
        same = load_model(name, str(write(parts.vision_model.state_dict()))).weights_hash
        other = load_model(name, str(write(shifted(parts.vision_model.state_dict()))))
        assert same == blip2.weights_hash != other.weights_hash

    @pytest.mark.parametrize("kind", ["own", "clip"])
    def test_comes_back_with_the_weights_that_a_run_kept(
        self, kind: str, name: str, write: Any
    ) -> None:
        swapped = str(write(clip_names(clip_tower()))) if kind == "clip" else None
        model = load_model(name, swapped)
        with torch.no_grad():
            for parameter in model.module.parameters():
                parameter.add_(0.01)
        again = load_model(name, str(write(model.module.state_dict())))
        pixels, tokens = (
            torch.randn(2, 3, *[again.transform.steps[0].size[0]] * 2),
            model.tokenizer(["cup", "disc"]),
        )
        with torch.no_grad():
            ours, theirs = (
                all_products(
                    normalize(m.module.eval().encode_image(pixels), dim=-1),
                    normalize(m.module.encode_text(torch.from_numpy(tokens).long()), dim=-1),
                )
                for m in (again, model)
            )
        assert torch.equal(ours, theirs)


class TestImageEncoderThatDoesNotFit:
    def test_names_the_first_weight_missing_unknown_or_of_another_shape(
        self, parts: Any, name: str, write: Any
    ) -> None:
        state = parts.vision_model.state_dict()
        key = "encoder.layers.1.mlp.fc1.bias"
        missing = error_of(name, write({n: t for n, t in state.items() if n != key}))
        assert f"'{key}' is missing" in missing
        unknown = error_of(name, write({**state, "encoder.layers.2.mlp.fc1.bias": state[key]}))
        assert "'encoder.layers.2.mlp.fc1.bias' is unknown" in unknown
        shape = error_of(name, write({**state, key: torch.zeros(7)}))
        assert f"'{key}' has shape (7,), the model (48,)" in shape

    def test_of_another_width_names_both(self, name: str, write: Any) -> None:
        message = error_of(name, write(clip_names(clip_tower(width=48))))
        assert "patches have 48 features" in message
        assert "reads 32" in message

    def test_a_resnet_is_refused(self, name: str, write: Any) -> None:
        state = {"visual.layer1.0.conv1.weight": torch.zeros(2, 2, 1, 1)}
        assert "a ResNet" in error_of(name, write(state))

    def test_openais_archive_is_refused_for_its_activation(self, name: str, write: Any) -> None:
        state = {**clip_names(clip_tower()), "input_resolution": torch.tensor(24)}
        assert "QuickGELU" in error_of(name, write(state))

    def test_layer_scale_is_refused(self, name: str, write: Any) -> None:
        message = error_of(name, write(clip_names(clip_tower(ls_init_value=0.1))))
        assert "'transformer.resblocks.0.ls_1.gamma' is unknown" in message

    def test_other_names_are_refused_with_those_known(self, name: str, write: Any) -> None:
        message = error_of(name, write({"blocks.0.attn.qkv.weight": torch.zeros(3)}))
        assert "the first name is 'blocks.0.attn.qkv.weight'" in message
        assert "'visual.conv1.weight'" in message

    def test_code_in_a_file_is_not_executed(self, name: str, tmp_path: Path) -> None:
        class Harmful:
            def __reduce__(self) -> Any:
                return (os.mkdir, (str(tmp_path / "made"),))

        torch.save({"weight": Harmful()}, tmp_path / "weights.pt")
        assert "nothing in them is executed" in error_of(name, tmp_path / "weights.pt")
        assert not (tmp_path / "made").exists()


class TestFolderThatDoesNotFit:
    def test_no_folder_and_no_hub_name(self, tmp_path: Path, folder: Path) -> None:
        assert error_of(
            f"blip2:{tmp_path}/none"
        ) == f"model 'blip2:{tmp_path}/none': no folder " + (f"{tmp_path}/none")

    def test_a_hub_name_without_a_network(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        def offline(*_: Any, **__: Any) -> None:
            raise OSError("no route\nto host")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
        message = error_of("blip2:someone/blip2-tiny")
        assert "cannot be had from the hub (OSError: no route to host)" in message
        assert message.endswith("without a network give a local folder")

    def test_a_hub_name_is_read_from_where_the_hub_puts_it(
        self, folder: Path, blip2: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(folder))
        assert load_model("blip2:someone/blip2-tiny").weights_hash == blip2.weights_hash

    def test_another_kind_of_model(self, copied: Path) -> None:
        (copied / "config.json").write_text('{"model_type": "bert"}')
        assert "field 'model_type' is 'bert'" in error_of(f"blip2:{copied}")

    def test_no_configuration(self, copied: Path) -> None:
        (copied / "config.json").unlink()
        assert "config.json: cannot be read" in error_of(f"blip2:{copied}")

    def test_a_checkpoint_without_text_side(self, parts: Any, copied: Path) -> None:
        state = parts.state_dict()
        kept = {n: t.clone() for n, t in state.items() if not n.startswith("embeddings.")}
        save_file(kept, copied / "model.safetensors", metadata={"format": "pt"})
        message = error_of(f"blip2:{copied}")
        assert "'embeddings.position_embeddings.weight' and 1 more weights are missing" in message

    def test_a_qformer_that_reads_no_text(self, saved: Any) -> None:
        message = error_of(f"blip2:{saved(use_qformer_text_input=False)}")
        assert "use_qformer_text_input is false" in message

    def test_no_tokenizer(self, copied: Path) -> None:
        for path in (*copied.glob("token*"), copied / "vocab.txt"):
            path.unlink()
        assert "no tokenizer.json and no vocab.txt" in error_of(f"blip2:{copied}")

    def test_a_tokenizer_of_another_kind(self, copied: Path) -> None:
        (copied / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
        assert "field 'tokenizer_class' is 'GPT2Tokenizer'" in error_of(f"blip2:{copied}")

    def test_a_tokenizer_with_more_entries_than_the_model(self, saved: Any) -> None:
        message = error_of(f"blip2:{saved(vocab_size=50)}")
        assert "the model embeds 50" in message

    def test_without_transformers_the_extra_is_named(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "transformers", None)
        assert error_of(name).endswith("pip install 'fairbench[blip2]'")

    def test_float16_weights_are_refused(self, blip2: Any) -> None:
        with pytest.raises(FairbenchError, match="precision=bf16-amp"):
            half_weights(blip2)
