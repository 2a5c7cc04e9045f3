"""The objective that FairCLIP, A-FairCLIP and their relatives share.

    L = L_CLIP + λ Σ_A w_A Σ_{g ∈ A} d(S, S_g)

S holds the scores of the main batch's pairs and S_g those of a batch of group g, drawn from a
loader of its own, or those of the group's part of the batch; with or without gradient. What a
score is, how it is normalised, what d is and which samples are a group are keys; a variant is
a choice of keys. Luo et al., CVPR 2024, eq. (1) and (2); `finetune_FairCLIP.py` of the released
code; `FairCLIPPlus_refactored.py` of the reproduction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
            "balance": not self.as_run,
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

        fairness, distances = self._fairness(batch, groups)
        return {
            "clip": Term(contrastive_loss(batch)),
            "fairness": Term(fairness, weight=self._weight(batch, groups), parts=distances),
        }

    def _fairness(
        self, batch: Features, groups: Mapping[str, Features]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return Σ_A w_A Σ_g d(S, S_g), and every d(S, S_g) by name."""
        from variants.scores import pair_scores

        score = self._normalised(pair_scores(batch, self.score), self.normalise == "both")
        others = [
            self._normalised(pair_scores(features, self.score), self.normalise != "none")
            for features in groups.values()
        ]
        distances = dict(zip(groups, self._distances(score, others), strict=True))
        fairness = score.new_zeros(())
        for name, distance in distances.items():
            fairness = fairness + self.attributes[name.split("/", 1)[0]] * distance
        return fairness, distances

    def _weight(self, batch: Features, groups: Mapping[str, Features]) -> float:
        """Return what the distances are multiplied by at this step."""
        if self.as_run:
            return 0.0
        if self.balance == "none" or self.weight == 0:
            return self.weight
        import torch

        from variants.contrastive import contrastive_loss

        # In float32 whatever the features are: float16 overflows on an unweighted gradient.
        image, text = (f.detach().float().requires_grad_() for f in (batch.image, batch.text))
        alone = Features(image, text, batch.logit_scale.detach().float())

        def copied(group: Features) -> Features:
            # Rows of the main batch that carry gradient are part of what moves its features.
            if self.groups_with_gradient and group.rows is not None:
                return Features(image[group.rows], text[group.rows], alone.logit_scale)
            parts = (group.image.detach().float(), group.text.detach().float())
            return Features(*parts, alone.logit_scale)

        with torch.enable_grad():
            others = {name: copied(group) for name, group in groups.items()}
            values = contrastive_loss(alone), self._fairness(alone, others)[0]
            clip, fairness = (_gradient_norm(value, (image, text)) for value in values)
        if not math.isfinite(fairness):
            return math.nan  # the run has diverged; 0 would train on without the distances
        # Without a gradient the distances move nothing, whatever they are multiplied by.
        return self.weight * clip / fairness if fairness else 0.0

    @staticmethod
    def _normalised(score: Tensor, divide: bool) -> Tensor:
        return score / score.sum() if divide else score

    def _distances(self, x: Tensor, groups: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return d(x, y) of every group's scores y."""
        from variants import distances

        match self.distance:
            case "sinkhorn":
                return distances.sinkhorn_to_each(
                    x,
                    groups,
                    blur=self.blur,
                    scaling=self.scaling,
                    solver=self.solver,
                    diameter=self.diameter,
                    debiased=self.debiased,
                )
            case "wasserstein":
                return [distances.wasserstein(x, y) for y in groups]
            case "energy":
                return [distances.energy(x, y, solver=self.solver) for y in groups]
            case "gaussian":
                return [
                    distances.gaussian(x, y, bandwidth=self.bandwidth, solver=self.solver)
                    for y in groups
                ]
            case "laplacian":
                return [
                    distances.laplacian(x, y, bandwidth=self.bandwidth, solver=self.solver)
                    for y in groups
                ]
            case "mean-gap":
                return [distances.mean_gap(x, y) for y in groups]


def _gradient_norm(value: Tensor, features: Sequence[Tensor]) -> float:
    """Return the Euclidean norm of a scalar's gradient over all features together."""
    import torch

    if not value.requires_grad:
        return 0.0
    found = torch.autograd.grad(value, features, allow_unused=True)
    parts = [part.square().sum() for part in found if part is not None]
    return float(torch.stack(parts).sum().sqrt()) if parts else 0.0
