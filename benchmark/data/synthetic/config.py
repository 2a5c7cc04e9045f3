"""The knobs of the synthetic dataset: sizes, disease signal, and the biases it plants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.data.synthetic.demographics import ATTRIBUTES, SHARES
from benchmark.errors import FairbenchError, unknown_name

_Config = TypeVar("_Config", bound=BaseModel)

VERSION = 1
"""Raised when a code change moves any byte that the generator writes."""

SIZES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "default": {"train": 1200, "val": 300, "test": 1200, "height": 332, "width": 256},
        "paper": {"train": 7000, "val": 1000, "test": 2000, "height": 664, "width": 512},
        "tiny": {"train": 96, "val": 40, "test": 60, "height": 83, "width": 64},
    }
)
"""Named sizes. `paper` has the sample counts and image shape of Harvard-FairVLMed."""


class Knobs(BaseModel):
    """What every config of generated data is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class GroupBias(Knobs):
    """What differs for one group, such as `race/black`. A sample's groups multiply."""

    contrast: float = Field(default=1.0, ge=0, le=3)
    """Factor on the brightness step from rim to cup, which carries the disease; 0 hides it."""

    noise: float = Field(default=1.0, ge=0, le=10)
    """Factor on the standard deviation of the image noise."""

    note_quality: float = Field(default=1.0, ge=0, le=2)
    """Factor on `SyntheticConfig.note_quality`; the product is cut at 1."""

    prevalence: float | None = Field(default=None, ge=0, le=1)
    """Fraction of the group with glaucoma; None takes `SyntheticConfig.prevalence`."""

    share: float | None = Field(default=None, ge=0, le=1)
    """Fraction of all samples in the group; None takes the paper's marginal (section 3.3)."""


DEFAULT_GROUPS: Mapping[str, GroupBias] = MappingProxyType(
    {"race/black": GroupBias(contrast=0.2, noise=1.6, note_quality=0.6)}
)
"""The planted gap: black patients get fainter cups, noisier images and poorer notes."""


