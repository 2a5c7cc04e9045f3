"""From the cells of a table to images and codes, with every problem on a line of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.data.cell import shown
from benchmark.data.cell_codes import LEFT_OUT, CodeOf, group_code, label_code
from benchmark.data.column_specs import AttributeSpec, LabelSpec
from benchmark.data.image_path import DataFolder
from benchmark.data.table_file import Columns

_MOST_VALUES = 5
"""Different bad values of a column that are reported one by one."""
_LONGEST_PATH = 120


@dataclass
class TableRows:
    """What the rows of a table mean; the lists have one entry for each row in use.

    Attributes:
        index: Positions of the rows in the table.
        files: Tidy image names, relative to the data folder.
        label: Codes of the classes.
        codes: Attribute → codes of the groups.
        left_out: How many rows their label leaves out.
        problems: Why the table cannot be used, one line each.
    """

    index: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    codes: dict[str, list[int]] = field(default_factory=dict)
    left_out: int = 0
    problems: list[str] = field(default_factory=list)


def interpret(
    table: Columns,
    root: Path,
    *,
    image: str,
    label: LabelSpec,
    attributes: Mapping[str, AttributeSpec],
) -> TableRows:
    """Return what the rows mean; rows with a problem are not among them.

    Args:
        table: The columns in use.
        root: The data folder.
        image: The column of image paths.
        label: The label's column and classes.
        attributes: Attribute → its column and groups.
    """
    problems: list[str] = []
    labels = codes_of(table, label.column, label_code(label), range(len(table)), problems)
    used = [i for i in range(len(table)) if labels.get(i) != LEFT_OUT]
    located = _locate_images(table, image, root, used, problems)
    columns = {
        name: codes_of(table, spec.column or name, group_code(name, spec), used, problems)
        for name, spec in attributes.items()
    }
    good = [
        i for i in used if i in labels and i in located and all(i in c for c in columns.values())
    ]
    return TableRows(
        index=good,
        files=[located[i] for i in good],
        label=[labels[i] for i in good],
        codes={name: [column[i] for i in good] for name, column in columns.items()},
        left_out=len(table) - len(used),
        problems=problems,
    )


def codes_of(
    table: Columns, column: str, code_of: CodeOf, rows: Sequence[int], problems: list[str]
) -> dict[int, int]:
    """Return row → code, without the rows whose cell has none; those are added to `problems`."""
    cells = table.cells[column]
    known: dict[str, int] = {}
    bad: dict[str, tuple[str, list[int]]] = {}
    found: dict[int, int] = {}
    for i in rows:
        cell = cells[i]
        if cell not in known and cell not in bad:
            try:
                known[cell] = code_of(cell)
            except ValueError as error:
                bad[cell] = (str(error), [])
        if cell in known:
            found[i] = known[cell]
        else:
            bad[cell][1].append(i)
    for cell, (reason, where) in list(bad.items())[:_MOST_VALUES]:
        value = f"{shown(cell)}{and_more(len(where))}" if cell.strip() else "empty"
        problems.append(f"{table.row(where[0])}: column '{column}' is {value}; {reason}")
    if len(bad) > _MOST_VALUES:
        problems.append(
            f"{table.path.name}: column '{column}' has {len(bad) - _MOST_VALUES} more values that"
            " are not known"
        )
    return found


def and_more(rows: int) -> str:
    """Return how many rows there are beside the first, for a message."""
    return "" if rows == 1 else f" (and {rows - 1} more {'row' if rows == 2 else 'rows'})"


def _locate_images(
    table: Columns, column: str, root: Path, rows: Sequence[int], problems: list[str]
) -> dict[int, str]:
    """Return row → tidy name of its image, without the rows whose path is not used."""
    cells = table.cells[column]
    folder = DataFolder(root)
    first: dict[str, int] = {}
    bad: list[str] = []
    for i in rows:
        name = cells[i].strip()
        try:
            tidy = folder.locate(name)
        except ValueError as error:
            value = f" is {_path(name)}, which" if name else ""
            bad.append(f"{table.row(i)}: column '{column}'{value} {error}")
            continue
        if tidy in first:
            other = table.numbers[first[tidy]]
            bad.append(
                f"{table.row(i)}: column '{column}' is {_path(tidy)}, as in row {other};"
                " an image has one row, and is in one split"
            )
        else:
            first[tidy] = i
    problems.extend(bad[:_MOST_VALUES])
    if len(bad) > _MOST_VALUES:
        more = len(bad) - _MOST_VALUES
        problems.append(f"{table.path.name}: '{column}' cannot be used in {more} more rows")
    return {i: tidy for tidy, i in first.items()}


def _path(name: str) -> str:
    return f"'{name}'" if len(name) <= _LONGEST_PATH and name.isprintable() else shown(name)
