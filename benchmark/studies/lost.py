"""Runs without a result, in the words of a study: the seeds that survive are no fair sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmark.arms import Arm


def lost_runs(arms: Iterable[Arm]) -> Iterator[str]:
    """Yield a sentence for each arm that lost runs; the section of lost runs has their messages."""
    for arm in arms:
        lost = len(arm.runs) - len(arm.done)
        if lost:
            on = f" on {'+'.join(arm.attributes)}" if arm.attributes else ""
            text = f"{arm.label}{on}, {arm.protocol}: {lost} of {len(arm.runs)} runs diverged or "
            yield text + "failed; no number here holds them."
