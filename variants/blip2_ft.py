"""BLIP2-FT: fine-tuning by BLIP-2's image-text contrastive loss, with the image encoder frozen.

Li et al., "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and Large
Language Models", ICML 2023, section 3.2; row BLIP2-FT of Luo et al., CVPR 2024, Table 2:

    L = ½ · (CE over rows of A + CE over columns of A),    A_ij = s · max_q ⟨I_iq, T_j⟩

I_iq: feature of query q on image i, T_j: feature of note j, both of norm 1; s = 1/τ. The target of
row i is i, with a share ε of it spread over the batch. Negatives are those of the batch.

What trains is a matter of the model: of a BLIP2 (`--model blip2:…`) all but the image encoder. On
a CLIP model, where an image has one feature, the loss is that of `clip-ft` with ε. The released
code (`blip2_qformer.py`, `pretrain_stage1.yaml`) adds BLIP-2's matching and captioning losses,
which have no part here.
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import field_validator

from variants.objective import Features, Objective, Term, key


class ImageTextContrastive(Objective):
    """The contrastive loss over each image's closest query."""

    kind: ClassVar[str] = "image-text-contrastive"

    label_smoothing: float = key(
        0.1,
        "ε, the share of each target that is spread evenly over the batch",
        paper="not stated",
        official="0.1: label_smoothing in blip2_qformer.py, as in LAVIS",
        reproduction="none: it has no BLIP2",
    )

    @field_validator("label_smoothing")
    @classmethod
    def _a_share(cls, value: float) -> float:
        if not 0 <= value < 1:
            raise ValueError(f"must be in [0, 1), got {value}")
        return value

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the contrastive loss as the only term."""
        from variants.contrastive import contrastive_loss

        return {"clip": Term(contrastive_loss(batch, self.label_smoothing))}


VARIANT = ImageTextContrastive(own_selection="last")
