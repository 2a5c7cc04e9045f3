"""Both ends of an ablation, and the keys that lead from one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from benchmark.config import RunConfig
from benchmark.discrepancies import between_variants, key_sources
from benchmark.errors import FairbenchError, unknown_name
from benchmark.plan import Request, plan
from benchmark.protocol import keys_in_use
from benchmark.registry import find_variant
from benchmark.selection import SELECTIONS

SELECTION = "selection"
"""The key that costs no training: the rule by which an epoch is selected."""

Scope = Literal["objective", "protocol", "selection"]


@dataclass(frozen=True)
class EndSpec:
    """What a user says of one end.

    Attributes:
        variant: Name or path.
        protocol: Preset; None is the default of the model.
        changes: Flat key → value, for this end alone; `selection` replaces the own rule.
    """

    variant: str
    protocol: str | None = None
    changes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class End:
    """One end, resolved.

    Attributes:
        request: What its runs are planned from: the variant, then the baseline.
        config: The variant's run with the first seed.
        rule: The selection rule.
    """

    request: Request
    config: RunConfig
    rule: str

    @property
    def name(self) -> str:
        """Variant, protocol and rule as one phrase."""
        return f"{self.config.label} ({self.config.protocol_label}, {self.rule})"


@dataclass(frozen=True)
class Part:
    """One key as both ends have it.

    Attributes:
        name: The key, or `selection`.
        scope: Whose key it is: a key of the protocol and the selection change the baseline too.
        left, right: Its value at `from` and at `to`.
        sources: Who → what that source does.
    """

    name: str
    scope: Scope
    left: Any
    right: Any
    sources: Mapping[str, str]


@dataclass(frozen=True)
class AblationKey:
    """What is changed as a whole: one key, or several merged."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """The keys' names, joined by a plus."""
        return "+".join(part.name for part in self.parts)

    @property
    def change(self) -> str:
        """The values of both ends, as `left → right`."""
        return ", ".join(f"{part.left} → {part.right}" for part in self.parts)

    @property
    def trains(self) -> bool:
        """Whether a change of it takes other runs."""
        return any(part.scope != "selection" for part in self.parts)

    @property
    def moves_baseline(self) -> bool:
        """Whether a change of it reruns or reselects the baseline."""
        return any(part.scope != "objective" for part in self.parts)


def resolve_end(spec: EndSpec, request: Request, baseline: str) -> End:
    """Return one end of an ablation.

    Args:
        spec: What is said of this end.
        request: What both ends share; its variants and its protocol are not looked at.
        baseline: The variant whose runs gains are measured against.

    Raises:
        FairbenchError: unknown names, values that a key does not take, or keys without effect.
    """
    variant = find_variant(spec.variant)
    if variant.name == find_variant(baseline).name:
        raise FairbenchError(f"'{variant.name}' is the baseline; name another with --baseline")
    changes = {**request.changes, **(spec.changes or {})}
    rule = str(changes.pop(SELECTION, variant.objective.own_selection))
    if rule not in SELECTIONS:
        raise unknown_name("selection rule", rule, SELECTIONS)
    asked = replace(
        request, variants=(spec.variant, baseline), protocol=spec.protocol, changes=changes
    )
    config = next(config for config in plan(asked) if config.variant == variant.name)
    return End(asked, config, rule)


def parts_between(left: End, right: End) -> list[Part]:
    """Return the keys on which two ends differ: objective, protocol, selection.

    Raises:
        FairbenchError: variants of different equations.
    """
    between_variants(left.request.variants[0], right.request.variants[0])  # refuses those
    a, b = left.config, right.config
    parts = _differing(a.objective, "objective", a.objective.keys(), b.objective.keys())
    used = keys_in_use(a.objective.fine_tuned, a.objective.frozen)
    used |= keys_in_use(b.objective.fine_tuned, b.objective.frozen)
    dumped = [config.protocol.model_dump(mode="json", include=used) for config in (a, b)]
    parts += _differing(a.protocol, "protocol", *dumped)
    if left.rule != right.rule:
        sources = {rule: SELECTIONS[rule].source for rule in (left.rule, right.rule)}
        parts.append(Part(SELECTION, "selection", left.rule, right.rule, sources))
    return parts


def _differing(
    model: BaseModel, scope: Scope, left: Mapping[str, Any], right: Mapping[str, Any]
) -> list[Part]:
    return [
        Part(name, scope, left[name], right[name], key_sources(type(model), name))
        for name in left
        if left[name] != right[name]
    ]


def choose_keys(parts: Sequence[Part], names: Sequence[str]) -> list[AblationKey]:
    """Return the keys of an ablation, in the order named, or all, one for each part.

    Args:
        parts: Where the ends differ.
        names: Of parts; `a+b` merges two that are changed together. Empty: all.

    Raises:
        FairbenchError: nothing differs, a name that is none of the parts, or one given twice.
    """
    if not parts:
        raise FairbenchError("both ends are the same; change one with --to-set KEY=VALUE")
    if not names:
        return [AblationKey((part,)) for part in parts]
    known = {part.name: part for part in parts}
    seen: set[str] = set()
    keys = []
    for name in names:
        merged = [single.strip() for single in name.split("+")]
        for single in merged:
            if single not in known:
                problem = unknown_name("key between the two ends", single, known)
                raise FairbenchError(f"{problem}; --to-set {single}=VALUE makes it one")
            if single in seen:
                raise FairbenchError(f"--keys: '{single}' is given twice")
            seen.add(single)
        keys.append(AblationKey(tuple(known[single] for single in merged)))
    return keys
