"""The small CLIP of a pack, with its recorded initial weights."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import open_clip
import torch
from open_clip.transform import PreprocessCfg
from torch import nn

from benchmark.model import LoadedModel, Tokenizer, resize_and_crop
from benchmark.verify.pack import Entry, Pack, PackError

CONFIG = "mini_clip_config.json"
WEIGHTS = "mini_clip_init.npz"

_CLIP_HEAD_WIDTH = 64
"""OpenAI's constructor takes no number of vision heads: it is the width over 64."""


def mini_clip(pack: Pack) -> LoadedModel:
    """Return the pack's CLIP in float32: OpenAI's architecture built by open_clip.

    The recorded float16 weights are exact in float32. Image and text handling are CLIP's own
    for that image size: bicubic resize of the short side, centre crop, its mean and deviation,
    its byte-pair tokenizer.

    Raises:
        PackError: a file, field or array is missing, or does not fit the architecture.
    """
    config = pack.record(CONFIG).entry("config")
    context = config.integer("context_length")
    weights = pack.arrays(WEIGHTS)
    module = _module(config)
    expected = module.state_dict()
    if unknown := sorted(set(weights.arrays) - set(expected)):
        raise PackError(f"{WEIGHTS}: array '{unknown[0]}' belongs to no weight of {CONFIG}")
    module.load_state_dict(
        {
            name: torch.from_numpy(weights.array(name, *tensor.shape)).to(tensor.dtype)
            for name, tensor in expected.items()
        }
    )
    preprocess = asdict(PreprocessCfg(size=config.integer("image_resolution")))
    return LoadedModel(
        name="mini-clip",
        pretrained=None,
        module=module,
        transform=resize_and_crop(preprocess),
        mean=tuple(preprocess["mean"]),
        std=tuple(preprocess["std"]),
        tokenizer=Tokenizer(open_clip.SimpleTokenizer(context_length=context), context),
        weights_hash=_hash_of(pack),
    )


def _module(config: Entry) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # its constructor draws weights
        module: nn.Module = open_clip.CLIP(
            embed_dim=config.integer("embed_dim"),
            vision_cfg=open_clip.CLIPVisionCfg(
                layers=config.integer("vision_layers"),
                width=config.integer("vision_width"),
                head_width=_CLIP_HEAD_WIDTH,
                patch_size=config.integer("vision_patch_size"),
                image_size=config.integer("image_resolution"),
            ),
            text_cfg=open_clip.CLIPTextCfg(
                context_length=config.integer("context_length"),
                vocab_size=config.integer("vocab_size"),
                width=config.integer("transformer_width"),
                heads=config.integer("transformer_heads"),
                layers=config.integer("transformer_layers"),
            ),
            quick_gelu=True,
        )
    return module


def _hash_of(pack: Pack) -> str:
    digest = hashlib.sha256((pack.root / CONFIG).read_bytes())
    digest.update((pack.root / WEIGHTS).read_bytes())
    return digest.hexdigest()
