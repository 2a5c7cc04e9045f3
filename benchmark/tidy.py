"""Tidy tables of millions of rows, most of whose columns change only from block to block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


class TidyBlocks:
    """A table that grows by blocks of rows, which share the values of some columns.

    A row as a dictionary takes ten times the memory of its numbers, and a table of dictionaries
    ten times the time.

    Args:
        columns: Their names, in order.
        integers: Those that hold whole numbers or nothing.
    """

    def __init__(self, columns: Iterable[str], integers: Iterable[str] = ()) -> None:
        self._columns = list(columns)
        self._integers = frozenset(integers)
        self._shared: dict[str, list[Any]] = {}
        self._own: dict[str, list[Any]] = {}
        self._sizes: list[int] = []

    def add(self, shared: Mapping[str, Any], own: Mapping[str, Sequence[Any]]) -> None:
        """Append a block.

        Args:
            shared: Column → value; the same columns in every block.
            own: Column → one value a row.

        Raises:
            ValueError: other columns than those of the table, or columns of unequal length.
        """
        if not self._sizes:
            self._shared = {name: [] for name in self._columns if name in shared}
            self._own = {name: [] for name in self._columns if name not in shared}
        if shared.keys() != self._shared.keys() or own.keys() != self._own.keys():
            raise ValueError(f"columns are {[*shared, *own]}; expected {self._columns}")
        sizes = {len(column) for column in own.values()}
        if len(sizes) != 1:
            raise ValueError(f"one block has columns of {sorted(sizes)} rows")
        for name, value in shared.items():
            self._shared[name].append(value)
        for name, column in own.items():
            self._own[name].extend(column)
        self._sizes.extend(sizes)

    def table(self) -> pd.DataFrame:
        """Return the table, each column of the type that pandas finds for its values."""
        block = np.repeat(np.arange(len(self._sizes)), self._sizes)
        columns = {name: self._column(name, of).take(block) for name, of in self._shared.items()}
        columns |= {name: self._column(name, of) for name, of in self._own.items()}
        for column in columns.values():
            column.index = pd.RangeIndex(len(block))
        return pd.DataFrame(columns, columns=self._columns)

    def _column(self, name: str, values: list[Any]) -> pd.Series[Any]:
        return pd.Series(values, dtype="Int64" if name in self._integers else None)
