"""From pixels and tokens to normalised features, in the precision of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from variants.objective import Features
from variants.scores import own_products


@dataclass(frozen=True)
class ProbeFeatures:
    """B pairs as a linear probe sees them.

    Attributes:
        image: (B, w) of the image, not of unit norm.
        text: (B, d) of the note, not of unit norm.
        joint: (B, w') of image and note read together, by a model that can (BLIP2); else None.
        similarity: (B,), cosine of image and note.
    """

    image: Tensor
    text: Tensor
    joint: Tensor | None
    similarity: Tensor


@dataclass
class Encoder:
    """A CLIP module with its pixel normalisation and precision.

    Attributes:
        module: An open_clip model on `device`.
        mean, std: Per channel, for pixels in [0, 1].
        device: Where the module is.
        autocast: Whether the towers run under bfloat16 autocast; features are float32 then.
        half: Whether the module's weights are float16; features are float16 then.
        unit: Whether features are divided by their norm.
    """

    module: Any
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device
    autocast: bool = False
    half: bool = False
    unit: bool = True
    _mean: Tensor = field(init=False, repr=False)
    _std: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._mean = torch.tensor(self.mean, device=self.device)[:, None, None]
        self._std = torch.tensor(self.std, device=self.device)[:, None, None]

    def image(self, pixels: Tensor) -> Tensor:
        """Return (B, d) unit rows for (B, C, H, W) uint8 images; grey feeds every channel."""
        return self._unit(self.image_features(pixels))

    def text(self, tokens: Tensor) -> Tensor:
        """Return (B, d) unit rows for (B, L) token ids."""
        return self._unit(self.text_features(tokens))

    def image_features(self, pixels: Tensor) -> Tensor:
        """Return (B, d) features as the image tower makes them, not of unit norm.

        Those of a BLIP2 are (B, Q, d), one row for each query.
        """
        with self._precision():
            features: Tensor = self.module.encode_image(self._values(pixels))
        return features

    def text_features(self, tokens: Tensor) -> Tensor:
        """Return (B, d) features as the text tower makes them, not of unit norm."""
        with self._precision():
            features: Tensor = self.module.encode_text(tokens)
        return features

    def probe_features(self, pixels: Tensor, tokens: Tensor) -> ProbeFeatures:
        """Return what a linear probe sees of (B, C, H, W) images and (B, L) tokens, in float32."""
        if hasattr(self.module, "probe_features"):
            with self._precision():
                found = self.module.probe_features(self._values(pixels), tokens)
            seen, joint, image, text = (features.float() for features in found)
        else:
            image, text = self.image_features(pixels).float(), self.text_features(tokens).float()
            seen, joint = image, None
        return ProbeFeatures(seen, text, joint, own_products(_unit(image), _unit(text)))

    def pairs(self, images: Tensor, tokens: Tensor) -> Features:
        """Return the features of image–note pairs with the model's logit scale."""
        return Features(self.image(images), self.text(tokens), self.module.logit_scale.exp())

    @property
    def logit_scale(self) -> Tensor:
        """S = exp(CLIP's parameter), a scalar, without gradient."""
        scale: Tensor = self.module.logit_scale.detach().exp()
        return scale

    def _values(self, pixels: Tensor) -> Tensor:
        values = (pixels.float() / 255 - self._mean) / self._std
        return values.half() if self.half else values

    def _unit(self, features: Tensor) -> Tensor:
        if self.autocast:
            features = features.float()
        return _unit(features) if self.unit else features

    def _precision(self) -> AbstractContextManager[Any]:
        if self.autocast:
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()


def _unit(features: Tensor) -> Tensor:
    unit: Tensor = features / features.norm(dim=-1, keepdim=True)
    return unit


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """Return the module's batch norms with running statistics."""
    return [
        part
        for part in module.modules()
        if isinstance(part, _BatchNorm) and part.running_mean is not None
    ]


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Keep running statistics as they are, in any mode; what they are used for is unchanged.

    In train mode a batch is normalised by its own statistics, which are then forgotten.
    """
    parts = [part for part in batch_norms(module) if part.track_running_stats]
    for part in parts:
        part.track_running_stats = False
    try:
        yield
    finally:
        for part in parts:
            part.track_running_stats = True


@contextmanager
def module_mode(module: nn.Module, mode: str, training: bool) -> Iterator[None]:
    """Put the module into the mode that the protocol asks for during steps or evaluation."""
    before = module.training
    module.train(training if mode == "switched" else mode == "train")
    try:
        yield
    finally:
        module.train(before)
