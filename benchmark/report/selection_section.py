"""Selection rules: every variant by its own, and the epochs that were selected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.blocks import Part, arms_of, blocks_of
from benchmark.report.cells import difference_cell, level_cell
from benchmark.report.levels_section import PRIMARY, name_cells, name_columns, rule_in_words
from benchmark.report.model import Cell, Column, Figure, Section, Table

if TYPE_CHECKING:
    from benchmark.comparison import Comparison


def selection_section(found: Comparison, figures: Sequence[Figure] = ()) -> Iterator[Section]:
    """Yield the section; nothing where no epoch was selected and no rule differs."""
    tables = [
        table
        for block in blocks_of(found.summary)
        for table in (*_own_rules(found, block), *_selected(found, block))
    ]
    if tables or figures:
        yield Section("selection-section", "Selection rules and epochs", (*figures, *tables))


def _own_rules(found: Comparison, block: Part) -> Iterator[Table]:
    """Yield the rows of variants whose source selects by another rule than the main tables."""
    rows = block.rows
    other = rows[rows["own_rule"] & ~rows["main_rule"] & ~rows["is_baseline"]]
    if other.empty:
        return
    metrics = [(metric, "") for metric in PRIMARY]
    body = []
    for arm in arms_of(other, "attribute"):
        name = (
            *name_cells(arm),
            Cell(arm.names["attribute"]),
            Cell(rule_in_words(arm.names["selection"])),
        )
        body.append((*name, Cell("level"), *(level_cell(arm.rows, *m) for m in metrics)))
        body.append((*name, Cell("difference"), *(difference_cell(arm.rows, *m) for m in metrics)))
    yield Table(
        f"own-rules-{block.anchor}",
        f"{block.title}: by each variant's own selection rule, in percent, and the difference in "
        f"points to {found.baseline} selected by the same rule.",
        (
            *name_columns("attribute", "rule", "row"),
            *(Column(m, heading, numeric=True) for m, heading in PRIMARY.items()),
        ),
        tuple(body),
    )


def _selected(found: Comparison, block: Part) -> Iterator[Table]:
    rows = found.per_seed.drop_duplicates(["run", "attribute", "selection"])
    done = found.runs.loc[found.runs["state"] == "done", "run"]
    rows = rows[rows["seed"].notna() & rows["run"].isin(done) & rows["arm"].isin(block.rows["arm"])]
    body = []
    keys = ["arm", "variant", "trained_on", "protocol", "selection"]
    for names, part in rows.groupby(keys, sort=False):
        by_seed = part.groupby("seed", sort=True)["epoch"].agg(lambda e: _epochs(e.tolist()))
        chosen = ", ".join(f"{seed}: {epochs}" for seed, epochs in by_seed.items())
        body.append(tuple(Cell(str(text)) for text in (*names[1:], chosen)))
    if body:
        yield Table(
            f"selected-{block.anchor}",
            f"{block.title}: the epoch that each rule selects, by seed.",
            (
                Column("variant", "variant", filtered=True),
                Column("trained_on", "trained on", filtered=True),
                Column("protocol", "protocol", filtered=True),
                Column("selection", "rule", filtered=True),
                Column("epochs", "seed: epoch"),
            ),
            tuple(body),
        )


def _epochs(epochs: Sequence[int]) -> str:
    distinct = sorted({"none" if pd.isna(e) else str(e) for e in epochs})
    return "/".join(distinct)  # a group rule can select differently for each attribute
