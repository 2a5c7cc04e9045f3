"""What one run is: a typed, validated, hashable configuration, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.errors import FairbenchError, unknown_name
from benchmark.model_names import TINY
from benchmark.protocol import EVALUATION_KEYS, Protocol, protocol_preset
from benchmark.registry import Variant
from variants.objective import Objective

NUMERICS = 1
"""Raised when a change of the code moves the numbers of runs; part of every run's identity."""

DATASETS: Mapping[str, str] = {
    "synthetic": "SLO-like fundus images and notes, generated; needs no download",
    "fairvlmed": "Harvard-FairVLMed (Luo et al., CVPR 2024); needs --data-dir",
}

_Model = TypeVar("_Model", bound=BaseModel)


class DatasetConfig(BaseModel):
    """Which data.

    Attributes:
        name: `synthetic` or `fairvlmed`.
        data_dir: The folder; None for the default synthetic dataset, generated once.
        notes: `gpt-4`, `original`, the prefix of another `*_summarized_notes.csv`, or a file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "synthetic"
    data_dir: Path | None = None
    notes: str = "gpt-4"


class ModelConfig(BaseModel):
    """Which model: names are open_clip's, and `tiny` ships with the package."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    name: str = TINY
    pretrained: str | None = None


class RunConfig(BaseModel):
    """All that decides the numbers of one run.

    Attributes:
        variant: The variant's name.
        label: The name with the keys that were changed, as tables show it.
        objective: The objective with its keys.
        source_hash: SHA-256 of the file of a variant from outside, else empty.
        preset: The name of the protocol that `protocol` started from.
        protocol: The protocol's keys.
        dataset, model: Which data and which initial weights.
        seed: None for a variant that does not train.
        threads: CPU threads; results depend on it.
        device: `cpu` or `cuda`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: str
    label: str
    objective: Objective
    source_hash: str = ""
    preset: str
    protocol: Protocol
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    seed: int | None = None
    threads: int = 1
    device: Literal["cpu", "cuda"] = "cpu"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the run trains on; empty for one that ignores groups."""
        return tuple(self.objective.group_weights)

    @property
    def protocol_label(self) -> str:
        """The preset with the keys that were changed, as tables show it."""
        trains = self.objective.trains
        preset = protocol_preset(self.preset).keys(trains)
        return _with_changes(self.preset, preset, self.protocol.keys(trains))

    def identity(self, fingerprint: str, weights_hash: str) -> dict[str, Any]:
        """Return what the run id is made of.

        Selection rule, paths, labels and suites are not in it. Keys at their default are left
        out, so that a later key with a default keeps old ids.

        Args:
            fingerprint: Of the dataset, notes included.
            weights_hash: Of architecture and initial weights.
        """
        identity: dict[str, Any] = {
            "numerics": NUMERICS,
            "objective": self.objective.identity(),
            "protocol": self.protocol.identity(self.objective.trains),
            "threads": self.threads,
            "device": self.device,
            "dataset": fingerprint,
            "weights": weights_hash,
        }
        if self.seed is not None:
            identity["seed"] = self.seed
        if self.source_hash:
            identity["source"] = self.source_hash
        return identity


