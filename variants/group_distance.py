"""The objective that FairCLIP, A-FairCLIP and their relatives share.

    L = L_CLIP + λ Σ_A w_A Σ_{g ∈ A} d(S, S_g)

S holds the scores of the main batch's pairs and S_g those of a batch of group g, drawn from a
loader of its own, or those of the group's part of the batch; with or without gradient. What a
score is, how it is normalised, what d is and which samples are a group are keys; a variant is
a choice of keys. Luo et al., CVPR 2024, eq. (1) and (2); `finetune_FairCLIP.py` of the released
code; `FairCLIPPlus_refactored.py` of the reproduction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from variants.group_distance_keys import GroupDistanceKeys
from variants.objective import Features, Term

if TYPE_CHECKING:
    from torch import Tensor


class GroupDistance(GroupDistanceKeys):
    """A contrastive loss and a weighted sum of distances between batch and group scores."""

    kind: ClassVar[str] = "group-distance"

    @property
    def group_weights(self) -> Mapping[str, float]:
        """Attribute → w_A."""
        return self.attributes

    @property
    def group_batch_size(self) -> int:
        """Samples of each group a step."""
        return self.group_batch

    @property
    def groups_within_batch(self) -> bool:
        """Whether a group is its part of the main batch."""
        return self.group_source.startswith("batch")

    @property
    def groups_with_gradient(self) -> bool:
        """Whether the distances are differentiated through the groups' scores too."""
        return self.group_source in ("batch", "loader-gradient")

    @property
    def mismatches_captions(self) -> bool:
        """Whether the images of group batches are shown with other samples' notes."""
        return self.group_captions == "mismatched"

    @property
    def groups_move_batch_norm(self) -> bool:
        """Whether passes of group batches move running statistics."""
        return self.group_batch_norm == "moved"

    @property
    def permutes_groups(self) -> bool:
        """Whether training group labels are permuted."""
        return self.groups == "permuted"

    def unused_keys(self) -> set[str]:
        """Return the keys that the other keys leave without effect."""
        iterated = self.distance == "sinkhorn" and self.solver != "exact"
        used = {
            "blur": iterated,
            "debiased": iterated,
            "scaling": iterated,
            "diameter": iterated,
            "bandwidth": self.distance in ("gaussian", "laplacian"),
            "solver": self.distance not in ("wasserstein", "mean-gap"),
            "group_batch": not self.groups_within_batch,
            "group_captions": not self.groups_within_batch,
            "group_batch_norm": not self.groups_within_batch,
            "weight": not self.as_run,
        }
        return {name for name, effective in used.items() if not effective}

    def for_attribute(self, attribute: str) -> GroupDistance:
        """Return the same keys for one attribute; an objective over several keeps its own."""
        if len(self.attributes) > 1:
            return self
        return self.model_copy(update={"attributes": {attribute: 1.0}})

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the contrastive loss and the summed distance, in squared units of the score."""
        from variants.contrastive import contrastive_loss
        from variants.scores import pair_scores

        score = self._normalised(pair_scores(batch, self.score), self.normalise == "both")
        fairness = score.new_zeros(())
        distances = {}
        for name, features in groups.items():
            other = pair_scores(features, self.score)
            other = self._normalised(other, self.normalise != "none")
            distances[name] = self._distance(score, other)
            fairness = fairness + self.attributes[name.split("/", 1)[0]] * distances[name]
        weight = 0.0 if self.as_run else self.weight
        return {
            "clip": Term(contrastive_loss(batch)),
            "fairness": Term(fairness, weight=weight, parts=distances),
        }

    @staticmethod
    def _normalised(score: Tensor, divide: bool) -> Tensor:
        return score / score.sum() if divide else score

    def _distance(self, x: Tensor, y: Tensor) -> Tensor:
        from variants import distances

        match self.distance:
            case "sinkhorn":
                return distances.sinkhorn(
                    x,
                    y,
                    blur=self.blur,
                    scaling=self.scaling,
                    solver=self.solver,
                    diameter=self.diameter,
                    debiased=self.debiased,
                )
            case "wasserstein":
                return distances.wasserstein(x, y)
            case "energy":
                return distances.energy(x, y, solver=self.solver)
            case "gaussian":
                return distances.gaussian(x, y, bandwidth=self.bandwidth, solver=self.solver)
            case "laplacian":
                return distances.laplacian(x, y, bandwidth=self.bandwidth, solver=self.solver)
            case "mean-gap":
                return distances.mean_gap(x, y)
