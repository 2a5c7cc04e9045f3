"""Named random streams: one seed for a run, independent numbers for each purpose.

Every generator is a function of (seed, stream, pass), never of what was drawn before. So a
regulariser that draws group batches does not move the main batches, a resumed run needs no
state, and two variants with one seed see the same data in the same order on every device.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, stream: str, passes: int = 0) -> np.random.Generator:
    """Return the CPU generator of one stream (`init`, `order`, `groups/…`, `noise/…`) and pass."""
    name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, name, passes])))