def run_id(identity: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of the identity as canonical JSON."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def resolve(
    variant: Variant,
    *,
    attribute: str | None = None,
    preset: str | None = None,
    changes: Mapping[str, Any] | None = None,
    dataset: DatasetConfig | None = None,
    model: ModelConfig | None = None,
    seed: int | None = 0,
    threads: int = 1,
    device: Literal["cpu", "cuda"] = "cpu",
) -> RunConfig:
    """Return the run of one variant, with `changes` laid over its keys and the protocol's.

    A key of `changes` that neither the variant nor the protocol has is left out here;
    `unused_keys` finds those that no variant of a command uses.

    Args:
        variant: From `benchmark.registry`.
        attribute: Trained on this one; None keeps the variant's own.
        preset: Protocol; None is `tiny` for the tiny model and `reproduction` otherwise.
        changes: Flat key → value.
        dataset: Which data; None is the synthetic default.
        model: Which weights; None is the tiny model.
        seed: Dropped where the variant does not train.
        threads: CPU threads.
        device: `cpu` or `cuda`.

    Raises:
        FairbenchError: a value that its key does not take.
    """
    model = model or ModelConfig()
    if preset is None:
        preset = "tiny" if model.name == TINY else "reproduction"
    base = variant.objective
    if attribute is not None:
        base = base.for_attribute(attribute)
    own, shared = _split(variant, changes or {})
    objective = with_keys(base, own, f"variant '{variant.name}'")
    changed = {name for name in own if own[name] != base.keys()[name]}
    if ignored := sorted(changed & objective.unused_keys()):
        raise FairbenchError(
            f"variant '{variant.name}': key '{ignored[0]}' has no effect together with its "
            "other keys; leave it out, or change them too"
        )
    protocol = with_keys(protocol_preset(preset), shared, f"protocol '{preset}'")
    return RunConfig(
        variant=variant.name,
        label=_with_changes(variant.name, base.keys(), objective.keys()),
        objective=objective,
        source_hash=variant.source_hash,
        preset=preset,
        protocol=protocol,
        dataset=dataset or DatasetConfig(),
        model=model,
        seed=seed if objective.trains else None,
        threads=threads,
        device=device,
    )


def with_keys(model: _Model, changes: Mapping[str, Any], origin: str) -> _Model:
    """Return `model` with keys replaced and validated again; `origin` names it in errors."""
    if not changes:
        return model
    for name, value in changes.items():
        # pydantic would read true as 1.
        if isinstance(value, bool) and type(getattr(model, name)) in (int, float):
            raise FairbenchError(f"{origin}: key '{name}' is {value}; expected a number")
    try:
        return type(model).model_validate({**model.model_dump(), **changes})
    except ValidationError as error:
        raise FairbenchError(f"{origin}: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """Return one problem of a failed validation: field, requirement, value received.

    An unknown field comes first: where a name is mistyped, the right one is also missing.
    """
    problems = error.errors()
    unknown = (p for p in problems if p["type"] == "extra_forbidden")
    problem = next(unknown, problems[0])
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"unknown field '{field}'"
    if problem["type"] == "missing":
        return f"field '{field}' is missing"
    if problem["type"] == "value_error":
        return f"key '{field}' {message}"
    return f"key '{field}' is {problem['input']!r}: {message}"


def unused_keys(changes: Iterable[str], variants: Iterable[Variant]) -> list[str]:
    """Return the keys that no given variant uses, alone or through its protocol."""
    used: set[str] = set()
    for variant in variants:
        own, shared = _split(variant, dict.fromkeys(changes))
        used |= {*own, *shared}
    return [name for name in changes if name not in used]


def check_keys(changes: Iterable[str], variants: Iterable[Variant]) -> None:
    """Raise an error for the first key that nothing uses, with the keys that are used."""
    variants = list(variants)
    unused = unused_keys(changes, variants)
    if unused:
        known = [
            *Protocol.model_fields,
            *(name for v in variants for name in [*v.objective.keys()]),
        ]
        names = ", ".join(variant.name for variant in variants)
        used = set(known) - set(unused_keys(known, variants))
        raise FairbenchError(f"{unknown_name('key', unused[0], used)} (used by: {names})")


def _split(variant: Variant, changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes that are keys of the objective, and those of the protocol."""
    objective_keys = set(variant.objective.keys())
    protocol_keys = set(Protocol.model_fields) if variant.objective.trains else set(EVALUATION_KEYS)
    own = {name: value for name, value in changes.items() if name in objective_keys}
    shared = {name: value for name, value in changes.items() if name in protocol_keys - set(own)}
    return own, shared


def _with_changes(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return `name[key=value, …]` with the keys of `after` that differ from `before`."""
    changed = [
        f"{key}={repr(value).removesuffix('.0') if isinstance(value, float) else value}"
        for key, value in after.items()
        if value != before[key]
    ]
    return f"{name}[{', '.join(changed)}]" if changed else name
