"""What an objective is: keys as data, and named terms of one batch.

An objective owns its equation and nothing else. It gets the features of the main batch and
of the groups, and returns terms; devices, precision, optimiser, logging and evaluation
belong to the trainer. Nothing here imports torch, so that names and keys can be listed at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Features:
    """Encoded image–note pairs.

    Attributes:
        image: (N, d), every row of L2 norm 1.
        text: (N, d), every row of L2 norm 1; row i belongs to image i.
        logit_scale: Scalar s = exp(CLIP's parameter); 100 in the released CLIP weights.
    """

    image: Tensor
    text: Tensor
    logit_scale: Tensor


@dataclass(frozen=True)
class Term:
    """One summand of the loss: the loss is Σ weight · value.

    The value is unweighted, so that a distance is known even where its weight is 0. `parts` are
    named scalars that it is made of, such as the distance of each group; they are only recorded.
    """

    value: Tensor
    weight: float = 1.0
    parts: Mapping[str, Tensor] = field(default_factory=dict)


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
    def group_weights(self) -> Mapping[str, float]:
        """Attribute → weight of the attributes whose group batches the terms need."""
        return {}

    @property
    def group_batch_size(self) -> int:
        """Samples of each group a step; read only where `group_weights` is not empty."""
        return 0

    @property
    def groups_within_batch(self) -> bool:
        """Whether a group's features are its rows of the main batch, with gradient.

        Otherwise each group has a batch of its own, encoded without gradient.
        """
        return False

    @property
    def permutes_groups(self) -> bool:
        """Whether the groups of the training set are a random permutation: a placebo."""
        return False

    def unused_keys(self) -> set[str]:
        """Return the keys that the values of other keys leave without effect."""
        return set()

    def for_attribute(self, attribute: str) -> Objective:
        """Return the objective trained on `attribute`; itself where it knows no groups."""
        return self

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        """Return the named terms of the loss.

        Args:
            batch: Features of the main batch, with gradient.
            groups: `attribute/group` → features of that group, without gradient unless
                `groups_within_batch`. A group without a sample is absent.
        """
        raise NotImplementedError
