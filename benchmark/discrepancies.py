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
    """One key on which two sides, or the sources that it documents, differ.

    Attributes:
        key: The key, or `selection rule`, which is no key of a run.
        left, right: The values of the two sides.
        sources: Who → what that source does, as the key documents it.
    """

    key: str
    left: str
    right: str
    sources: Mapping[str, str]

    @property
    def agreed(self) -> bool:
        """Whether both sides have one value, and only the sources differ."""
        return self.left == self.right


def between_variants(left: str, right: str) -> list[Discrepancy]:
    """Return the keys, and the own selection rule, on which two variants differ.

    Those on which the variants agree while paper, official code and reproduction do not come
    last, see `Discrepancy.agreed`.

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
    return sorted(found, key=lambda discrepancy: discrepancy.agreed)


def between_protocols(left: str, right: str) -> list[Discrepancy]:
    """Return the keys on which two protocol presets differ, then those where sources do."""
    a, b = protocol_preset(left), protocol_preset(right)
    found = _differences(a, a.keys(trains=True), b.keys(trains=True))
    return sorted(found, key=lambda discrepancy: discrepancy.agreed)


def _differences(
    model: BaseModel, left: Mapping[str, Any], right: Mapping[str, Any]
) -> list[Discrepancy]:
    sources = {name: key_sources(type(model), name) for name in left}
    return [
        Discrepancy(name, str(left[name]), str(right[name]), sources[name])
        for name in left
        if left[name] != right[name] or sources_differ(sources[name])
    ]


def key_sources(model: type[BaseModel], name: str) -> Mapping[str, str]:
    """Return who → what, for one key of an objective or protocol."""
    extra = model.model_fields[name].json_schema_extra
    sources = extra.get("sources") if isinstance(extra, dict) else None
    return {str(k): str(v) for k, v in sources.items()} if isinstance(sources, dict) else {}


def stated_values(source: str) -> tuple[str, ...]:
    """Return the values that a source of a key names, none where it does not say.

    A source reads `VALUE: where`, `VALUE or VALUE: where` or `not stated: why`.
    """
    head = source.partition(":")[0].partition(";")[0].strip()
    return () if head.startswith("not stated") else tuple(head.split(" or "))


def sources_differ(sources: Mapping[str, str]) -> bool:
    """Return whether two sources name different values, silent ones aside."""
    return len({values for text in sources.values() if (values := stated_values(text))}) > 1
