"""Levels and paired differences of every variant: one table of each for every attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.blocks import ArmRows, Part, arms_of, attributes_of, blocks_of
from benchmark.report.cells import difference_cell, level_cell
from benchmark.report.classes import class_columns, class_table
from benchmark.report.model import Block, Cell, Column, Figure, Paragraph, Section, Table
from benchmark.report.statements import confounded_blocks, degenerate_lines, missing_lines
from benchmark.report.verdict_table import MARKS
from benchmark.stats.verdict import Verdict
from benchmark.verdicts.judge import NO_VERDICT

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

PRIMARY = {"dpd": "DPD ↓", "deodds": "DEOdds ↓", "auc": "AUC ↑", "es_auc": "ES-AUC ↑"}
"""Columns of the papers' tables, in their order; group AUCs follow."""

HOW_TO_READ = (
    "Cells are metrics on the test set in percent, mean ± standard deviation over seeds; in "
    "brackets beside a gap, its mean when group labels are permuted: the gap that chance alone "
    "makes. n.e.: not estimable, for the reason given below the table. Bold: the verdict on it "
    "is better."
)

LEGEND = "Verdicts: " + "; ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items())

Judged = Mapping[tuple[str, str, str], Verdict]
"""(arm, attribute or `all`, metric) of a claim → its verdict."""


def levels_section(found: Comparison, figures: Sequence[Figure] = ()) -> Section:
    """Return the section, with a part for each block and in it one for each attribute."""
    judged = _judged(found.verdicts)
    parts = [_block(found, block, judged) for block in blocks_of(found.summary)]
    return Section(
        "levels-section", "Levels and differences", (Paragraph(HOW_TO_READ), *figures, *parts)
    )


def name_columns(*more: str) -> tuple[Column, ...]:
    """Return the columns that name an arm."""
    return tuple(Column(name, name, filtered=True) for name in ("variant", "protocol", *more))


def name_cells(arm: ArmRows, *more: str) -> tuple[Cell, ...]:
    """Return the cells that name an arm, for `name_columns`.

    Args:
        arm: The arm.
        more: Columns of the summary.
    """
    row = arm.names
    mark = " (baseline)" if row["is_baseline"] else " †" if row["confounded"] else ""
    return tuple(
        Cell(text) for text in (row["variant"] + mark, *(row[c] for c in ("protocol", *more)))
    )


def _judged(verdicts: pd.DataFrame) -> Judged:
    return {
        (row["arm"], name, row["metric"]): Verdict(row["verdict"])
        for row in verdicts[verdicts["verdict"] != NO_VERDICT].to_dict("records")
        for name in row["attribute"].split("+")
    }


def _block(found: Comparison, block: Part, judged: Judged) -> Section:
    """Return everything about one test set and one set of initial weights."""
    first = block.rows.iloc[0]
    text = f"Test set {first['test_set']}, initial weights {first['weights']}."
    main = block.rows[block.rows["main_rule"]]
    parts = [
        Section(
            f"levels-{block.anchor}--{part.anchor}-section",
            part.title,
            tuple(_attribute(found, block, part, judged)),
        )
        for part in attributes_of(main)
    ]
    blocks = (Paragraph(text), *parts, *confounded_blocks(block.rows))
    return Section(f"levels-{block.anchor}-section", block.title, blocks)


def _attribute(found: Comparison, block: Part, part: Part, judged: Judged) -> Iterator[Block]:
    rows = part.rows
    groups = rows.loc[rows["metric"] == "group_auc", "group"].drop_duplicates()
    metrics = {(metric, ""): heading for metric, heading in PRIMARY.items()}
    metrics |= {("group_auc", group): f"AUC {group} ↑" for group in groups}
    more = ["selection"] if found.selection == "own" else []
    names = name_columns(*(["rule"] if more else []))
    numbers = tuple(
        Column(f"{metric}:{group}" if group else metric, heading, numeric=True)
        for (metric, group), heading in metrics.items()
    )
    arms = arms_of(rows)
    where = f"{block.anchor}--{part.anchor}"

    def verdict(arm: ArmRows, metric: str, group: str) -> Verdict | None:
        claims = ((arm.names["arm"], name, metric) for name in (part.title, "all"))
        return next((judged[c] for c in claims if c in judged and not group), None)

    def level(arm: ArmRows, metric: str, group: str) -> Cell:
        found = verdict(arm, metric, group)
        mark = MARKS.get(found, "") if found else ""
        return level_cell(arm.rows, metric, group, mark, strong=found == Verdict.BETTER)

    def difference(arm: ArmRows, metric: str, group: str) -> Cell:
        strong = verdict(arm, metric, group) == Verdict.BETTER
        return difference_cell(arm.rows, metric, group, strong=strong)

    judged_here = any(verdict(arm, *m) for arm in arms for m in metrics)
    notes = [
        *([LEGEND] if judged_here else []),
        *missing_lines(rows, metrics | class_columns(rows)),
        *degenerate_lines(rows, found.threshold),
    ]
    yield Table(
        f"levels-{where}",
        f"Metrics by {part.title}, epoch selected by {rule_in_words(found.selection)}.",
        (*names, Column("seeds", "seeds", numeric=True), *numbers),
        tuple(
            (
                *name_cells(arm, *more),
                _seeds(arm),
                *(level(arm, *m) for m in metrics),
            )
            for arm in arms
        ),
        tuple(notes),
    )
    compared = [arm for arm in arms if not arm.names["is_baseline"]]
    if compared:
        yield Table(
            f"differences-{where}",
            f"Difference to {found.baseline} by {part.title} in percentage points, with 95% "
            "Student t interval and number of pairs.",
            (*names, *numbers),
            tuple(
                (
                    *name_cells(arm, *more),
                    *(difference(arm, *m) for m in metrics),
                )
                for arm in compared
            ),
        )
    yield from class_table(rows, where, names, [(arm, name_cells(arm, *more)) for arm in arms])


def rule_in_words(selection: str) -> str:
    """Return a selection rule as it is called in sentences."""
    if selection == "test-auc":
        return "test-auc (on the test set itself: optimistic)"
    if selection == "own":
        return "each variant's own rule, and the baseline by that same rule"
    return selection


def _seeds(arm: ArmRows) -> Cell:
    n, lost = int(arm.names["n_runs"]), int(arm.names["n_lost"])
    trains = bool(arm.names["trains"])
    count = str(n) if trains else "none"
    return Cell(f"{count} (+{lost} lost)" if lost else count, float(n) if trains else None)
