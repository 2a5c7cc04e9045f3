"""What is known of intervals that cover less than they say, for the place beside the number.

The one file to change when a calibration study has new figures.
"""

from __future__ import annotations

SMALL_GROUP = 30
"""Below this a gap between groups moves in visible steps, and the normal law is a poor guide."""


def caveat(test: str, n_seeds: int, smallest_group: float, metric: str) -> str:
    """Return what a reader must know of an interval's coverage; "" if nothing is known.

    Args:
        test: Short name of the test, as `Evidence.test`.
        n_seeds: Of the side with fewer.
        smallest_group: Samples of the smallest group; NaN if unknown.
        metric: A key of `METRICS`.
    """
    if "bootstrap" in test and smallest_group < SMALL_GROUP:
        return (
            f"the smallest group has {smallest_group:.0f} samples: the interval over patients "
            "may cover less than it says"
        )
    return ""
