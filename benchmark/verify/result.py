"""The outcome of one check against recorded numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CheckResult:
    """One line of `fairbench verify`.

    Attributes:
        name: Such as `official-terms` or `trajectory clip_lr2e-3`.
        status: `pass` if the largest deviation is within the tolerance, `miss` if not,
            `skipped` if the pack lacks the file.
        cases: Numbers or cases compared; 0 if skipped.
        deviation: The largest, in the unit of the tolerance; NaN if skipped.
        tolerance: What was allowed; NaN if skipped.
        note: Where the largest deviation is, what was left out and why, or why it was skipped.
    """

    name: str
    status: Literal["pass", "miss", "skipped"]
    cases: int
    deviation: float
    tolerance: float
    note: str = ""
