"""How a verdict is dressed: never by colour alone, since its word always stands there."""

from __future__ import annotations

from benchmark.report.answers import DECIDED_FIRST

_TONES = {name: name.replace(",", "").replace(" ", "-") for name in DECIDED_FIRST}
"""Verdict → class of its style."""


def tone(text: str) -> str:
    """Return the style class of a verdict; "other" of what is none.

    A table adds signs of footnotes to its verdicts: `undecided ‡`.
    """
    found = [name for name in _TONES if text == name or text.startswith((f"{name} ", f"{name}, "))]
    return _TONES[max(found, key=len)] if found else "other"
