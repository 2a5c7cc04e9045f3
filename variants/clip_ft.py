"""CLIP-FT: fine-tuning on image–note pairs with CLIP's own loss; no labels, no groups.

Luo et al., CVPR 2024, section 4.1:    L = L_CLIP

The baseline of Table 3 (printed there as "CLIP") and of the reproduction. The released
`finetune_CLIP.py` keeps the epoch with the best *test* AUC; the reproduction selects on
validation, which is the own rule here. A comparison by own rules applies the rule of each
variant to the baseline as well, so neither arm gains by its rule alone.
"""

from collections.abc import Mapping
from typing import ClassVar

from variants.objective import Features, Objective, Term


class Contrastive(Objective):
    """The contrastive loss alone."""

    kind: ClassVar[str] = "contrastive"

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the contrastive loss as the only term."""
        from variants.contrastive import contrastive_loss

        return {"clip": Term(contrastive_loss(batch))}


VARIANT = Contrastive(own_selection="val-auc")
