"""The objective that FairCLIP, A-FairCLIP and their relatives share.

    L = L_CLIP + λ Σ_A w_A Σ_{g ∈ A} d(S, S_g)

S holds the scores of the main batch's pairs and S_g those of a batch of group g, drawn from
a loader of its own and taken without gradient. What a score is, how it is normalised and
what d is are keys; a variant is a choice of keys. Luo et al., CVPR 2024, eq. (1) and (2);
`finetune_FairCLIP.py` of the released code; `FairCLIPPlus_refactored.py` of the reproduction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import field_validator

from variants.objective import Features, Objective, Term, key

if TYPE_CHECKING:
    from torch import Tensor


class GroupDistance(Objective):
    """A contrastive loss and a weighted sum of distances between batch and group scores."""

    kind: ClassVar[str] = "group-distance"

    score: Literal["squared-logits", "logit", "cosine"] = key(
        "cosine",
        "score of pair i: the diagonal of L·L, s·⟨I_i, T_i⟩, or ⟨I_i, T_i⟩",
        paper="cosine: M_ii of section 4.2",
        official="squared-logits: `logits_per_image @ logits_per_text.T`, finetune_FairCLIP.py",
        reproduction="logit: diagonal of `logits_per_image`, FairCLIPPlus_refactored.py",
    )
    normalise: Literal["none", "groups", "both"] = key(
        "none",
        "which scores are divided by their sum: none, those of the groups, or both sides",
        paper="none: eq. (1) compares the distributions of M_ii as they are",
        official="groups: `correlations_with_group /= sum`, finetune_FairCLIP.py",
        reproduction="none in the aligned code; both in its copy of the official script",
    )
    distance: Literal["sinkhorn"] = key(
        "sinkhorn",
        "distance between two sets of scores",
        paper="Sinkhorn distance, eq. (2)",
        official='geomloss SamplesLoss("sinkhorn", p=2): the debiased divergence',
        reproduction="as official",
    )
    blur: float = key(
        1e-4,
        "geomloss's blur, in units of the scores; ε = blur²",
        paper="ε not stated",
        official="1e-4: flag default; 1e-6 in a later script",
        reproduction="1e-4",
    )
    scaling: float = key(
        0.5,
        "ratio of successive scales of the ε-annealing, in (0, 1)",
        paper="not stated",
        official="0.5: geomloss's default",
        reproduction="0.95: FairCLIPPlus_refactored.py",
    )
    solver: Literal["geomloss-fp32", "geomloss-fp64", "exact"] = key(
        "geomloss-fp32",
        "float32 or float64 Sinkhorn iterations, or the exact ½·W₂² by sorting",
        paper="not stated",
        official="geomloss-fp32",
        reproduction="geomloss-fp32",
    )
    weight: float = key(
        1e-7,
        "λ, the weight of the summed distances",
        paper="not stated",
        official="1e-7 in the first released script, 1e-6 in a later one, flag default 1e-4",
        reproduction="1e-7 for A-FairCLIP; 1e-5 for FairCLIP+",
    )
    attributes: dict[str, float] = key(
        {"race": 1.0},
        "attribute → w_A",
        paper="one attribute a run, section 5.3",
        official="one attribute a run: --attribute",
        reproduction="several with weights that sum to 1 (FairCLIP+)",
    )
    group_batch: int = key(
        32,
        "samples of each group a step",
        paper="the group's part of the batch, B_a",
        official="32 in the scripts, flag default 64",
        reproduction="32",
    )

    @field_validator("blur", "group_batch")
    @classmethod
    def _positive(cls, value: float) -> float:
        if not value > 0:
            raise ValueError(f"must be positive, got {value}")
        return value

    @field_validator("scaling")
    @classmethod
    def _within_unit_interval(cls, value: float) -> float:
        if not 0 < value < 1:
            raise ValueError(f"must lie between 0 and 1, both excluded, got {value}")
        return value

    @field_validator("weight")
    @classmethod
    def _not_negative(cls, value: float) -> float:
        if not 0 <= value < float("inf"):
            raise ValueError(f"must be a finite number of at least 0, got {value}")
        return value

    @field_validator("attributes")
    @classmethod
    def _weights_sum_to_one(cls, value: dict[str, float]) -> dict[str, float]:
        if not value or abs(sum(value.values()) - 1) > 1e-9 or min(value.values()) < 0:
            raise ValueError(f"weights must be at least 0 and sum to 1, got {value}")
        return dict(sorted(value.items()))

    @property
    def group_weights(self) -> Mapping[str, float]:
        """Attribute → w_A."""
        return self.attributes

    @property
    def group_batch_size(self) -> int:
        """Samples of each group a step."""
        return self.group_batch

    def for_attribute(self, attribute: str) -> GroupDistance:
        """Return the same keys for one attribute."""
        return self.model_copy(update={"attributes": {attribute: 1.0}})

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the contrastive loss and the summed distance, in squared units of the score."""
        from variants.contrastive import contrastive_loss

        score = self._normalised(self._score_of(batch), self.normalise == "both")
        fairness = score.new_zeros(())
        for name, features in groups.items():
            other = self._normalised(self._score_of(features), self.normalise != "none")
            weight = self.attributes[name.split("/", 1)[0]]
            fairness = fairness + weight * self._distance(score, other)
        return {
            "clip": Term(contrastive_loss(batch)),
            "fairness": Term(fairness, weight=self.weight),
        }

    def _score_of(self, pairs: Features) -> Tensor:
        """Return the (N,) float32 scores of N pairs.

        The diagonal of L·L is Σ_j L_ij·L_ji. It is summed in the precision of the features, as
        the released code does, so float16 features overflow where they overflow there.
        """
        if self.score == "cosine":
            return (pairs.image * pairs.text).sum(dim=1).float()
        if self.score == "logit":
            return (pairs.logit_scale * (pairs.image * pairs.text).sum(dim=1)).float()
        logits = pairs.logit_scale * pairs.image @ pairs.text.T
        return (logits * logits.T).sum(dim=1).float()

    @staticmethod
    def _normalised(score: Tensor, divide: bool) -> Tensor:
        return score / score.sum() if divide else score

    def _distance(self, x: Tensor, y: Tensor) -> Tensor:
        from variants.distances import sinkhorn

        return sinkhorn(x, y, blur=self.blur, scaling=self.scaling, solver=self.solver)
