"""The objective that FairCLIP, A-FairCLIP and their relatives share.

    L = L_CLIP + λ Σ_A w_A Σ_{g ∈ A} d(S, S_g)

S holds the scores of the main batch's pairs and S_g those of a batch of group g, drawn from
a loader of its own and taken without gradient, or S_g is the group's part of the batch. What a
score is, how it is normalised, what d is and which samples are a group are keys; a variant is
a choice of keys. Luo et al., CVPR 2024, eq. (1) and (2);
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
    distance: Literal["sinkhorn", "wasserstein", "energy", "gaussian", "laplacian", "mean-gap"] = (
        key(
            "sinkhorn",
            "distance between two sets of scores, variants/distances.py",
            paper="Sinkhorn distance, eq. (2)",
            official='sinkhorn: geomloss SamplesLoss("sinkhorn", p=2), the debiased divergence',
            reproduction="sinkhorn; gaussian and laplacian MMD in its appendix E",
        )
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
    bandwidth: float | Literal["median"] = key(
        0.05,
        "width of the gaussian or laplacian kernel in units of the scores, or the median heuristic",
        paper="no kernel",
        official="no kernel",
        reproduction="0.05: geomloss's default blur; scores there are about 20 to 30",
    )
    solver: Literal["geomloss-fp32", "geomloss-fp64", "exact"] = key(
        "geomloss-fp32",
        "geomloss in float32 or float64, or a closed form in float64 (Sinkhorn: blur → 0)",
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
    group_source: Literal["loader", "batch"] = key(
        "loader",
        "a group's scores: of a batch of its own, without gradient; or of its part of the main "
        "batch, with gradient",
        paper="batch: B_a, the samples of the batch that are from group a",
        official="loader: an endless shuffled loader a group, under no_grad",
        reproduction="loader: as official",
    )
    groups: Literal["labelled", "permuted"] = key(
        "labelled",
        "the data's group labels, or the same labels permuted over the training set (placebo)",
        paper="labelled",
        official="labelled",
        reproduction="labelled",
    )
    as_run: bool = key(
        False,
        "the penalty is computed and recorded, and left out of the loss",
        paper="no MMD",
        official="no MMD",
        reproduction="true in both released MMD scripts: `loss` is overwritten by the base loss",
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
        if not 0 < value < float("inf"):
            raise ValueError(f"must be positive and finite, got {value}")
        return value

    @field_validator("bandwidth")
    @classmethod
    def _width(cls, value: float | str) -> float | str:
        if isinstance(value, float) and not 0 < value < float("inf"):
            raise ValueError(f"must be 'median' or positive and finite, got {value}")
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
        weights = value.values()
        if not (value and abs(sum(weights) - 1) <= 1e-9 and min(weights) >= 0):
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

    @property
    def groups_within_batch(self) -> bool:
        """Whether a group is its part of the main batch."""
        return self.group_source == "batch"

    @property
    def permutes_groups(self) -> bool:
        """Whether training group labels are permuted."""
        return self.groups == "permuted"

    def unused_keys(self) -> set[str]:
        """Return the keys that the other keys leave without effect."""
        iterated = self.distance == "sinkhorn" and self.solver != "exact"
        used = {
            "blur": iterated,
            "scaling": iterated,
            "bandwidth": self.distance in ("gaussian", "laplacian"),
            "solver": self.distance not in ("wasserstein", "mean-gap"),
            "group_batch": self.group_source == "loader",
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
                    x, y, blur=self.blur, scaling=self.scaling, solver=self.solver
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
