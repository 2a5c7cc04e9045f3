"""`sweep:` in a suite: one entry that stands for a run at each value of a key."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any


def swept(entry: object) -> list[object]:
    """Return the entries of a suite's `runs` that one entry stands for.

    `{variant: fairclip, set: {solver: exact}, sweep: {weight: [1e-7, 1e-6]}}` is that variant
    twice, `weight` added to `set`. With several keys it is once for each combination, the last
    key moving fastest. An entry without `sweep` is itself.

    Raises:
        ValueError: a sweep that does not map keys to lists of different values, or a key that
            `set` fixes.
    """
    if not isinstance(entry, Mapping) or "sweep" not in entry:
        return [entry]
    sweep, fixed = entry["sweep"], entry.get("set", {})
    if not (isinstance(sweep, Mapping) and sweep and isinstance(fixed, Mapping)):
        raise ValueError(f"has sweep: {sweep!r}; expected keys with values: {{weight: [1e-7, 1]}}")
    for name, values in sweep.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"sweeps {name} over {values!r}; expected a list of values")
        if any(value in values[:i] for i, value in enumerate(values)):
            raise ValueError(f"sweeps {name} over {values!r}, which has a value twice")
        if name in fixed:
            raise ValueError(f"has {name} both in set and in sweep; leave it out of one of them")
    rest: dict[Any, Any] = {key: value for key, value in entry.items() if key != "sweep"}
    return [
        {**rest, "set": {**fixed, **dict(zip(sweep, values, strict=True))}}
        for values in product(*sweep.values())
    ]
