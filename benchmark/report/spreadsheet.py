"""Tidy tables as CSV that is safe to open in a spreadsheet program."""

from __future__ import annotations

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
        safe[name] = safe[name].map(_harmless)
    return safe.to_csv(index=False)


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", " ")  # pandas does not quote it, and readers end the row there
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
