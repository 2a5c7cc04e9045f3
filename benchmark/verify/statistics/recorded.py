"""What the checks of recorded statistics share: missing numbers, and one result of many kinds."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from benchmark.verify.deviations import Deviations, absolute, relative
from benchmark.verify.pack import Entry
from benchmark.verify.result import CheckResult


def nullable(entry: Entry, field: str) -> float:
    """Return a number, NaN where the file has null: undefined, or not computed there."""
    return nan if entry.value(field) is None else entry.number(field)


def nullables(entry: Entry, field: str) -> list[float]:
    """Return a list of numbers, NaN where the file has null."""
    values = entry.value(field)
    listed = Entry(entry.where, {f"{field}[{i}]": v for i, v in enumerate(values)})
    return [nullable(listed, name) for name in listed.values]


class Tally:
    """Comparisons with kinds of their own tolerance, each absolute or relative.

    Args:
        name: Of the check.
        relative: Kind → largest relative deviation.
        absolute: Kind → largest absolute deviation.
    """

    def __init__(
        self, name: str, *, relative: dict[str, float], absolute: dict[str, float]
    ) -> None:
        self.name, self._relative = name, frozenset(relative)
        self.deviations = Deviations(**relative, **absolute)
        self.notes: list[str] = []

    def number(self, kind: str, where: str, ours: float, recorded: float) -> None:
        """Compare one number; NaN equals NaN."""
        measure = relative if kind in self._relative else absolute
        self.deviations.add(kind, where, ours, recorded, measure(ours, recorded))

    def numbers(
        self, kind: str, where: str, ours: Iterable[float], recorded: Iterable[float]
    ) -> None:
        """Compare two rows of as many numbers."""
        for position, (a, b) in enumerate(zip(ours, recorded, strict=True)):
            self.number(kind, f"{where} {position}", a, b)

    def interval(
        self, kind: str, where: str, ours: Iterable[float], entry: Entry, field: str
    ) -> None:
        """Compare two bounds; null in the file is an interval that was not computed there."""
        if entry.value(field) is not None:
            self.numbers(kind, f"{where}, {field}", ours, nullables(entry, field))

    def result(self) -> CheckResult:
        """Return one line: the kind that misses, else the first, and all kinds in the note."""
        found = self.deviations
        worst = found.worst
        kinds = ", ".join(str(kind) for kind in found.kinds.values() if kind.cases)
        first = [f"first: {found.first}"] if found.first else []
        return CheckResult(
            self.name,
            "pass" if found.passes else "miss",
            found.cases,
            worst.largest,
            worst.tolerance,
            "; ".join([*first, kinds, *self.notes]),
        )
