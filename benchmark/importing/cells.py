"""The columns of a table of predictions as what they mean, checked cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import UNKNOWN
from benchmark.data.table_file import Columns
from benchmark.errors import FairbenchError

MOST_GROUPS = 100


class Cells:
    """The columns of a file; an error names file, row, column and value of the first bad cell."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def texts(self, name: str) -> list[str]:
        """Return stripped texts, none empty."""
        return list(self._each(name, _not_empty, "a text"))

    def numbers(self, name: str, empty: int | None = None) -> NDArray[np.int64]:
        """Return whole numbers from 0 on, `empty` for an empty cell where it is given."""

        def number(cell: str) -> int:
            if not cell and empty is not None:
                return empty
            value = float(cell)  # Parquet holds seeds as 3.0 where one is missing
            if not 0 <= value <= 32_767 or value != int(value):
                raise ValueError
            return int(value)

        return np.array(list(self._each(name, number, "a whole number from 0 to 32767")))

    def choices(self, name: str, known: Sequence[str]) -> list[str]:
        """Return texts that are all among those known."""

        def choice(cell: str) -> str:
            if cell not in known:
                raise ValueError
            return cell

        return list(self._each(name, choice, " or ".join(known)))

    def probabilities(self, name: str) -> NDArray[np.float64]:
        """Return numbers in [0, 1]."""

        def probability(cell: str) -> float:
            value = float(cell)
            if not 0 <= value <= 1:
                raise ValueError
            return value

        return np.array(list(self._each(name, probability, "a probability, from 0 to 1")))

    def groups(self, name: str) -> tuple[tuple[str, ...], NDArray[np.int8]]:
        """Return group names in alphabetical order, and codes; an empty cell is unknown."""
        cells = [cell.strip() for cell in self.columns.cells[name]]
        names = tuple(sorted(set(cells) - {""}))
        if not 1 <= len(names) <= MOST_GROUPS:
            raise FairbenchError(
                f"{self.columns.path}: column '{name}' has {len(names)} distinct values; groups "
                f"are 1 to {MOST_GROUPS}, an empty cell is unknown"
            )
        code = {"": UNKNOWN, **{group: i for i, group in enumerate(names)}}
        return names, np.array([code[cell] for cell in cells], np.int8)

    def _each(self, name: str, convert: Callable[[str], Any], expected: str) -> Iterator[Any]:
        for index, cell in enumerate(self.columns.cells[name]):
            try:
                yield convert(cell.strip())
            except (ValueError, OverflowError):
                raise FairbenchError(
                    f"{self.columns.row(index)}: column '{name}' is '{cell[:60]}'; expected "
                    f"{expected}"
                ) from None


def _not_empty(cell: str) -> str:
    if not cell:
        raise ValueError
    return cell
