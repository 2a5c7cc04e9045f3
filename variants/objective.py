"""What an objective is: keys as data, and named terms of one batch.

An objective owns its equation and nothing else, but for the rare auxiliary network that the
equation needs, such as an adversary. It gets the features of the main batch and of the groups,
and returns terms; devices, precision, optimiser, logging and evaluation belong to the trainer.
Nothing here imports torch, so that names and keys can be listed at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Features:
    """Encoded image–note pairs.

    Attributes:
        image: (N, d), every row of L2 norm 1; (N, Q, d) of a model with Q features an image
            (BLIP2), for which `variants.scores` has the products.
        text: (N, d), every row of L2 norm 1; row i belongs to image i.
        logit_scale: Scalar s = exp(CLIP's parameter); 100 in the released CLIP weights.
        rows: Of a group that is its part of the main batch: (N,), which rows of it; else None.
    """

    image: Tensor
    text: Tensor
    logit_scale: Tensor
    rows: Tensor | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class MainBatch(Features):
    """The main batch: its features, and what else a term may read of it.

    Labels and codes are on the CPU, so that counting them costs no wait for the device.

    Attributes:
        label: (N,) int64, the class of each pair.
        codes: Attribute → (N,) int64, the group of each pair and −1 where it is unknown; of the
            attributes in `Objective.trains_on`.
        progress: Share of the training's steps that lie behind, in [0, 1).
        auxiliary: The network that `Objective.auxiliary` made; None where it makes none.
    """

    label: Tensor
    codes: Mapping[str, Tensor]
    progress: float
    auxiliary: nn.Module | None = None


@dataclass(frozen=True)
class Term:
    """One summand of the loss: the loss is Σ weight · value.

    The value is unweighted, so that a distance is known even where its weight is 0. All else is
    only recorded.

    Attributes:
        value: A scalar.
        weight: Negative where the model shall raise the value.
        parts: Named scalars that the value is made of, such as the distance of each group.
        confusion: (G, G), of a term that classifies the batch: how many pairs of the group of a
            row were taken for the group of a column.
    """

    value: Tensor
    weight: float = 1.0
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    confusion: Tensor | None = None


def key(default: Any, description: str, **sources: str) -> Any:
    """Declare a key of an objective or protocol.

    Args:
        default: The value that is left out of a run's identity.
        description: What the key does, with its unit.
        **sources: Where a value comes from: `paper=…`, `official=…`, `reproduction=…`.
    """
    return Field(default, description=description, json_schema_extra={"sources": dict(sources)})


class Objective(BaseModel):
    """The keys of a method, and the terms that they make of a batch.

    Subclass it with a field for every key, made by `key`. The class attribute `kind` names
    the equation in a run's identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    trains: ClassVar[bool] = True
    """False where the weights are evaluated as they are: one run, no seed."""

    frozen: ClassVar[bool] = False
    """True where the towers stay as they are and a head on their features trains instead."""

    own_selection: str = Field(
        "val-auc",
        description="the selection rule of the method's source; read by compare, never by a run",
    )

    def keys(self) -> dict[str, Any]:
        """Return every key with its value; the selection rule is not a key of a run."""
        return self.model_dump(mode="json", exclude={"own_selection"})

    def identity(self) -> dict[str, Any]:
        """Return the equation's name and the keys with an effect that differ from their default."""
        left_out = {"own_selection", *self.unused_keys()}
        keys = self.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
        return {"kind": self.kind, **keys}

    @property
    def backbone_variant(self) -> str | None:
        """The variant whose trained towers are used, frozen; None: the initial weights."""
        return None

    @property
    def fine_tuned(self) -> bool:
        """Whether the towers were trained, so that every key of the protocol moves the scores.

        Otherwise only the keys of evaluation do.
        """
        return self.trains and (not self.frozen or self.backbone_variant is not None)

    @property
    def seeded(self) -> bool:
        """Whether a seed moves the scores."""
        return self.trains

    @property
    def two_classes(self) -> bool:
        """Whether the equation is for labels of two classes only."""
        return False

    @property
    def own_epochs(self) -> int | None:
        """Epochs of a head of its own; None: those of the protocol."""
        return None

    @property
    def group_weights(self) -> Mapping[str, float]:
        """Attribute → weight of the attributes whose group batches the terms need."""
        return {}

    @property
    def trains_on(self) -> tuple[str, ...]:
        """The attributes that the terms read, from group batches or from `MainBatch.codes`."""
        return tuple(self.group_weights)

    @property
    def group_batch_size(self) -> int:
        """Samples of each group a step; read only where `group_weights` is not empty."""
        return 0

    @property
    def groups_within_batch(self) -> bool:
        """Whether a group's features are its rows of the main batch.

        Otherwise each group has a batch of its own.
        """
        return False

    @property
    def groups_with_gradient(self) -> bool:
        """Whether the terms are differentiated through the groups' features too."""
        return self.groups_within_batch

    @property
    def mismatches_captions(self) -> bool:
        """Whether the k-th image of a group's loader is shown with the k-th training note."""
        return False

    @property
    def groups_move_batch_norm(self) -> bool:
        """Whether passes of group batches move running statistics of batch norm.

        Then a term of weight 0 changes the trained model.
        """
        return False

    @property
    def permutes_groups(self) -> bool:
        """Whether the groups of the training set are a random permutation: a placebo."""
        return False

    @property
    def auxiliary_lr(self) -> float | None:
        """Learning rate of the auxiliary network; None: the objective has none."""
        return None

    def auxiliary(self, width: int, groups: Mapping[str, Sequence[str]], seed: int) -> nn.Module:
        """Return a network of the objective's own, initialised from a seed, on the CPU.

        It is asked for once a run, if `auxiliary_lr` is a number. It is trained beside the model:
        it descends on the terms' *unweighted* values whatever the model does with them, by the
        protocol's optimiser at a learning rate of its own. It is no part of the trained model.

        Args:
            width: d, the number of features.
            groups: Attribute → its groups, in the order of `MainBatch.codes`.
            seed: Of the network's initial weights.
        """
        raise NotImplementedError

    def unused_keys(self) -> set[str]:
        """Return the keys that the values of other keys leave without effect."""
        return set()

    def for_attribute(self, attribute: str) -> Objective:
        """Return the objective trained on `attribute`; itself where it knows no groups."""
        return self

    def terms(self, batch: MainBatch, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the named terms of the loss.

        Args:
            batch: The main batch, its features with gradient. An objective that reads nothing
                but features can take any `Features`.
            groups: `attribute/group` → features of that group, without gradient unless
                `groups_with_gradient`. A group without a sample is absent.
        """
        raise NotImplementedError
