"""Deviations from recorded numbers, by kind, each against a tolerance of its own."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan


def absolute(found: float, recorded: float) -> float:
    """Return |found − recorded|; 0 where both are the same or both NaN, ∞ where one is NaN."""
    if found == recorded or (isnan(found) and isnan(recorded)):
        return 0.0
    difference = abs(found - recorded)
    return inf if isnan(difference) else difference


def relative(found: float, recorded: float) -> float:
    """Return |found − recorded| / |recorded|; ∞ where only the recorded value is 0."""
    difference = absolute(found, recorded)
    if difference == 0:
        return 0.0
    return difference / abs(recorded) if recorded else inf


@dataclass
class Kind:
    """Comparisons of one kind.

    Attributes:
        name: Such as `predictions`.
        tolerance: Largest deviation that passes.
        cases: How many numbers were compared.
        largest: The largest deviation so far.
        where: Where that was.
    """

    name: str
    tolerance: float
    cases: int = 0
    largest: float = 0.0
    where: str = ""

    @property
    def passes(self) -> bool:
        """Whether no deviation is above the tolerance."""
        return self.largest <= self.tolerance

    def __str__(self) -> str:
        sign = "≤" if self.passes else ">"
        return f"{self.name} {self.largest:.2g} {sign} {self.tolerance:.2g}"


class Deviations:
    """All comparisons of one replay, in the order in which they were made.

    Attributes:
        kinds: Name → kind, in the order of their tolerances.
        first: The first comparison above its tolerance: where, what, both values; else empty.
    """

    def __init__(self, **tolerances: float) -> None:
        self.kinds = {name: Kind(name.replace("_", " "), t) for name, t in tolerances.items()}
        self.first = ""

    def add(self, kind: str, where: str, found: object, recorded: object, deviation: float) -> None:
        """Take note of one comparison.

        Args:
            kind: One of the names given to the constructor.
            where: Such as `epoch 1, step 9, clip`.
            found: The value here.
            recorded: The value in the file.
            deviation: In the unit of the kind's tolerance.
        """
        tally = self.kinds[kind]
        tally.cases += 1
        if deviation > tally.largest or not tally.where:
            tally.largest, tally.where = max(deviation, tally.largest), where
        if deviation > tally.tolerance and not self.first:
            self.first = (
                f"{where}: {_shown(found)} here, {_shown(recorded)} recorded "
                f"(deviation {deviation:.2g} > {tally.tolerance:.2g})"
            )

    @property
    def cases(self) -> int:
        """How many numbers were compared."""
        return sum(kind.cases for kind in self.kinds.values())

    @property
    def worst(self) -> Kind:
        """The first kind that misses; the first kind of all if none does."""
        kinds = list(self.kinds.values())
        return next((kind for kind in kinds if not kind.passes), kinds[0])

    @property
    def passes(self) -> bool:
        """Whether every kind does."""
        return all(kind.passes for kind in self.kinds.values())


def _shown(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
