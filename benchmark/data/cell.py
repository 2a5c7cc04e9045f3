"""Values of table cells: when two are the same, and how much of one a message may show."""

from __future__ import annotations

import re
from typing import Any

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS = {"true": "yes", "yes": "yes", "false": "no", "no": "no"}  # YAML reads `no` as false
_LONGEST_SHOWN = 40


def canonical(value: Any) -> str:
    """Return the form in which values are compared.

    `1`, `1.0` and `"1"` are one value, `yes` and `true` are, and so are `null` and an empty
    cell. Everything else compares as text without the blanks around it.
    """
    if value is None:
        return ""
    text = str(value).strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        # Long digits are identifiers; as floats two of them could become one.
        return f"{number:.15g}" if abs(number) < 1e15 else text
    return _WORDS.get(text.lower(), text)


def number_of(cell: str) -> float | None:
    """Return the number that a cell holds, or None."""
    text = cell.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def shown(cell: str) -> str:
    """Return a cell for a message; a longer text could be a note and is not printed."""
    text = cell.strip()
    if len(text) > _LONGEST_SHOWN or not text.isprintable():
        return f"a text of {len(text)} characters"
    return f"'{text}'"
