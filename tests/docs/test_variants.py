"""The pages on variants and protocols name everything that can be chosen, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmark.protocol import PRESETS, Protocol
from benchmark.registry import Variant, known_variants

DOCS = Path(__file__).parents[2] / "docs"
VARIANTS = [variant for variant in known_variants().values() if variant.origin == "built-in"]

each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)


def text(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def unnamed(keys: Iterable[str], page: str) -> set[str]:
    """Return the keys that the page names neither alone nor with a value."""
    return {key for key in keys if f"`{key}`" not in page and f"`{key}=" not in page}


def sections(page: str) -> dict[str, str]:
    """Return heading → text of every section of the second level."""
    parts = re.split(r"^## (.+)$", text(page), flags=re.MULTILINE)[1:]
    names = [name.strip("`") for name in parts[::2]]
    return dict(zip(names, parts[1::2], strict=True))


class TestVariants:
    @each_variant
    def test_have_a_section_with_source_departures_and_cost(self, variant: Variant) -> None:
        section = sections("variants")[variant.name].lower()
        if "as `mmd-gaussian`" in section:
            section += sections("variants")["mmd-gaussian"].lower()
        assert {word for word in ("departures", "cost") if word not in section} == set()
        assert "et al." in section or ".py" in section

    @each_variant
    def test_stand_in_the_first_table_with_their_own_selection_rule(self, variant: Variant) -> None:
        head = text("variants").partition("\n## ")[0]
        rows = [row for row in head.splitlines() if row.startswith("|")]
        (row,) = (row for row in rows if f"`{variant.name}`" in row.split("|")[1])
        assert f"`{variant.objective.own_selection}`" in row

    @each_variant
    def test_have_every_key_in_their_section_or_in_the_shared_one(self, variant: Variant) -> None:
        found = sections("variants")
        page = found[variant.name] + found["Keys of group distances"]
        assert unnamed(variant.objective.keys(), page) == set()

    def test_of_the_page_exist(self) -> None:
        known = {variant.name for variant in VARIANTS}
        described = {name for name in sections("variants") if re.fullmatch(r"[a-z0-9-]+", name)}
        assert described - known == set()


class TestProtocols:
    def test_have_every_key_on_the_page_of_discrepancies(self) -> None:
        assert unnamed(Protocol.model_fields, text("fidelity")) == set()

    def test_have_every_preset_on_the_page_of_discrepancies(self) -> None:
        assert unnamed(PRESETS, text("fidelity")) == set()

    def test_of_group_distances_have_every_key_on_the_page_of_discrepancies(self) -> None:
        (variant,) = (v for v in VARIANTS if v.name == "fairclip")
        assert unnamed(variant.objective.keys(), text("fidelity")) == set()
