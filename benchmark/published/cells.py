"""Published numbers: one cell a number, read from CSV and checked field by field.

A file of one's own has the columns of the shipped `published.csv`: `COLUMNS`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from benchmark.data.config import DATASETS, GENERATED
from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.catalogue import METRICS

SHIPPED = Path(__file__).parent / "published.csv"

COLUMNS = (
    "source",
    "table",
    "dataset",
    "protocol",
    "variant",
    "arch",
    "attribute",
    "metric",
    "group",
    "mean",
    "std",
    "n_seeds",
)
"""`table` is the source's own number of it; `group` is empty for the whole attribute, `std` and
`n_seeds` where they are not printed."""

ZERO_SHOT, LINEAR_PROBE = "zero-shot", "linear-probe"
PROTOCOLS: Mapping[str, str] = {
    ZERO_SHOT: "class prompts against images",
    LINEAR_PROBE: "a linear classifier on frozen image features",
    "linear-probe-vision": "the same, where the table has both kinds of features",
    "linear-probe-vision-language": "a linear classifier on features of image and note",
    "similarity-distance": "distance of a group's image-note similarities from everyone's",
}
"""How the numbers of a table were made."""

UNITLESS = ("sinkhorn",)
"""Metrics that are no fraction; kept, and compared with nothing."""

IN_PERCENT = tuple(m for m, i in METRICS.items() if i.direction and i.unit == "fraction")


@dataclass(frozen=True)
class Cell:
    """One published number.

    Attributes:
        source, table, dataset, protocol, variant, arch, attribute: As in the CSV.
        metric: A key of `METRICS`, or one of `UNITLESS`; a group's AUC is `group_auc`.
        group: "" for the whole attribute.
        mean: A fraction (printed in percent), or the number itself of a unitless metric.
        sd: Standard deviation over runs, likewise; NaN if it is not printed.
        n: Runs; None if they are not printed.
        decimals: Digits behind the point of the mean as the CSV holds it.
    """

    source: str
    table: str
    dataset: str
    protocol: str
    variant: str
    arch: str
    attribute: str
    metric: str
    group: str
    mean: float
    sd: float
    n: int | None
    decimals: int


def shipped_cells() -> list[Cell]:
    """Return the numbers that ship with the package."""
    return read_cells(SHIPPED)


def all_cells(extra: Path | None = None) -> list[Cell]:
    """Return the shipped numbers and those of a file of one's own.

    Raises:
        FairbenchError: as `read_cells`, or a number that ships already.
    """
    cells = shipped_cells()
    if extra is None:
        return cells
    known = {_identity(cell) for cell in cells}
    more = read_cells(extra)
    for cell in more:
        if _identity(cell) in known:
            raise FairbenchError(
                f"{extra}: {' '.join(filter(None, _identity(cell)))} ships with fairbench; name "
                "your source otherwise"
            )
    return [*cells, *more]


def read_cells(path: Path) -> list[Cell]:
    """Return the published numbers of a CSV file.

    Raises:
        FairbenchError: a file that cannot be read, other columns, a field that is not right, or
            one number twice; the message names file, line, field and value.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, restkey="", strict=True)
            columns = tuple(rows.fieldnames or ())
            if columns != COLUMNS:
                raise FairbenchError(
                    f"{path}: columns are {', '.join(columns) or 'missing'}; expected "
                    f"{', '.join(COLUMNS)}"
                )
            cells = [_cell(f"{path}: line {rows.line_num}", row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FairbenchError(f"{path}: cannot be read as CSV ({error})") from error
    seen = set()
    for cell in cells:
        if _identity(cell) in seen:
            raise FairbenchError(
                f"{path}: {' '.join(filter(None, _identity(cell)))} is given twice; keep one row"
            )
        seen.add(_identity(cell))
    return cells


def rounding(cells: Iterable[Cell]) -> float:
    """Return half a unit of the last printed digit of a table in percent, as a fraction.

    A CSV drops trailing zeros, so the digits of a table are those of its longest number.

    Args:
        cells: Of one table.
    """
    digits = max(cell.decimals for cell in cells if cell.metric not in UNITLESS)
    return float(0.5 * 10.0**-digits / 100)


def _identity(cell: Cell) -> tuple[str, ...]:
    return (
        cell.source,
        cell.table,
        cell.dataset,
        cell.protocol,
        cell.variant,
        cell.arch,
        cell.attribute,
        cell.metric,
        cell.group,
    )


def _cell(where: str, row: Mapping[str, str | None]) -> Cell:
    """Return the cell of a row; `where` names file and line in errors."""
    if "" in row or None in row.values():
        raise FairbenchError(f"{where}: has not {len(COLUMNS)} fields, one for each column")
    text = {name: (row[name] or "").strip() for name in COLUMNS}
    for name in COLUMNS:
        if not text[name] and name not in ("group", "std", "n_seeds"):
            raise _wrong(where, name, text[name], "expected a value")
    _one_of(where, "protocol", text["protocol"], PROTOCOLS)
    _one_of(where, "metric", text["metric"], (*IN_PERCENT, *UNITLESS))
    if text["dataset"] in GENERATED:
        real = ", ".join(name for name in DATASETS if name not in GENERATED)
        problem = f"published numbers are about real data, such as {real}"
        raise _wrong(where, "dataset", text["dataset"], problem)
    percent = text["metric"] not in UNITLESS
    if text["metric"].startswith("group_") and not text["group"]:
        raise _wrong(where, "group", "", f"{text['metric']} is of one group")
    mean, sd = _number(where, "mean", text["mean"], percent), nan
    if text["std"]:
        sd = _number(where, "std", text["std"], percent)
    n = _count(where, text["n_seeds"])
    if text["std"] and (n is None or n < 2):
        problem = "a standard deviation is over two seeds or more"
        raise _wrong(where, "n_seeds", text["n_seeds"], problem)
    scale = 100 if percent else 1
    of_group = text["metric"] == "auc" and text["group"]
    return Cell(
        **{name: text[name] for name in COLUMNS[:7]},
        metric="group_auc" if of_group else text["metric"],
        group=text["group"],
        mean=mean / scale,
        sd=sd / scale,
        n=n,
        decimals=len(text["mean"].partition(".")[2]),
    )


def _number(where: str, name: str, text: str, percent: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not isfinite(value) or value < 0 or (percent and value > 100) or "e" in text.lower():
        expected = "a number from 0 to 100, in percent" if percent else "a number of at least 0"
        raise _wrong(where, name, text, f"expected {expected}")
    return value


def _count(where: str, text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise _wrong(where, "n_seeds", text, "expected a whole number of at least 1, or nothing")
    return int(text) if text else None


def _one_of(where: str, name: str, value: str, known: Iterable[str]) -> None:
    names: Sequence[str] = tuple(known)
    if value not in names:
        raise FairbenchError(f"{where}: field '{name}': {unknown_name(name, value, names)}")


def _wrong(where: str, name: str, value: str, problem: str) -> FairbenchError:
    return FairbenchError(f"{where}: field '{name}' is '{value}'; {problem}")