class SyntheticConfig(Knobs):
    """Everything that determines the bytes of a synthetic dataset, apart from `VERSION`."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of every random draw."""

    train: int = Field(default=1200, ge=1, le=90_000)
    """Samples in the training split."""

    val: int = Field(default=300, ge=1, le=90_000)
    """Samples in the validation split."""

    test: int = Field(default=1200, ge=1, le=90_000)
    """Samples in the test split."""

    height: int = Field(default=332, ge=64, le=4096)
    """Image height in pixels."""

    width: int = Field(default=256, ge=64, le=4096)
    """Image width in pixels."""

    prevalence: float = Field(default=0.5, ge=0, le=1)
    """Fraction of samples with glaucoma, held within each race and split."""

    cup_healthy: float = Field(default=0.42, ge=0.1, le=0.9)
    """Mean vertical cup-to-disc ratio without glaucoma."""

    cup_glaucoma: float = Field(default=0.62, ge=0.1, le=0.9)
    """Mean vertical cup-to-disc ratio with glaucoma."""

    cup_spread: float = Field(default=0.11, ge=0, le=0.5)
    """Standard deviation of the cup-to-disc ratio within a class. With the two means it bounds
    the AUC that any image model can reach: Φ((0.62 - 0.42) / (√2 · 0.11)) = 0.90."""

    contrast: float = Field(default=60.0, ge=0, le=150)
    """Brightness step from rim to cup, in grey levels."""

    noise: float = Field(default=10.0, ge=0, le=60)
    """Standard deviation of the image noise, in grey levels; half of the variance is speckle of
    single pixels, half has a grain of 1/64 of the width and survives a resize to 64 pixels."""

    note_quality: float = Field(default=0.6, ge=0, le=1)
    """Probability that a summary states the right finding plainly. The others are hedged,
    silent about the finding, or wrong."""

    groups: Mapping[str, GroupBias] = Field(default_factory=lambda: dict(DEFAULT_GROUPS))
    """Bias by group, keyed `attribute/group`. A group that is not named has none."""

    @model_validator(mode="after")
    def _groups_exist_and_quotas_are_possible(self) -> Self:
        for key in self.groups:
            attribute, _, group = key.partition("/")
            if attribute not in ATTRIBUTES:
                raise ValueError(str(unknown_name("attribute", attribute, ATTRIBUTES)))
            if group not in ATTRIBUTES[attribute]:
                raise ValueError(str(unknown_name(f"{attribute} group", group, SHARES[attribute])))
        if len(stratifying := self._attributes_with("prevalence")) > 1:
            raise ValueError(
                f"prevalence is set for groups of {' and '.join(stratifying)}: quotas can be "
                "exact for the groups of one attribute only"
            )
        for attribute in self._attributes_with("share"):
            self.shares(attribute)
        return self

    def _attributes_with(self, knob: str) -> list[str]:
        """Return the attributes with a group whose bias sets `knob`, sorted."""
        setting = (key for key, bias in self.groups.items() if getattr(bias, knob) is not None)
        return sorted({key.partition("/")[0] for key in setting})

    def bias(self, attribute: str, group: str) -> GroupBias:
        """Return the bias of one group."""
        return self.groups.get(f"{attribute}/{group}", _NO_BIAS)

    def shares(self, attribute: str) -> dict[str, float]:
        """Return group → fraction of all samples; groups with no knob share what is left."""
        usual = SHARES[attribute]
        fixed = {g: s for g in usual if (s := self.bias(attribute, g).share) is not None}
        rest = 1.0 - sum(fixed.values())
        usual_rest = sum(share for g, share in usual.items() if g not in fixed)
        if rest < -1e-9 or (rest > 1e-9 and usual_rest == 0):
            raise ValueError(f"the shares of {attribute} add up to {sum(fixed.values()):g}, not 1")
        return {g: fixed.get(g, max(rest, 0.0) * usual[g] / (usual_rest or 1.0)) for g in usual}

    @property
    def stratify_by(self) -> str:
        """The attribute whose groups have exact prevalence quotas."""
        return next(iter(self._attributes_with("prevalence")), "race")

    @property
    def digest(self) -> str:
        """Eight hex digits that change with any knob and with `VERSION`."""
        text = json.dumps([VERSION, self.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


_NO_BIAS = GroupBias()


def make_config(
    size: str = "default", seed: int = 0, knobs: Mapping[str, str | float] | None = None
) -> SyntheticConfig:
    """Return the config for a named size with some knobs changed.

    Args:
        size: A key of `SIZES`.
        seed: Seed of every random draw.
        knobs: Knob name → value. A group's knob is written `race/black.contrast`.

    Raises:
        FairbenchError: the size or a knob is unknown, or a value is out of range.
    """
    if size not in SIZES:
        raise unknown_name("size", size, SIZES)
    return with_knobs(SyntheticConfig(**SIZES[size], seed=seed), knobs or {})


def with_knobs(config: _Config, knobs: Mapping[str, str | float]) -> _Config:
    """Return a config with knobs changed; `groups` holds the knobs of single groups.

    Raises:
        FairbenchError: a knob is unknown, or a value is out of range.
    """
    values: dict[str, Any] = config.model_dump()
    groups: dict[str, dict[str, Any]] = values.pop("groups")
    annotation = type(config).model_fields["groups"].annotation
    bias = get_args(annotation)[1]
    for name, value in knobs.items():
        group, dot, knob = name.rpartition(".")
        known = bias.model_fields if dot else values
        if knob not in known:
            raise unknown_name("knob", knob, known)
        if dot:
            groups.setdefault(group, {})[knob] = value
        else:
            values[knob] = value
    try:
        return type(config).model_validate({**values, "groups": groups})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "groups")
        knob = f"{where} is {first['input']!r}: " if where else ""
        message = first["msg"].removeprefix("Value error, ")
        raise FairbenchError(f"synthetic data: {knob}{message}") from None
