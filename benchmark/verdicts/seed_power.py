"""What n paired seeds can show at a margin, and how many would do: one row of `fairbench power`."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

from scipy import special

from benchmark.stats.power import (
    power_paired_t,
    power_tost,
    required_n,
    required_n_tost,
    smallest_effect,
)

POWERS = (0.8, 0.9)


@dataclass(frozen=True)
class SeedPower:
    """Power over n paired seeds, in the unit of the metric.

    Attributes:
        n: Seeds.
        smallest: Power → the smallest true difference that is shown with it; NaN for one seed.
        of_difference: Power to show a true difference as large as the margin.
        of_equivalence: Power to show equivalence where the true difference is zero.
    """

    n: int
    smallest: dict[float, float]
    of_difference: float
    of_equivalence: float


@dataclass(frozen=True)
class SeedsNeeded:
    """Seeds that reach a power, None where ten million would not.

    Attributes:
        difference: Power → seeds, for a true difference as large as the margin.
        equivalence: Power → seeds, where the true difference is zero.
    """

    difference: dict[float, int | None]
    equivalence: dict[float, int | None]


def seed_power(sd: float, margin: float, n: int, alpha: float) -> SeedPower:
    """Return what n paired seeds can show by paired t tests.

    Args:
        sd: Standard deviation of the paired differences, positive.
        margin: The smallest difference that matters, in the same unit.
        n: Seeds, at least 1.
        alpha: Level of one test: that of the family over its number of tests, where all of
            them are to be safe.
    """
    return SeedPower(
        n=n,
        smallest={power: sd * smallest_effect(n, power, alpha) for power in POWERS},
        of_difference=power_paired_t(margin / sd, n, alpha) if n > 1 else nan,
        of_equivalence=power_tost(margin, sd, n, 0.0, alpha),
    )


def seeds_needed(sd: float, margin: float, alpha: float) -> SeedsNeeded:
    """Return the seeds that reach each of `POWERS`; arguments as in `seed_power`."""
    return SeedsNeeded(
        difference={power: required_n(margin / sd, power, alpha).n for power in POWERS},
        equivalence={power: required_n_tost(margin, sd, 0.0, power, alpha).n for power in POWERS},
    )


def sd_interval(sd: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a true SD from that of n independent normal differences, n ≥ 2.

    Source: Snedecor & Cochran, Statistical Methods, 1989, §5.11 (χ² with n − 1 degrees of
        freedom).
    """
    tail = (1 - confidence) / 2
    low, high = (
        sd * sqrt((n - 1) / float(special.chdtri(n - 1, upper))) for upper in (tail, 1 - tail)
    )
    return low, high


def level_of_one(alpha: float, n_tests: int, correction: str) -> float:
    """Return the level at which one test of a family is sure to count.

    Under every correction a p of alpha / n_tests is significant whatever the other tests give,
    but for Benjamini-Yekutieli, whose first step is smaller by Σ 1/i.
    """
    steps = max(n_tests, 1)
    if correction == "none":
        return alpha
    if correction == "by":
        return alpha / (steps * sum(1 / i for i in range(1, steps + 1)))
    return alpha / steps
