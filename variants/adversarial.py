"""Adversarial: fine-tuning towards image features that do not give the attribute away.

Beutel et al., arXiv 1707.00075, 2017; "CLIP w/ Adv" in figure 3c of Luo et al., CVPR 2024:

    model:        L = L_CLIP − λ Σ_A w_A CE_A
    adversary h:  CE_A = mean_i −log softmax(h_A(I_i))[a_i], which it lowers by descent of its own

I_i are the L2-normalised image features, a_i the group of sample i. The negative weight is the
reversed gradient of Beutel et al.: the model gets −λ times the gradient that the adversary
descends on. Samples of unknown group are left out, and with `samples` those of one class. No
script of "CLIP w/ Adv" was released and the paper states none of its settings: only the
adversary's layers are known, from `Adversary_Net` in src/modules.py of the released code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from variants.objective import Features, MainBatch, Objective, Term, key

if TYPE_CHECKING:
    from torch import Tensor, nn

_NOT_STATED = "not stated, and no script of CLIP w/ Adv was released"
_NONE = "no adversary"


class Adversarial(Objective):
    """The contrastive loss less the cross-entropy of an adversary for each attribute."""

    kind: ClassVar[str] = "adversarial"

    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key(
        1.0,
        "λ, which scales the reversed gradient; at 0 the adversary only watches",
        paper="not stated; 1 is ours: the gradient reversed and not scaled",
        official=_NOT_STATED,
        reproduction=_NONE,
    )
    schedule: Literal["constant", "ramp"] = key(
        "constant",
        "λ from the first step on, or λ·(2 / (1 + exp(−10 p)) − 1) with p the share of steps done",
        paper="not stated; Beutel et al.: one λ; ramp: Ganin and Lempitsky, ICML 2015",
        official=_NOT_STATED,
        reproduction=_NONE,
    )
    samples: Literal["all", "positives", "negatives"] = key(
        "all",
        "whom the adversary sees: everyone, class 1 (equal TPR) or class 0 (equal FPR). The last "
        "two read the class labels, which no other variant trains on",
        paper="not stated; Beutel et al. compare such choices",
        official=_NOT_STATED,
        reproduction=_NONE,
    )
    attributes: dict[str, float] = key(
        {"race": 1.0},
        "attribute → w_A; an adversary each",
        paper="one attribute a run, figure 3c",
        official=_NOT_STATED,
        reproduction=_NONE,
    )
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = key(
        (16, 32, 64),
        "units of the adversary's hidden layers, ReLU after each; none: a linear adversary",
        paper="not stated",
        official="(16, 32, 64): `Adversary_Net` of src/modules.py, which no script uses",
        reproduction=_NONE,
    )
    adversary_lr: Annotated[float, Field(gt=0, allow_inf_nan=False)] = key(
        1e-2,
        "the adversary's learning rate, in the protocol's optimiser",
        paper="not stated; 0.01 is ours: at 0.001 it needs some 90 steps to leave the majority",
        official=_NOT_STATED,
        reproduction=_NONE,
    )

    @field_validator("attributes")
    @classmethod
    def _weights_sum_to_one(cls, value: dict[str, float]) -> dict[str, float]:
        weights = value.values()
        if not (value and abs(sum(weights) - 1) <= 1e-9 and min(weights) >= 0):
            raise ValueError(f"weights must be at least 0 and sum to 1, got {value}")
        return dict(sorted(value.items()))

    @property
    def trains_on(self) -> tuple[str, ...]:
        """The attributes, each with an adversary."""
        return tuple(self.attributes)

    @property
    def auxiliary_lr(self) -> float:
        """The adversaries' learning rate."""
        return self.adversary_lr

    @property
    def two_classes(self) -> bool:
        """Whether labels may have two classes only: those of positives and negatives."""
        return self.samples != "all"

    def unused_keys(self) -> set[str]:
        """Return the keys that the other keys leave without effect."""
        return {"schedule"} if self.weight == 0 else set()

    def auxiliary(
        self, width: int, groups: Mapping[str, Sequence[str]], seed: int
    ) -> nn.ModuleList:
        """Return an adversary for each attribute, in the order of `trains_on`."""
        from torch import nn

        from variants.adversary import make_adversary

        return nn.ModuleList(
            make_adversary(width, self.hidden, len(groups[attribute]), seed)
            for attribute in self.trains_on
        )

    def for_attribute(self, attribute: str) -> Adversarial:
        """Return the same keys for one attribute; an objective over several keeps its own."""
        if len(self.attributes) > 1:
            return self
        return self.model_copy(update={"attributes": {attribute: 1.0}})

    def terms(self, batch: MainBatch, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the contrastive loss and each adversary's cross-entropy, in nats."""
        from torch import nn

        from variants.adversary import recognise
        from variants.contrastive import contrastive_loss

        assert isinstance(batch.auxiliary, nn.ModuleList)
        strength = self.weight * self._share_of_weight(batch.progress)
        terms = {"clip": Term(contrastive_loss(batch))}
        for adversary, (attribute, share) in zip(
            batch.auxiliary, self.attributes.items(), strict=True
        ):
            entropy, confusion = recognise(adversary, batch.image, self._target(batch, attribute))
            weight = 0.0 - strength * share  # a strength of 0 gives 0, not −0
            terms[f"adversary/{attribute}"] = Term(entropy, weight, confusion=confusion)
        return terms

    def _share_of_weight(self, progress: float) -> float:
        return math.tanh(5 * progress) if self.schedule == "ramp" else 1.0

    def _target(self, batch: MainBatch, attribute: str) -> Tensor:
        """Return the groups of the samples that the adversary sees, −1 for all others."""
        from variants.adversary import NOT_COUNTED

        codes, label = batch.codes[attribute], batch.label
        if self.samples == "all":
            return codes
        return codes.where(label == (1 if self.samples == "positives" else 0), NOT_COUNTED)


VARIANT = Adversarial(own_selection="val-auc")
