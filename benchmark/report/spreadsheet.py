"""Tidy tables as CSV that is safe to open in a spreadsheet program."""

from __future__ import annotations

import numpy as np
import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")
"""A cell that starts so is run as a formula by spreadsheet programs."""


def csv_text(frame: pd.DataFrame) -> str:
    """Return the table as CSV: numbers with all digits, NaN as an empty cell.

    Names of groups and variants come from outside. One that would be run as a formula gets a
    leading apostrophe, by which spreadsheet programs know text.

    Source: OWASP, "CSV Injection".
    """
    safe = frame.rename(columns=_harmless)
    for name in safe.select_dtypes(exclude=["number", "bool"]):
        safe[name] = _mapped(safe[name])
    return safe.to_csv(index=False)


def _mapped(column: pd.Series) -> pd.Series:
    """Return `_harmless` of each cell; in a long column it is asked of each text once."""
    cells = column.tolist()
    texts = {cell for cell in cells if isinstance(cell, str)}
    all_text = all(isinstance(cell, str) or cell is None or cell is np.nan for cell in cells)
    # Left alone only if nothing else is there: of numbers among objects, `map` makes others.
    if all_text and all(_harmless(text) == text for text in texts):
        return column
    return column.map(_harmless)


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", " ")  # pandas does not quote it, and readers end the row there
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
