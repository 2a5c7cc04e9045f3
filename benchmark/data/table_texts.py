"""The texts of a table's rows: a column, or a template filled from columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchmark.data.column_specs import TextSpec
from benchmark.data.table_file import Columns


def texts_of(
    table: Columns, text: TextSpec | None, numbers: Iterable[int]
) -> tuple[list[str], str]:
    """Return the text of each row, stripped, and the one problem there is, or an empty string."""
    if text is None:
        return [], (
            f"{table.path}: 'text' names no column and no template; add it, or make the texts of"
            " the labels with text_source=label"
        )
    numbers = list(numbers)
    columns = {name: table.cells[name] for name in text.columns}
    for name, cells in columns.items():
        if empty := [i for i in numbers if not cells[i].strip()]:
            more = f" (and {len(empty) - 1} more rows)" if len(empty) > 1 else ""
            return [], (
                f"{table.row(empty[0])}: column '{name}' (text) is empty{more}; fill it, leave"
                " the row out, or make the texts of the labels with text_source=label"
            )
    if text.template is None:
        cells = columns[text.columns[0]]
        return [cells[i].strip() for i in numbers], ""
    parts = re.split(r"\{([^{}]+)\}", text.template)  # every second one is a column's name

    def filled(row: int) -> str:
        return "".join(columns[p][row].strip() if k % 2 else p for k, p in enumerate(parts))

    return [filled(i) for i in numbers], ""
