"""Which rows of a table are for training, validation and test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from benchmark.data.cell import canonical
from benchmark.data.cell_codes import lookup, values_shown
from benchmark.data.column_specs import ClassSpec, SplitSpec
from benchmark.data.dataset import SPLITS, SplitName
from benchmark.data.table_file import Columns
from benchmark.data.table_rows import TableRows, and_more, codes_of


def split_rows(
    table: Columns, rows: TableRows, spec: SplitSpec, patient: str | None
) -> dict[int, SplitName]:
    """Return row → split; a row without one is added to the problems of `rows`.

    Args:
        table: The columns in use.
        rows: What the rows mean; gets further problems.
        spec: How rows are split.
        patient: The column that says whose image it is.
    """
    who = {} if patient is None else _patients(table, patient, rows)
    if spec.column is None:
        units = dict(zip(rows.index, rows.files, strict=True)) | who
        return _drawn(spec, units)
    listed = {"train": spec.train, "val": spec.val, "test": spec.test}
    code = {canonical(v): SPLITS.index(s) for s in SPLITS for v in listed[s]}
    knows = ", ".join(f"{s} ({values_shown(listed[s])})" for s in SPLITS)
    code_of, problems = lookup(code, f"'split' knows {knows}"), rows.problems
    codes = codes_of(table, spec.column, code_of, rows.index, problems)
    found = {i: SPLITS[split] for i, split in codes.items()}
    if patient is not None:
        problems.extend(_shared_patients(table, patient, who, found))
    return found


def rank(seed: int, name: str) -> str:
    """Return what units are sorted by to draw some of them: SHA-256 of `seed/name`.

    Unlike a generator's shuffle it depends on no library, and not on the order of rows.
    """
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def empty_classes(
    classes: Sequence[ClassSpec], splits: Iterable[SplitName], labels: Iterable[int]
) -> list[str]:
    """Return one line for each split without rows, and each class without rows in a split.

    Args:
        classes: The classes; a label is a position.
        splits: Of each row.
        labels: Of each row.
    """
    held = set(zip(splits, labels, strict=True))
    lines = []
    for split in SPLITS:
        absent = [(split, code) not in held for code in range(len(classes))]
        if all(absent):
            lines.append(f"no row is for {split}")
            continue
        lines += [f"no row of {split} has the class '{c.name}'" for c in compress(classes, absent)]
    return lines


def _drawn(spec: SplitSpec, units: Mapping[int, str]) -> dict[int, SplitName]:
    ranked = sorted({*units.values()}, key=lambda name: rank(spec.seed or 0, name))
    test = round(spec.test_fraction * len(ranked))
    val = test + round(spec.val_fraction * len(ranked))
    where: dict[str, SplitName] = dict.fromkeys(ranked[:test], "test")
    where |= dict.fromkeys(ranked[test:val], "val")
    return {i: where.get(unit, "train") for i, unit in units.items()}


def _patients(table: Columns, column: str, rows: TableRows) -> dict[int, str]:
    cells = table.cells[column]
    if empty := [i for i in rows.index if not cells[i].strip()]:
        rows.problems.append(
            f"{table.row(empty[0])}: column '{column}' (patient) is empty{and_more(len(empty))}"
        )
    # As text: identifiers such as 100 and 1e2 are two patients. A table with an empty cell
    # anywhere in the column may have made 12 of it 12.0.
    return {i: re.sub(r"^(\d+)\.0$", r"\1", cells[i].strip()) for i in rows.index}


def _shared_patients(
    table: Columns, column: str, who: Mapping[int, str], split: Mapping[int, SplitName]
) -> list[str]:
    """Return one line if patients are in two splits; rows are named, patients are not."""
    first: dict[str, int] = {}
    shared: dict[str, tuple[int, int]] = {}
    for i in split:
        other = first.setdefault(who[i], i)
        if split[i] != split[other]:
            shared.setdefault(who[i], (other, i))
    if not shared:
        return []
    a, b = next(iter(shared.values()))
    return [
        f"{table.path.name}: rows {table.numbers[a]} ({split[a]}) and {table.numbers[b]}"
        f" ({split[b]}) have one '{column}'; {len(shared)} patients are in two splits, and a"
        " patient belongs to one"
    ]
