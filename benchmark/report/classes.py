"""The table of each class against the others, for labels with more than two classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.report.cells import escape, level_cell, table

_HEADINGS = {"class_auc": "AUC {} ↑", "class_dpd": "DPD {} ↓", "class_deodds": "DEOdds {} ↓"}


def class_columns(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return (metric, class) → heading; empty for a binary label.

    Args:
        rows: An attribute's part of the summary.
    """
    classes = rows.loc[rows["metric"] == "class_n", "group"].drop_duplicates()
    return {(m, c): heading.format(c) for c in classes for m, heading in _HEADINGS.items()}


def class_table(
    rows: pd.DataFrame, names: Sequence[str], arms: Sequence[tuple[pd.DataFrame, Sequence[str]]]
) -> Iterator[str]:
    """Yield what a label with several classes adds to an attribute's tables, else nothing.

    Args:
        rows: The attribute's part of the summary.
        names: Headings of the cells that name an arm.
        arms: The arms' parts of it with these cells, in the order of the table.
    """
    columns = class_columns(rows)
    if not columns:
        return
    first = rows[rows["metric"] == "class_n"].drop_duplicates("group")
    counts = [f"{escape(r['group'])} {r['mean']:.0f}" for r in first.to_dict("records")]
    yield (
        f"Each class against the others; test samples: {', '.join(counts)}. The highest score "
        "decides; AUCs above are means over the classes, DPD and DEOdds the largest of a class."
    )
    yield ""
    body = [[*name, *(level_cell(arm, *c) for c in columns)] for arm, name in arms]
    yield from table([*names, *columns.values()], body)
