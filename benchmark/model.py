"""CLIP models from open_clip: architecture by name, weights by tag or file.

Architectures, weights, tokenizers and image transforms are open_clip's. What is added here:
`tiny`, a small CLIP whose pre-trained weights ship with the package; one clear line for what
open_clip would only warn about; and a hash that identifies architecture and weights together.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.data import dataset
from benchmark.errors import FairbenchError, unknown_name
from benchmark.model_names import TINY, TINY_DIRECTORY, brings_weights, is_blip2
from benchmark.randomness import generator


@dataclass(frozen=True)
class ImageTransform:
    """The model's own resize and crop (a PIL image in, a PIL image out), not normalised."""

    steps: tuple[Any, ...]
    key: str

    def __call__(self, image: Any) -> Any:
        """Return the resized and cropped image."""
        for step in self.steps:
            image = step(image)
        return image


@dataclass(frozen=True)
class Tokenizer:
    """Texts to (N, context_length) int32 token ids."""

    tokenizer: Any
    context_length: int

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return the ids; a text that is too long is cut to the context."""
        ids: Tensor = self.tokenizer(list(texts), context_length=self.context_length)
        return ids.numpy().astype(np.int32)

    def too_long(self, texts: Sequence[str]) -> list[int]:
        """Return the positions of texts whose tokens, with start and end, exceed the context."""
        room = self.context_length - 2
        return [i for i, text in enumerate(texts) if len(self._encode(text)) > room]

    def _encode(self, text: str) -> list[int]:
        if isinstance(self.tokenizer, open_clip.tokenizer.HFTokenizer):
            cleaned = self.tokenizer.clean_fn(text)
            ids: list[int] = self.tokenizer.tokenizer.encode(cleaned, add_special_tokens=False)
            return ids
        encoded: list[int] = self.tokenizer.encode(text)
        return encoded


@dataclass(frozen=True)
class LoadedModel:
    """A CLIP model and all that belongs to its inputs.

    Attributes:
        name: As given: `tiny`, an open_clip name, `local-dir:…`, `hf-hub:…` or `blip2:…`.
        pretrained: open_clip's tag, a file, or None for random weights.
        module: The model, float32, on the CPU.
        transform: Resize and crop.
        mean, std: Per-channel normalisation of pixels in [0, 1].
        tokenizer: Texts to ids.
        weights_hash: SHA-256 over architecture and weights.
    """

    name: str
    pretrained: str | None
    module: nn.Module
    transform: ImageTransform
    mean: tuple[float, ...]
    std: tuple[float, ...]
    tokenizer: dataset.Tokenizer
    weights_hash: str


def load_model(name: str, pretrained: str | None = None, seed: int = 0) -> LoadedModel:
    """Return the model with its initial weights.

    Args:
        name: `tiny` (shipped), an architecture of `open_clip.list_models()`, or open_clip's
            `local-dir:PATH` and `hf-hub:ORG/REPO`, which bring their own weights; a file given
            for `pretrained` replaces them. `blip2:…`: see `benchmark.blip2.load`.
        pretrained: A tag of open_clip for that architecture, or a file (safetensors, or a
            checkpoint, read without executing anything in it). None: random weights.
        seed: Random weights are drawn from its stream `init`.

    Raises:
        FairbenchError: unknown name or tag, weights of another architecture or activation, or
            weights that cannot be had.
    """
    architecture = _architecture_name(name)
    _check_name(name, pretrained)
    if is_blip2(name):
        from benchmark.blip2.load import load_blip2

        return load_blip2(name, pretrained)
    noise = int(generator(seed, "init").integers(2**31))
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            torch.manual_seed(noise)
            tag = None if brings_weights(name) else pretrained
            module = open_clip.create_model(architecture, pretrained=tag, weights_only=True)
            if tag != pretrained:  # open_clip takes no file for a model that brings weights
                open_clip.load_checkpoint(module, pretrained, weights_only=True)
        tokenizer = open_clip.get_tokenizer(architecture)
    except pickle.UnpicklingError as error:
        raise FairbenchError(
            f"weights '{pretrained}' hold more than tensors, and nothing in them is executed; "
            "save the model's state_dict()"
        ) from error
    except Exception as error:
        what = f"model '{name}'" + (f" with weights '{pretrained}'" if pretrained else "")
        reason = shorten(f"{type(error).__name__}: {error}", 240, placeholder=" …")
        raise FairbenchError(
            f"{what} cannot be loaded ({reason}). Weights by tag are "
            "downloaded by open_clip; without a network give a local file of this architecture"
        ) from error
    preprocess = open_clip.get_model_preprocess_cfg(module)
    return LoadedModel(
        name=name,
        pretrained=pretrained,
        module=module,
        transform=resize_and_crop(preprocess),
        mean=tuple(preprocess["mean"]),
        std=tuple(preprocess["std"]),
        tokenizer=Tokenizer(tokenizer, int(getattr(module, "context_length", 77))),
        weights_hash=weights_hash(_architecture(architecture), module, preprocess),
    )


def half_weights(model: LoadedModel) -> nn.Module:
    """Return the model with weights in float16 as CLIP's own conversion keeps them on a GPU.

    Matrices and convolutions are float16; norms, embeddings and the logit scale stay float32,
    and norms compute in float32. Source: `convert_weights` in openai/CLIP, clip/model.py.
    """
    if is_blip2(model.name):
        raise FairbenchError(
            f"model '{model.name}' has no float16 weights; use --set precision=bf16-amp or fp32"
        )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        module: nn.Module = open_clip.create_model(
            _architecture_name(model.name), precision="fp16", load_weights=False
        )
    module.load_state_dict(model.module.state_dict())
    return module


def _architecture_name(name: str) -> str:
    return f"local-dir:{TINY_DIRECTORY}" if name == TINY else name


def _check_name(name: str, pretrained: str | None) -> None:
    """Refuse what open_clip would refuse late, or only warn about."""
    if brings_weights(name):
        if pretrained is not None and not Path(pretrained).is_file():
            raise FairbenchError(
                f"model '{name}' brings its own weights; leave out --pretrained {pretrained}, "
                "give a file of weights, or name an open_clip architecture"
            )
        return
    if name not in open_clip.list_models():
        raise unknown_name("model", name, [TINY, *open_clip.list_models()])
    if pretrained is None or Path(pretrained).is_file():
        return
    tags = open_clip.list_pretrained_tags_by_model(name)
    plain = name.removesuffix("-quickgelu")
    twin = plain if plain != name else f"{name}-quickgelu"
    if pretrained not in tags and pretrained in open_clip.list_pretrained_tags_by_model(twin):
        raise FairbenchError(_wrong_activation(name, pretrained, twin))
    if pretrained not in tags:
        raise FairbenchError(
            f"weights '{pretrained}' are neither a file nor a tag of '{name}'. "
            f"Known tags: {', '.join(sorted(tags)) or 'none'}"
        )
    wants = bool(open_clip.get_pretrained_cfg(name, pretrained).get("quick_gelu", False))
    has = bool((open_clip.get_model_config(name) or {}).get("quick_gelu", False))
    if wants != has and twin in open_clip.list_models():
        raise FairbenchError(_wrong_activation(name, pretrained, twin))


def _wrong_activation(name: str, pretrained: str, right: str) -> str:
    return (
        f"weights '{pretrained}' were trained with another activation than '{name}' has "
        f"(QuickGELU or GELU): use --model {right}"
    )


def resize_and_crop(preprocess: dict[str, Any]) -> ImageTransform:
    """Return the part of open_clip's evaluation transform that works on PIL images.

    Its last steps (colour mode, tensor, normalisation) are left to the dataset cache and to
    the device.
    """
    size = preprocess["size"]
    full = open_clip.image_transform(
        size,
        is_train=False,
        mean=preprocess["mean"],
        std=preprocess["std"],
        interpolation=preprocess["interpolation"],
        resize_mode=preprocess["resize_mode"],
        fill_color=preprocess["fill_color"],
    )
    geometric = {"Resize", "CenterCrop", "ResizeKeepRatio", "CenterCropOrPad"}
    steps = tuple(step for step in full.transforms if type(step).__name__ in geometric)
    names = ("size", "interpolation", "resize_mode", "fill_color")
    return ImageTransform(steps, json.dumps({name: preprocess[name] for name in names}))


def weights_hash(architecture: str, module: nn.Module, preprocess: dict[str, Any]) -> str:
    """Return SHA-256 over architecture (a description), input transform and all tensors.

    The architecture enters because models that differ in activation or in attention heads
    can share weights.
    """
    digest = hashlib.sha256(architecture.encode())
    digest.update(json.dumps(preprocess, sort_keys=True).encode())
    for name, tensor in sorted(module.state_dict().items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _architecture(name: str) -> str:
    """Return the configuration as JSON; of a hub model, whose files have a revision, the name."""
    if name.startswith("local-dir:"):
        path = Path(name.removeprefix("local-dir:")) / "open_clip_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
    else:
        config = open_clip.get_model_config(name) or name
    return json.dumps(config, sort_keys=True)


class quiet:  # noqa: N801 (reads as a context manager)
    """Silence a library's logging: what matters comes back as an error."""

    def __enter__(self) -> None:
        self.level = logging.root.manager.disable
        logging.disable(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        logging.disable(self.level)
