"""Named random streams: one seed for a run, independent numbers for each purpose.

Every generator is a function of (seed, stream, pass), never of what was drawn before. So a
regulariser that draws group batches does not move the main batches, a resumed run needs no
state, and two variants with one seed see the same data in the same order on every device.
`SharedStream` is the opposite, for the protocol key `random_streams=shared`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

Shuffles = Callable[[str, int], np.random.Generator]
"""(stream, pass) → the generator that shuffles one pass of one loader."""


def generator(seed: int, stream: str, passes: int = 0) -> np.random.Generator:
    """Return the CPU generator of one stream (`init`, `order`, `groups/…`, `noise/…`) and pass."""
    name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, name, passes])))


class SharedStream:
    """One stream that seeds every pass of every loader, in the order in which passes begin.

    In the public code each pass of a shuffled loader takes its seed from torch's global
    generator: the main loader at the start of an epoch, a group's loader at its first batch and
    whenever it starts over. So the first epoch has the same main batches with and without a
    regulariser, and every later epoch others. What public code draws equally often in every
    variant (initialisation, loaders without shuffling) shifts nothing and is not drawn here.

    Source: torch `RandomSampler.__iter__`; `endless_loader` in src/modules.py of both codes.
    """

    def __init__(self, seed: int) -> None:
        self._seeds = generator(seed, "shared")

    def __call__(self, stream: str, passes: int) -> np.random.Generator:
        """Return the generator of the pass that begins now, whichever it is."""
        return np.random.Generator(np.random.PCG64(int(self._seeds.integers(2**63))))
