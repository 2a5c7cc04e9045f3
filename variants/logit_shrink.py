"""Logit-shrink: the control for FairCLIP as released. It knows no groups.

    L = L_CLIP + λ · G · ½ · mean_i (L·L)²_ii

The released fairness term compares batch scores (L·L)_ii of 1e2 to 1e5 with group scores of
about 1/n, so it is half the mean square batch score for each of the G groups, to 4 digits,
whatever the groups are. This is that penalty and nothing else: what it does, the released code
of Luo et al. (CVPR 2024, `finetune_FairCLIP.py`) does without any fairness. docs/fidelity.md
has the measurements.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from variants.objective import Features, Objective, Term, key


class LogitShrink(Objective):
    """The contrastive loss and a penalty on the mean square score of the batch."""

    kind: ClassVar[str] = "logit-shrink"

    score: Literal["squared-logits", "logit", "cosine"] = key(
        "squared-logits", "score of pair i, as in fairclip", official="squared-logits"
    )
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key(
        1e-7, "λ, as in fairclip", official="1e-7 in the first released script"
    )
    copies: Annotated[int, Field(ge=1)] = key(
        3, "G: how many groups the sum is over", official="3: the groups of race"
    )

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the contrastive loss and the penalty, in squared units of the score."""
        from variants.contrastive import contrastive_loss
        from variants.scores import pair_scores

        score = pair_scores(batch, self.score)
        penalty = self.copies * 0.5 * score.square().mean()
        return {
            "clip": Term(contrastive_loss(batch)),
            "fairness": Term(penalty, weight=self.weight),
        }


VARIANT = LogitShrink(own_selection="test-auc")
