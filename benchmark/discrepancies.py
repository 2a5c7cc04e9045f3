"""What differs between two variants or two protocols, key by key, with the sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from benchmark.errors import FairbenchError
from benchmark.protocol import protocol_preset
from benchmark.registry import find_variant
from benchmark.selection import SELECTIONS


@dataclass(frozen=True)
class Discrepancy:
    """One key on which two sides differ.

    Attributes:
        key: The key, or `selection rule`, which is no key of a run.
        left, right: The values of the two sides.
        sources: Who → what that source does, as the key documents it.
    """

    key: str
    left: str
    right: str
    sources: Mapping[str, str]


def between_variants(left: str, right: str) -> list[Discrepancy]:
    """Return the keys, and the own selection rule, on which two variants differ.

    Raises:
        FairbenchError: unknown names, or variants of different equations, which no list of
            keys leads from one to the other.
    """
    a, b = find_variant(left).objective, find_variant(right).objective
    if type(a) is not type(b):
        raise FairbenchError(
            f"'{left}' ({a.kind}) and '{right}' ({b.kind}) are different equations; "
            "only variants of one equation differ by keys"
        )
    found = _differences(a, a.keys(), b.keys())
    if a.own_selection != b.own_selection:
        rules = (a.own_selection, b.own_selection)
        sources = {rule: SELECTIONS[rule].source for rule in rules if rule in SELECTIONS}
        found.append(Discrepancy("selection rule", *rules, sources))
    return found


def between_protocols(left: str, right: str) -> list[Discrepancy]:
    """Return the keys on which two protocol presets differ."""
    a, b = protocol_preset(left), protocol_preset(right)
    return _differences(a, a.keys(trains=True), b.keys(trains=True))


def _differences(
    model: BaseModel, left: Mapping[str, Any], right: Mapping[str, Any]
) -> list[Discrepancy]:
    return [
        Discrepancy(name, str(left[name]), str(right[name]), key_sources(type(model), name))
        for name in left
        if left[name] != right[name]
    ]


def key_sources(model: type[BaseModel], name: str) -> Mapping[str, str]:
    """Return who → what, for one key of an objective or protocol."""
    extra = model.model_fields[name].json_schema_extra
    sources = extra.get("sources") if isinstance(extra, dict) else None
    return {str(k): str(v) for k, v in sources.items()} if isinstance(sources, dict) else {}
