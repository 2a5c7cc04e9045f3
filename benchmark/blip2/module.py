"""BLIP-2's first stage as a module with CLIP's interface: image and text to features.

Li et al., "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and
Large Language Models", ICML 2023, section 3.2. The Q-Former is one transformer read in three
ways: queries look at the image; text alone; queries and text together, looking at the image.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

TEMPERATURE = 0.07
"""Initial temperature of the contrastive loss: `blip2_qformer.py` in LAVIS and in the code released
with FairCLIP. Checkpoints of transformers hold none."""


class Blip2(nn.Module):
    """Image encoder, Q-Former and projections; the image encoder's weights are constants.

    An image has Q features, one for each query, of which the one closest to a text counts; see
    `variants.scores.all_cosines`.

    The norm behind the image encoder is trained with the Q-Former, as `ln_vision` is in LAVIS,
    and so is the temperature τ, as log(1/τ), where LAVIS trains τ itself.

    Args:
        parts: transformers' `Blip2ForImageTextRetrieval`; its image encoder and matching head
            are not used.
        image_encoder: Pixels → (N, patches, width).
        pad: The id that fills texts up.
    """

    def __init__(self, parts: Any, image_encoder: nn.Module, pad: int) -> None:
        super().__init__()
        self.image_encoder = image_encoder.requires_grad_(False)
        self.vision_norm = parts.vision_model.post_layernorm
        self.query_tokens = parts.query_tokens
        self.embeddings = parts.embeddings
        self.qformer = parts.qformer
        self.vision_projection = parts.vision_projection
        self.text_projection = parts.text_projection
        self.logit_scale = nn.Parameter(torch.tensor(-math.log(TEMPERATURE)))
        self._pad = pad

    def train(self, mode: bool = True) -> Blip2:
        """Set the mode of all but the image encoder, which stays in eval mode, as in LAVIS."""
        super().train(mode)
        self.image_encoder.eval()
        return self

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Return all parameters but the image encoder's."""
        frozen = {id(parameter) for parameter in self.image_encoder.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in frozen]

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Return (N, Q, d) features of (N, 3, H, W) normalised pixels, not of unit norm."""
        features: Tensor = self.vision_projection(self._look(self._patches(pixels)))
        return features

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Return (N, d) features of (N, L) token ids, not of unit norm."""
        features: Tensor = self.text_projection(self._read(tokens))
        return features

    def probe_features(
        self, pixels: Tensor, tokens: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what a linear probe sees, and the features of each pair.

        Source: `blip_feats_select=avgpool` in `mae/engine_finetune.py` of the code released with
        FairCLIP: the Q-Former's outputs before projection, averaged over queries; of the image,
        or of queries and text read together (`multimodal_embeds` of LAVIS).

        Args:
            pixels: (N, 3, H, W), normalised.
            tokens: (N, L), of each image's note.

        Returns:
            (N, h) of the image; (N, h) of image and note; (N, Q, d) and (N, d), those of
            `encode_image` and `encode_text`.
        """
        patches = self._patches(pixels)
        queries = self._look(patches)
        both = self._look(patches, tokens).mean(dim=1)
        image = self.vision_projection(queries)
        return queries.mean(dim=1), both, image, self.encode_text(tokens)

    def _patches(self, pixels: Tensor) -> Tensor:
        patches: Tensor = self.vision_norm(self.image_encoder(pixels))
        return patches

    def _look(self, patches: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Return (N, Q, h), the queries' outputs; with `tokens` they see the text as well."""
        queries = self.query_tokens.expand(len(patches), -1, -1)
        seen = patches.new_ones(patches.shape[:2], dtype=torch.long)
        mask = None
        inputs = queries
        if tokens is not None:
            words = self._mask(tokens)
            mask = torch.cat([words.new_ones(queries.shape[:2]), words], dim=1)
            inputs = self.embeddings(input_ids=tokens, query_embeds=queries)
        outputs: Tensor = self.qformer(
            query_embeds=inputs,
            query_length=queries.shape[1],
            attention_mask=mask,
            encoder_hidden_states=patches,
            encoder_attention_mask=seen,
        ).last_hidden_state
        return outputs[:, : queries.shape[1]]

    def _read(self, tokens: Tensor) -> Tensor:
        """Return (N, h), the output at the first token, [CLS]."""
        outputs: Tensor = self.qformer(
            query_embeds=self.embeddings(input_ids=tokens),
            query_length=0,
            attention_mask=self._mask(tokens),
        ).last_hidden_state
        return outputs[:, 0]

    def _mask(self, tokens: Tensor) -> Tensor:
        return (tokens != self._pad).long()
