"""How the runs of two sides meet."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.summary import NO_SEED
from benchmark.verdicts.claims import Claim

BY_SEED = "by seed"
CONSTANT_ARM = "one value against each baseline seed"
CONSTANT_BASELINE = "each seed against one baseline value"
SINGLE = "single values"
NOT_PAIRED = "not paired"


@dataclass(frozen=True)
class Pairing:
    """Which runs are compared with which.

    Attributes:
        kind: One of the constants of this module.
        seeds: (seed of the arm, seed of the baseline) of each pair; `NO_SEED` without one.
        why: A sentence.
    """

    kind: str
    seeds: tuple[tuple[int, int], ...]
    why: str


def pairing_of(claim: Claim) -> Pairing:
    """Return how runs with a value on both sides meet.

    Seeds pair, because a variant and its baseline with one seed see the same data in the same
    order. A side without a seed is a constant. With fewer than two shared seeds, and two or
    more on either side, the sides are not paired.
    """
    ours, theirs = claim.values()
    if NO_SEED in ours and NO_SEED in theirs:
        return Pairing(SINGLE, ((NO_SEED, NO_SEED),), "neither side has a seed")
    if NO_SEED in ours:
        pairs = tuple((NO_SEED, seed) for seed in theirs)
        return Pairing(CONSTANT_ARM, pairs, "the variant has no seed: its one value is a constant")
    if NO_SEED in theirs:
        pairs = tuple((seed, NO_SEED) for seed in ours)
        return Pairing(
            CONSTANT_BASELINE, pairs, "the baseline has no seed: its one value is a constant"
        )
    shared = sorted(ours.keys() & theirs.keys())
    pairs = tuple((seed, seed) for seed in shared)
    if len(shared) < 2 and (len(shared) == 0 or min(len(ours), len(theirs)) > 1):
        count = "no seed" if not shared else "one seed"
        return Pairing(NOT_PAIRED, pairs, f"{count} in common: the two sides are taken as unpaired")
    plural = "" if len(shared) == 1 else "s"
    why = f"{len(shared)} seed{plural} in common: the same batches in the same order on both sides"
    return Pairing(BY_SEED, pairs, why)
