"""What is known of intervals that cover less than they say, for the place beside the number.

The one file to change when a calibration study (`docs/calibration.md`) has new figures.
"""

from __future__ import annotations

from math import isnan

BETWEEN_GROUPS = frozenset({"dpd", "deodds", "auc_gap", "worst_group_auc", "es_auc", "es_accuracy"})
"""Metrics of the largest differences between groups, which noise within groups enlarges."""

DRAWN_TO_ZERO = (
    "noise enlarges small gaps most, so that the change of a gap looks smaller than it is in the "
    "population: where DEOdds changed by the margin, simulated 95% intervals held the population's "
    "value in 63 to 89% of cases, and equivalence was found in 9 to 43% instead of 5%"
)

FEW_SEEDS = {2: 0.92, 3: 0.94}
"""Seeds → coverage of simulated 95% intervals over seeds and patients, ± 0.01."""


def caveat(test: str, n_seeds: int, smallest_group: float, metric: str) -> str:
    """Return what a reader must know of an interval's coverage; "" if nothing is known.

    Args:
        test: Short name of the test, as `Evidence.test`.
        n_seeds: Of the side with fewer.
        smallest_group: Samples of the smallest group; NaN if unknown.
        metric: A key of `METRICS`.
    """
    known = []
    if "bootstrap" in test and metric in BETWEEN_GROUPS:
        here = "" if isnan(smallest_group) else f" (smallest group here: {smallest_group:.0f})"
        known.append(
            f"the interval is for test sets with groups of this size{here}; {DRAWN_TO_ZERO}"
        )
    if "Rockette" in test and n_seeds in FEW_SEEDS:
        known.append(
            f"with {n_seeds} seeds a 95% interval over seeds and patients covers about "
            f"{100 * FEW_SEEDS[n_seeds]:.0f}%"
        )
    return "; ".join(known)
