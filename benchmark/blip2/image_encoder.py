"""Image encoders that a Q-Former can look at: pixels to (N, patches, width).

Two kinds, told apart by the names of their weights: the vision transformer of a BLIP-2
checkpoint, and CLIP's, as open_clip names it. Of CLIP's the output of the last block but one is
taken and GELU is its activation: so the code released with FairCLIP takes PMC-CLIP
(`vision_encoder_weights=pmc-clip` in LAVIS/lavis/models/clip_vit.py and blip2.py, ViT-L/14).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from benchmark.errors import FairbenchError

HEAD_WIDTH = 64
"""Width of an attention head in CLIP's vision transformers; their weights do not show it."""

_OWN_NAMES = ("embeddings.", "encoder.")
_RESNET = "layer1.0.conv1.weight"
_OPENAI = "input_resolution"  # only the archives that OpenAI published hold it


class BlipEncoder(nn.Module):
    """BLIP-2's own vision transformer, without the norm behind it.

    Args:
        vision_model: transformers' `Blip2VisionModel`.
    """

    def __init__(self, vision_model: Any) -> None:
        super().__init__()
        self.embeddings = vision_model.embeddings
        self.encoder = vision_model.encoder
        config = vision_model.config
        self.width, self.image_size = int(config.hidden_size), int(config.image_size)
        fields = ("hidden_act", "layer_norm_eps", "num_attention_heads", "qkv_bias")
        self.description = {name: getattr(config, name) for name in fields}

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (N, patches + 1, width), the class token first."""
        outputs: Tensor = self.encoder(inputs_embeds=self.embeddings(pixels)).last_hidden_state
        return outputs


class ClipEncoder(nn.Module):
    """CLIP's vision transformer up to its last block but one.

    Args:
        state: The tower's weights by open_clip's names; sizes are taken from their shapes.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.width, _, patch, _ = state["conv1.weight"].shape
        side = round((len(state["positional_embedding"]) - 1) ** 0.5)
        self.image_size = side * patch
        blocks = {name.split(".")[2] for name in state if name.startswith("transformer.resblocks.")}
        self._last = len(blocks) - 2
        if self._last < 0:
            raise ValueError("needs two blocks or more: the last is left out")
        heads = max(1, self.width // HEAD_WIDTH)
        self.description = {"clip": "gelu", "num_attention_heads": heads}
        self.visual = VisionTransformer(
            self.image_size,
            patch,
            self.width,
            len(blocks),
            heads,
            mlp_ratio=len(state["transformer.resblocks.0.mlp.c_fc.weight"]) / self.width,
            output_dim=state["proj"].shape[1],
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (N, patches + 1, width), the class token first."""
        found = self.visual.forward_intermediates(
            pixels,
            indices=[self._last],
            stop_early=True,
            intermediates_only=True,
            output_fmt="NLC",
            output_extra_tokens=True,
        )
        (patches,), (first,) = found["image_intermediates"], found["image_intermediates_prefix"]
        return torch.cat([first, patches], dim=1)


def image_encoder_of(
    state: Mapping[str, Tensor], own: BlipEncoder, path: str
) -> BlipEncoder | ClipEncoder:
    """Return an encoder with the weights of a file.

    Args:
        state: Name → tensor: `embeddings.…` and `encoder.…` as in transformers'
            `Blip2VisionModel`, alone or behind `vision_model.`, whatever else a BLIP-2 checkpoint
            holds; or an open_clip vision transformer, alone or behind `visual.`, whatever else a
            CLIP checkpoint holds.
        own: The encoder of the BLIP-2 folder; weights of the first kind must have its sizes and
            take the place of its own.
        path: The file, for messages.

    Raises:
        FairbenchError: other names, sizes that do not fit, or a network that is not supported.
    """
    if _OPENAI in state:
        raise FairbenchError(
            f"{path}: OpenAI's CLIP computes with QuickGELU and image encoders of CLIP here with "
            "GELU; give weights that open_clip trained with GELU"
        )
    tower = _behind("visual.", state)
    if _RESNET in tower:
        raise FairbenchError(
            f"{path}: a ResNet, as PMC-CLIP's first release is, gives a Q-Former no patches; give "
            "a vision transformer, such as the PMC-CLIP ViT-L/14 that FairCLIP's code uses"
        )
    if "conv1.weight" in tower and "class_embedding" in tower:
        try:
            clip = ClipEncoder(tower)
        except (KeyError, ValueError) as error:
            raise FairbenchError(
                f"{path}: not a whole vision transformer of open_clip ({error})"
            ) from error
        fill(clip.visual, tower, path)
        return clip
    names = _behind("vision_model.", state)
    if not any(name.startswith(_OWN_NAMES) for name in names):
        raise FairbenchError(
            f"{path}: no image encoder found; the first name is '{next(iter(state), '')}', and "
            "known are those of transformers' Blip2VisionModel ('embeddings.class_embedding', …) "
            "and of open_clip's vision transformer ('visual.conv1.weight', …); rename them"
        )
    fill(own, {name: t for name, t in names.items() if name.startswith(_OWN_NAMES)}, path)
    return own


def fill(module: nn.Module, state: Mapping[str, Tensor], path: str) -> None:
    """Load weights whose names and shapes are exactly the module's.

    Raises:
        FairbenchError: the first name that is missing, unknown, or of another shape.
    """
    wanted = module.state_dict()
    for name in [*wanted, *state]:
        if name not in state:
            raise FairbenchError(f"{path}: '{name}' is missing; give the weights of all layers")
        if name not in wanted:
            raise FairbenchError(f"{path}: '{name}' is unknown; weights of another architecture?")
        if state[name].shape != wanted[name].shape:
            raise FairbenchError(
                f"{path}: '{name}' has shape {tuple(state[name].shape)}, the model "
                f"{tuple(wanted[name].shape)}: weights of another architecture"
            )
    module.load_state_dict(dict(state))


def _behind(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors behind a prefix, without it; all of them where nobody has it."""
    found = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
    return found or dict(state)
