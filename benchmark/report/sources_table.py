"""Where the runs' keys depart from what paper, official code and reproduction do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from benchmark.arms import Arm
from benchmark.discrepancies import key_sources, stated_values
from benchmark.errors import FairbenchError
from benchmark.protocol import Protocol
from benchmark.registry import find_variant
from benchmark.report.blocks import together
from benchmark.report.model import Cell, Column, Table
from benchmark.yaml_io import parse_yaml

SOURCES = ("paper", "official", "reproduction")


def sources_table(arms: Collection[Arm]) -> Iterator[Table]:
    """Yield the table; nothing where no key departs from what a source states.

    A key is listed once for each value that the runs have, with the variants or protocols that
    have it. A source that states no value of the key, or says it in words, is not departed from.
    """
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for arm in arms:
        for whose, name, value, sources in _keys(arm):
            differs = [who for who in SOURCES if _departs(value, sources.get(who, ""))]
            if differs:
                texts = (", ".join(differs), *(sources.get(who, "") for who in SOURCES))
                names = found.setdefault((name, _text(value), texts), [])
                names += [whose] if whose not in names else []
    if found:
        everyone = {arm.label for arm in arms}
        yield Table(
            "differences-from-sources",
            "Keys whose value here is none of those that a source states.",
            (
                Column("key", "key"),
                Column("here", "here"),
                Column("of", "of"),
                Column("differs", "differs from", filtered=True),
                *(Column(who, who) for who in SOURCES),
            ),
            tuple(
                tuple(map(Cell, (name, value, together(names, everyone, "; "), *texts)))
                for (name, value, texts), names in sorted(found.items(), key=lambda item: item[0])
            ),
        )


def _keys(arm: Arm) -> Iterator[tuple[str, str, Any, Mapping[str, str]]]:
    """Yield whose key, its name, its value in the runs, and its sources."""
    config = arm.runs[0].config
    parts: list[tuple[str, type[BaseModel], Mapping[str, Any]]] = [
        (f"protocol {arm.protocol}", Protocol, config["protocol"])
    ]
    with suppress(FairbenchError):  # a variant of a package that is not installed here
        parts.append((arm.label, type(find_variant(arm.variant).objective), config["objective"]))
    for whose, model, values in parts:
        for name in values.keys() & model.model_fields.keys():
            yield whose, name, values[name], key_sources(model, name)


def _departs(value: Any, source: str) -> bool:
    stated = [_parsed(text) for text in stated_values(source)] if source else []
    comparable = [
        other for other in stated if _kind(other) == _kind(value) or None in (value, other)
    ]
    return bool(comparable) and value not in comparable and not isinstance(value, dict)


def _kind(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


def _parsed(text: str) -> Any:
    try:
        return parse_yaml(text, "source")
    except FairbenchError:
        return text


def _text(value: Any) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )
