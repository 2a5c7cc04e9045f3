"""Seeds as users write them."""

from __future__ import annotations

import re

from benchmark.errors import FairbenchError


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of `0-4`, `0,2,7` or a mixture, sorted, without repetition.

    Raises:
        FairbenchError: anything else.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if match is None:
            raise FairbenchError(f"seeds '{text}' are not numbers and ranges such as 0-4 or 0,2,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise FairbenchError(f"seeds '{text}': the range {part.strip()} runs backwards")
        seeds.update(range(first, last + 1))
    return tuple(sorted(seeds))
