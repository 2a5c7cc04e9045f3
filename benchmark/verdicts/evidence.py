"""What the data say of one claim, and which function made each number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from benchmark.stats.effects import Effect
from benchmark.stats.result import TestResult


@dataclass(frozen=True)
class Evidence:
    """What the data say of one difference, arm minus baseline.

    Attributes:
        test: Short name of the test, as tables print it.
        why: Why this test, in a sentence.
        pairing: How the runs of the two sides meet.
        n: Pairs, or what else the test counts, as tables print it.
        n_seeds: Seeds of the side with fewer; 1 without one.
        difference: The test of no difference, with the interval.
        p_above: Of the hypothesis that the difference is at or below −margin.
        p_below: Of the hypothesis that it is at or above the margin.
        narrow: The 1 − 2·alpha interval, whose lying within ± margin is equivalence; NaN where
            there is none.
        effect: Computes the effect size, which no verdict needs; None where the test has no
            usual one.
        pairs: The differences by seed where the test is of them alone; else None.
        certain: The difference where it is the same in each of two or more pairs, so that no
            test exists and none is needed; else NaN.
        scope: What the test can speak of, where it is less than what was asked for; else "".
        functions: Which function made `p`, `interval`, `equivalence` and `effect`, by path.
    """

    test: str
    why: str
    pairing: str
    n: str
    n_seeds: int
    difference: TestResult
    p_above: float = nan
    p_below: float = nan
    narrow: tuple[float, float] = (nan, nan)
    effect: Callable[[], Effect] | None = None
    pairs: NDArray[np.float64] | None = None
    certain: float = nan
    scope: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)

    @property
    def p_equivalence(self) -> float:
        """The larger of the two one-sided p; NaN unless both exist."""
        if isnan(self.p_above) or isnan(self.p_below):
            return nan
        return max(self.p_above, self.p_below)


def functions_of(**made: Callable[..., object] | None) -> dict[str, str]:
    """Return what was made → the import path of the function that made it."""
    return {
        name: f"{function.__module__}.{function.__qualname__}"
        for name, function in made.items()
        if function is not None
    }
