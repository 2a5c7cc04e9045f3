"""One measured number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of `fairbench bench`.

    Attributes:
        name: What was measured.
        value: The number; NaN if it could not be measured.
        unit: Of the value: `s`, `MB`, `×`.
        target: What it is to be, such as `< 2 s`; empty if nothing was promised.
        note: How it was measured, or why not.
    """

    name: str
    value: float
    unit: str
    target: str = ""
    note: str = ""
