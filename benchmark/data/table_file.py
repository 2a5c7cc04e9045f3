"""Reads the columns in use of a CSV or Parquet table, as text."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import FairbenchError

SUFFIXES = (".csv", ".parquet")
_MOST_NAMES = 30
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Columns:
    """The cells of a table.

    Attributes:
        path: The file.
        cells: Column → N cells as text; empty for a missing value.
        numbers: The rows' numbers in messages; the first row below a header line is 2.
    """

    path: Path
    cells: Mapping[str, Sequence[str]]
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Sequence[int]) -> Columns:
        """Return the rows at these positions; they keep their numbers."""
        return Columns(
            self.path,
            {name: [column[i] for i in rows] for name, column in self.cells.items()},
            [self.numbers[i] for i in rows],
        )

    def row(self, index: int) -> str:
        """Return file and row number, for messages: `labels.csv: row 17`."""
        return f"{self.path.name}: row {self.numbers[index]}"


def read_columns(path: Path, wanted: Iterable[tuple[str, str]]) -> Columns:
    """Read columns of a table.

    Args:
        path: A `.csv` file in UTF-8 with a header and commas, or a `.parquet` file.
        wanted: (what asks for it, column name) pairs.

    Raises:
        FairbenchError: the file cannot be read, has no rows, or lacks a column.
    """
    wanted = list(wanted)
    if path.suffix not in SUFFIXES:
        raise FairbenchError(f"{path}: a table is a {' or '.join(SUFFIXES)} file")
    try:
        table = _read_csv(path, wanted) if path.suffix == ".csv" else _read_parquet(path, wanted)
    except OSError as error:
        raise FairbenchError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not len(table):
        raise FairbenchError(f"{path}: has no rows")
    return table


def _read_csv(path: Path, wanted: Sequence[tuple[str, str]]) -> Columns:
    number = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            _require(path, wanted, header)
            names = list(dict.fromkeys(column for _, column in wanted))
            places = [(header.index(name), name) for name in names]
            cells: dict[str, list[str]] = {name: [] for name in names}
            for number, row in enumerate(rows, start=2):
                if len(row) != len(header):
                    raise FairbenchError(
                        f"{path}: row {number} has {len(row)} cells, the header {len(header)}"
                    )
                for place, name in places:
                    cells[name].append(row[place])
    except UnicodeDecodeError:
        raise FairbenchError(f"{path}: not UTF-8 text after row {number}; convert it") from None
    except csv.Error:
        raise FairbenchError(
            f"{path}: not a valid CSV file after row {number}; is a quotation mark left open?"
        ) from None
    return Columns(path, cells, range(2, number + 1))


def _read_parquet(path: Path, wanted: Sequence[tuple[str, str]]) -> Columns:
    import pyarrow as pa  # a CSV needs none of it
    import pyarrow.parquet as pq

    try:
        _require(path, wanted, pq.read_schema(path).names)
        names = list(dict.fromkeys(column for _, column in wanted))
        table = pq.read_table(path, columns=names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise FairbenchError(f"{path}: damaged, or not a Parquet file") from None
    cells = {name: [_text(value) for value in table[name].to_pylist()] for name in names}
    return Columns(path, cells, range(1, len(table) + 1))


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def _listed(header: Sequence[str]) -> str:
    # Without a header the first line is data, and may be a note.
    names = [name if len(name) <= _LONGEST_NAME else "…" for name in header[:_MOST_NAMES]]
    return ", ".join([*names, *(["…"] if len(header) > _MOST_NAMES else [])]) or "none"


def _require(path: Path, wanted: Sequence[tuple[str, str]], header: Sequence[str]) -> None:
    for what, column in wanted:
        if column not in header:
            raise FairbenchError(
                f"{path}: has no column '{column}' ({what}); it has {_listed(header)}"
            )
        if header.count(column) > 1:
            raise FairbenchError(f"{path}: column '{column}' ({what}) occurs twice in the header")
