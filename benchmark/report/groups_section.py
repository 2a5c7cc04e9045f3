"""Whom the test set holds, which groups are too small, and what gaps chance alone makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING

from benchmark.report.blocks import ArmRows, Part, arms_of, attributes_of, blocks_of
from benchmark.report.cells import MISSING, NOT_ESTIMABLE, number_cell
from benchmark.report.levels_section import name_cells, name_columns
from benchmark.report.model import Cell, Column, Figure, Section, Table
from benchmark.report.verdict_table import metric_name
from benchmark.verdicts.analysis import MARGINS

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

GAPS = ("dpd", "deodds", "auc_gap")
"""Metrics that are 0 only if groups are equal, so that chance alone makes them positive."""


def groups_section(found: Comparison, figures: Sequence[Figure] = ()) -> Iterator[Section]:
    """Yield the section on group counts; nothing where no run has a result."""
    margin = found.analysis.margins.get("deodds", MARGINS["deodds"])
    tables = [
        table
        for block in blocks_of(found.summary)
        for part in attributes_of(block.rows)
        for table in _counts(block, part, margin)
    ]
    if tables or figures:
        yield Section("groups-section", "Groups of the test set", (*tables, *figures))


def gaps_section(found: Comparison) -> Iterator[Section]:
    """Yield the section on gaps and chance; nothing where no gap is estimable."""
    tables = [
        table
        for block in blocks_of(found.summary[found.summary["main_rule"]])
        for part in attributes_of(block.rows)
        for table in _gaps(block, part)
    ]
    if tables:
        yield Section("gaps-section", "Gaps, and what chance alone makes of them", tuple(tables))


def _counts(block: Part, part: Part, margin: float) -> Iterator[Table]:
    """Yield the table of an attribute's groups."""
    rows = part.rows
    first = rows.drop_duplicates(["metric", "group"]).set_index(["metric", "group"])["mean"]
    groups = [group for metric, group in first.index if metric == "n" and group]
    body, small = [], []
    for group in groups:
        n = float(first["n", group])
        positive = float(first.get(("n_positive", group), nan))
        fewest = n if isnan(positive) else min(positive, n - positive)
        step = 1 / fewest if fewest else nan
        warning = ""
        if not fewest:
            warning = "one class only: no AUC and no DEOdds"
        elif step > margin:
            warning = "small"
        small += [group] if warning else []
        body.append(
            (
                Cell(group),
                number_cell(n, "{:.0f}"),
                number_cell(positive, "{:.0f}"),
                number_cell(n - positive, "{:.0f}"),
                number_cell(step, f"{100 * step:.1f}"),
                Cell(warning or MISSING),
            )
        )
    if not body:
        return
    note = (
        f"small: one patient of the smaller class moves the group's TPR or FPR by more than "
        f"{100 * margin:g} points, the margin of DEOdds; gaps with such a group say little."
    )
    yield Table(
        f"groups-{block.anchor}--{part.anchor}",
        f"{block.title}: samples of the test set by {part.title}.",
        (
            Column("group", part.title),
            Column("n", "samples", numeric=True),
            Column("n_positive", "positive", numeric=True),
            Column("n_negative", "negative", numeric=True),
            Column("step", "one patient moves a rate by (points)", numeric=True),
            Column("warning", "warning"),
        ),
        tuple(body),
        (note,) if small else (),
    )


def _gaps(block: Part, part: Part) -> Iterator[Table]:
    """Yield the table of an attribute's gaps beside their values under permuted labels."""
    rows = part.rows
    if rows.loc[rows["metric"].isin(GAPS), "mean"].isna().all():
        return
    columns = [
        column
        for gap in GAPS
        for column in (
            Column(gap, metric_name(gap), numeric=True),
            Column(f"{gap}_permuted", "by chance", numeric=True),
        )
    ]
    yield Table(
        f"gaps-{block.anchor}--{part.anchor}",
        f"{block.title}: gaps by {part.title} in percent, means over seeds, and their means when "
        "group labels are permuted. A gap that is not above its value by chance shows nothing.",
        (*name_columns(), *columns),
        tuple(
            (*name_cells(arm), *(_mean(arm, column.key) for column in columns))
            for arm in arms_of(rows)
        ),
    )


def _mean(arm: ArmRows, metric: str) -> Cell:
    row = arm.rows.get((metric, ""))
    if row is None or isnan(row["mean"]):
        return Cell(NOT_ESTIMABLE)
    return Cell(f"{100 * row['mean']:.2f}", float(row["mean"]))
