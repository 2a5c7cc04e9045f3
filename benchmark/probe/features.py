"""Features of a frozen model: every split encoded once, for all probes of the same weights."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.config import RunConfig
from benchmark.data.dataset import SPLITS, Dataset, SplitName
from benchmark.encode import Encoder, module_mode, statistics_kept
from benchmark.model import LoadedModel, half_weights
from benchmark.pair_tensors import PairTensors
from benchmark.randomness import generator
from benchmark.zeroshot import EVALUATION_BATCH

KEPT = 8
"""Models whose features stay in memory; 10,000 pairs of ViT-B/16 take 40 MB."""


@dataclass(frozen=True)
class SplitFeatures:
    """One split as a frozen model sees it.

    Attributes:
        image: (N, d) float32, as the tower makes them, not of unit norm.
        text: (N, d) float32, of each image's note.
        similarity: (N,) float32, cosine of image and note.
    """

    image: NDArray[np.float32]
    text: NDArray[np.float32]
    similarity: NDArray[np.float32]
    joint: NDArray[np.float32] | None = None
    """(N, w), of image and note read together, by a model that can (BLIP2)."""

    def inputs(self, features: str) -> NDArray[np.float32]:
        """Return what the probe sees: (N, d) for `image`; for `image+text` (N, w) or (N, 2d)."""
        if features == "image":
            return self.image
        if self.joint is not None:
            return self.joint
        return np.concatenate([self.image, self.text], axis=1)


@dataclass(frozen=True)
class FrozenFeatures:
    """All splits of a dataset as a frozen model sees them, and its logit scale."""

    splits: Mapping[SplitName, SplitFeatures]
    logit_scale: float


_kept: OrderedDict[tuple[Any, ...], FrozenFeatures] = OrderedDict()


def forget_features() -> None:
    """Drop the features in memory."""
    _kept.clear()


def frozen_features(config: RunConfig, backbone: LoadedModel, data: Dataset) -> FrozenFeatures:
    """Return the features of all splits, from memory where they were made before.

    Not kept on disk: features of notes could be read as the notes.

    Args:
        config: Its protocol says how to evaluate; the seed has no part in it.
        backbone: The weights.
        data: Images and tokens.
    """
    protocol = config.protocol
    inputs = (protocol.resize, protocol.note_characters, protocol.long_notes)
    how = (protocol.precision, protocol.mode, protocol.deterministic, config.device, config.threads)
    sizes = tuple(len(split) for split in data.splits.values())
    key = (backbone.weights_hash, data.fingerprint, sizes, *inputs, *how)
    if key not in _kept:
        _kept[key] = _extract(config, backbone, data)
    _kept.move_to_end(key)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return _kept[key]


@torch.no_grad()
def _extract(config: RunConfig, backbone: LoadedModel, data: Dataset) -> FrozenFeatures:
    protocol, device = config.protocol, torch.device(config.device)
    half = protocol.precision == "fp16-weights" and device.type == "cuda"
    module = (half_weights(backbone) if half else copy.deepcopy(backbone.module)).to(device)
    autocast = protocol.precision == "bf16-amp"
    encoder = Encoder(module, backbone.mean, backbone.std, device, autocast, half)
    # Dropout is active in evaluation under mode=train; one draw serves every probe.
    torch.manual_seed(int(generator(0, "noise/features").integers(2**63)))
    with module_mode(module, protocol.mode, training=False), statistics_kept(module):
        splits = {name: _encode(encoder, PairTensors(data.splits[name], device)) for name in SPLITS}
    return FrozenFeatures(splits, encoder.logit_scale.item())


def _encode(encoder: Encoder, pairs: PairTensors) -> SplitFeatures:
    parts = []
    for start in range(0, len(pairs), EVALUATION_BATCH):
        index = np.arange(start, min(start + EVALUATION_BATCH, len(pairs)))
        parts.append(encoder.probe_features(pairs.images(index), pairs.tokens(index)))
    joint = [part.joint for part in parts if part.joint is not None]
    return SplitFeatures(
        image=_array([part.image for part in parts]),
        text=_array([part.text for part in parts]),
        similarity=_array([part.similarity for part in parts]),
        joint=_array(joint) if joint else None,
    )


def _array(parts: list[Tensor]) -> NDArray[np.float32]:
    return torch.cat([part.cpu() for part in parts]).numpy()
