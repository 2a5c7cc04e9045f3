"""What one run is: a typed, validated, hashable configuration, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.data.config import DATASETS as DATASETS
from benchmark.data.config import DatasetConfig as DatasetConfig
from benchmark.errors import FairbenchError, unknown_name
from benchmark.model_names import TINY
from benchmark.protocol import Protocol, keys_in_use, protocol_preset
from benchmark.registry import Variant, find_variant
from variants.objective import Objective

NUMERICS = 1
"""Raised when a change of the code moves the numbers of runs; part of every run's identity."""

FAST_STEP = 1
"""Raised when `benchmark.fast_step` chooses otherwise; part of the identity of fast runs."""

CUDA_KERNELS = 1
"""Raised when a change moves numbers on a CUDA device alone; part of the identity of its runs."""

_Model = TypeVar("_Model", bound=BaseModel)
_Configurable = TypeVar("_Configurable", Objective, Protocol)


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
        seed: None for a variant whose scores no seed moves.
        threads: CPU threads; results depend on it.
        device: `cpu` or `cuda`.
        ignored: Keys of the command or suite that this run does not use; never in its identity.
        backbone: The run whose trained weights this one starts from; None: the initial weights.
        keep: Selection rules whose epochs' weights are kept; never in its identity.
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
    ignored: tuple[str, ...] = ()
    backbone: RunConfig | None = None
    keep: tuple[str, ...] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the run trains on; empty for one that ignores groups."""
        return self.objective.trains_on if self.backbone is None else self.backbone.attributes

    @property
    def epochs(self) -> int:
        """The number of the last epoch; 0 for weights that are evaluated as they are."""
        if not self.objective.trains:
            return 0
        own = self.objective.own_epochs
        return self.protocol.epochs if own is None else own

    @property
    def fast(self) -> bool:
        """Whether its steps take the faster kernels of `benchmark.fast_step`."""
        return self.objective.trains and not self.objective.frozen and self.protocol.fast

    @property
    def protocol_label(self) -> str:
        """The preset with the keys that were changed, as tables show it."""
        scope = (self.objective.fine_tuned, self.objective.frozen)
        preset = protocol_preset(self.preset).keys(*scope)
        return _with_changes(self.preset, preset, self.protocol.keys(*scope))

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
            "protocol": self.protocol.identity(self.objective.fine_tuned, self.objective.frozen),
            "threads": self.threads,
            "device": self.device,
            "dataset": fingerprint,
            "weights": weights_hash,
        }
        if self.device == "cuda":
            identity["cuda_kernels"] = CUDA_KERNELS
        if self.fast:
            identity["fast_step"] = FAST_STEP
        if self.seed is not None:
            identity["seed"] = self.seed
        if self.backbone is not None:
            identity["backbone"] = self.backbone.identity(fingerprint, weights_hash)
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
    may_ignore: Collection[str] = (),
    dataset: DatasetConfig | None = None,
    model: ModelConfig | None = None,
    seed: int | None = 0,
    threads: int = 1,
    device: Literal["cpu", "cuda"] = "cpu",
) -> RunConfig:
    """Return the run of one variant, with `changes` laid over its keys and the protocol's.

    A key of `changes` that the run does not use keeps its default and is named in `ignored`;
    `check_used` refuses those that no run of a command uses.

    Args:
        variant: From `benchmark.registry`.
        attribute: Trained on this one; None keeps the variant's own.
        preset: Protocol; None is `tiny` for the tiny model and `reproduction` otherwise.
        changes: Flat key → value.
        may_ignore: Keys given to several variants: one that has no effect together with this
            variant's other keys is ignored, and not an error.
        dataset: Which data; None is the synthetic default.
        model: Which weights; None is the tiny model.
        seed: Dropped where it moves no score.
        threads: CPU threads.
        device: `cpu` or `cuda`.

    Raises:
        FairbenchError: a value that its key does not take, or a key without effect.
    """
    model = model or ModelConfig()
    if preset is None:
        preset = "tiny" if model.name == TINY else "reproduction"
    base = variant.objective
    if attribute is not None:
        base = base.for_attribute(attribute)
    own, shared = _split(variant, changes or {})
    absent = (changes or {}).keys() - own.keys() - shared.keys()
    origin = f"variant '{variant.name}'"
    objective, idle = _with_used_keys(base, own, origin, may_ignore)
    origin = f"protocol '{preset}'"
    protocol, idle_shared = _with_used_keys(protocol_preset(preset), shared, origin, may_ignore)
    backbone = _backbone(
        objective,
        attribute=attribute,
        preset=preset,
        changes={name: value for name, value in (changes or {}).items() if name not in own},
        may_ignore=may_ignore,
        dataset=dataset,
        model=model,
        seed=seed,
        threads=threads,
        device=device,
    )
    shown = objective.keys()
    if backbone is not None:
        absent &= set(backbone.ignored)
        # By its name: a path would be part of the identity, and says nothing of other keys.
        objective = objective.model_copy(update={"backbone": backbone.variant})
        shown = {**objective.keys(), "backbone": backbone.label}
    return RunConfig(
        variant=variant.name,
        label=_with_changes(variant.name, base.keys(), shown),
        objective=objective,
        source_hash=variant.source_hash,
        preset=preset,
        protocol=protocol,
        dataset=dataset or DatasetConfig(),
        model=model,
        seed=seed if objective.seeded else None,
        threads=threads,
        device=device,
        ignored=tuple(sorted({*absent, *idle, *idle_shared})),
        backbone=backbone,
    )


def _backbone(objective: Objective, **run: Any) -> RunConfig | None:
    """Return the run whose weights an objective starts from, under the same conditions."""
    if objective.backbone_variant is None:
        return None
    variant = find_variant(objective.backbone_variant)
    if not variant.objective.trains or variant.objective.frozen:
        raise FairbenchError(
            f"key 'backbone' is '{variant.name}', which trains no tower; name a variant that "
            "does, or 'initial' for the weights of --pretrained"
        )
    keep = (objective.keys()["backbone_epoch"],)
    return resolve(variant, **run).model_copy(update={"keep": keep})


def _with_used_keys(
    model: _Configurable, changes: Mapping[str, Any], origin: str, may_ignore: Collection[str]
) -> tuple[_Configurable, set[str]]:
    """Return `model` with the keys that have an effect, and the names of the others.

    Raises:
        FairbenchError: a key without effect that is not in `may_ignore`.
    """
    changed = with_keys(model, changes, origin)
    before, after = model.model_dump(), changed.model_dump()
    idle = {name for name in changed.unused_keys() if before[name] != after[name]}
    if refused := sorted(idle.difference(may_ignore)):
        raise FairbenchError(
            f"{origin}: key '{refused[0]}' has no effect together with its other keys; leave it "
            "out, or change them too"
        )
    used = {name: value for name, value in changes.items() if name not in idle}
    return (with_keys(model, used, origin) if idle else changed), idle


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


def check_used(changes: Iterable[str], runs: Sequence[RunConfig]) -> None:
    """Raise an error for the first key that every one of the runs ignores."""
    for name in changes:
        if all(name in run.ignored for run in runs):
            variants = ", ".join(dict.fromkeys(run.variant for run in runs))
            raise FairbenchError(
                f"key '{name}' has no effect on any of {variants} together with their other keys; "
                "leave it out, or change them too"
            )


def ignored_lines(runs: Iterable[RunConfig]) -> list[str]:
    """Return one line for each key that only some runs of a command use."""
    ignoring: dict[str, dict[str, None]] = {}
    for run in runs:
        for name in run.ignored:
            ignoring.setdefault(name, {})[run.label] = None
    return [f"key '{name}' is not used by {', '.join(labels)}" for name, labels in ignoring.items()]


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
    own = {name: value for name, value in changes.items() if name in objective_keys}
    objective = variant.objective.model_copy(update=own)
    protocol_keys = keys_in_use(objective.fine_tuned, objective.frozen)
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
