"""What the keys of an ablation are, and what could not be asked of them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmark.ablation.cells import without_effect
from benchmark.ablation.outcomes import cell_name
from benchmark.ablation.plan import AblationPlan
from benchmark.report.model import Bullets, Cell, Column, Paragraph, Section, Table

SOURCES = ("paper", "official", "reproduction")
MOVED_BY = {"objective": "variant", "protocol": "variant and baseline", "selection": "both, no run"}
"""Whose key it is → which runs a change of it moves."""


def keys_table(plan: AblationPlan) -> pd.DataFrame:
    """Return one row for each key on which the ends differ, with its sources."""
    merged = {part.name: key.name for key in plan.keys for part in key.parts}
    parts = [part for key in plan.keys for part in key.parts]
    return pd.DataFrame(
        {
            "key": part.name,
            "changed_as": merged.get(part.name, "not changed: as in from"),
            "of": part.scope,
            "from": str(part.left),
            "to": str(part.right),
            "sources": " / ".join(f"{who}: {what}" for who, what in part.sources.items()),
        }
        for part in [*parts, *plan.held]
    )


def keys_section(plan: AblationPlan) -> Section:
    """Return the section of the keys: their values at both ends, and who has which."""
    rows = [
        (
            part.name if len(key.parts) == 1 else f"{part.name} (in {key.name})",
            str(part.left),
            str(part.right),
            MOVED_BY[part.scope],
            *(part.sources.get(who, "") for who in SOURCES),
        )
        for key in plan.keys
        for part in key.parts
    ]
    notes = [
        f"Selection rules: {'; '.join(f'{rule}: {what}' for rule, what in part.sources.items())}."
        for key in plan.keys
        for part in key.parts
        if part.scope == "selection"
    ]
    if plan.held:
        held = ", ".join(f"{p.name} ({p.left}, in 'to' {p.right})" for p in plan.held)
        notes.append(
            f"The ends also differ in what is not changed here and stays as in 'from': {held}."
        )
    table = Table(
        "keys",
        "The keys that are changed, and what each source says of them.",
        tuple(Column(name, name) for name in ("key", "from", "to", "changes", *SOURCES)),
        tuple(tuple(Cell(text) for text in row) for row in rows),
    )
    return Section("keys-section", "Keys", (table, *(Paragraph(note) for note in notes)))


def odd_cells_section(plan: AblationPlan) -> Iterator[Section]:
    """Yield what the designs could not ask: impossible cells, and changes without effect."""
    notes = [
        f"impossible: {cell_name(cell, plan.keys)} ({reason})"
        for cell, reason in plan.impossible.items()
    ]
    if notes:
        notes.append(
            "effects that need them are not estimable; merge keys that exclude each other (a+b)"
        )
    for j, key in enumerate(plan.keys):
        same, pairs = without_effect(plan.cells, j)
        if same:
            where = "; ".join(f"'{cell_name(before, plan.keys)}'" for before, _ in same)
            notes.append(
                f"{key.name} has no effect (the change is the same run, its effect 0) "
                f"in {len(same)} of the {len(pairs)} cells that it can change: {where}"
            )
    if notes:
        title = "Cells that are no experiment of their own"
        yield Section("odd-cells-section", title, (Bullets(tuple(notes)),))
