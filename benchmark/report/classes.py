"""The table of each class against the others, for labels with more than two classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.report.blocks import ArmRows
from benchmark.report.cells import level_cell
from benchmark.report.model import Cell, Column, Table

_HEADINGS = {"class_auc": "AUC {} ↑", "class_dpd": "DPD {} ↓", "class_deodds": "DEOdds {} ↓"}


def class_columns(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return (metric, class) → heading; empty for a binary label.

    Args:
        rows: An attribute's part of the summary.
    """
    classes = rows.loc[rows["metric"] == "class_n", "group"].drop_duplicates()
    return {(m, c): heading.format(c) for c in classes for m, heading in _HEADINGS.items()}


def class_table(
    rows: pd.DataFrame,
    where: str,
    names: Sequence[Column],
    arms: Sequence[tuple[ArmRows, Sequence[Cell]]],
) -> Iterator[Table]:
    """Yield what a label with several classes adds to an attribute's tables, else nothing.

    Args:
        rows: The attribute's part of the summary.
        where: The end of the table's id.
        names: The columns that name an arm.
        arms: The arms with the cells that name them, in the order of the table.
    """
    columns = class_columns(rows)
    if not columns:
        return
    first = rows[rows["metric"] == "class_n"].drop_duplicates("group")
    counts = ", ".join(f"{r['group']} {r['mean']:.0f}" for r in first.to_dict("records"))
    numbers = (
        Column(f"{metric}:{name}", heading, numeric=True)
        for (metric, name), heading in columns.items()
    )
    yield Table(
        f"classes-{where}",
        f"Each class against the others; test samples: {counts}. The highest score decides; AUCs "
        "above are means over the classes, DPD and DEOdds the largest of a class.",
        (*names, *numbers),
        tuple((*name, *(level_cell(arm.rows, *c) for c in columns)) for arm, name in arms),
    )
