"""Arms that differ in one number alone: a dose, such as the weight λ of a fairness term."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.arms import Arm
from benchmark.stats.trend import MIN_DOSES


@dataclass(frozen=True)
class DoseSeries:
    """The arms of one variant that are equal but for one numeric key of the objective.

    Attributes:
        key: The key.
        name: The variant with its other changed keys.
        arms: Dose → arm, in the order of the doses.
    """

    key: str
    name: str
    arms: Mapping[float, Arm]

    @property
    def first(self) -> Arm:
        """The arm of the lowest dose; all have its block, conditions and attributes."""
        return next(iter(self.arms.values()))

    @property
    def positive(self) -> tuple[float, ...]:
        """The doses above 0, which have a logarithm."""
        return tuple(dose for dose in self.arms if dose > 0)

    @property
    def dose_name(self) -> str:
        """What the dose is called in text: λ, relative λ, or the key."""
        if self.key != "weight":
            return self.key
        return "relative λ" if _keys(self.first).get("balance") == "gradient" else "λ"


def dose_series(arms: Iterable[Arm]) -> list[DoseSeries]:
    """Return every series with at least three doses above 0, in the order of the arms.

    An arm can be in several: a grid of two keys has a series for each value of either.
    """
    alike: dict[tuple[str, str], dict[float, Arm]] = {}
    for arm in arms:
        keys = _keys(arm)
        for key, value in keys.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
                alike.setdefault((key, _apart_from(key, arm, keys)), {})[float(value)] = arm
    found = [
        DoseSeries(
            key, _without(key, next(iter(doses.values())).label), dict(sorted(doses.items()))
        )
        for (key, _), doses in alike.items()
    ]
    return [series for series in found if len(series.positive) >= MIN_DOSES]


def _keys(arm: Arm) -> Mapping[str, Any]:
    keys: Mapping[str, Any] = arm.runs[0].config["objective"]
    return keys


def _apart_from(key: str, arm: Arm, keys: Mapping[str, Any]) -> str:
    """Return all that must be equal for arms to differ in this key alone."""
    others = {name: value for name, value in keys.items() if name != key}
    same = [arm.block, arm.attributes, dict(arm.conditions), others]
    # The label tells variants and backbones apart, and the hash files of one name.
    source = arm.runs[0].config["identity"].get("source")
    return json.dumps([*same, _without(key, arm.label), source], sort_keys=True)


def _without(key: str, label: str) -> str:
    """Return a label such as `fairclip[solver=exact, weight=0.1]` without one numeric key."""
    bare = re.sub(rf"(?<=[\[ ]){re.escape(key)}=[^,\]]*(?:, )?", "", label)
    return bare.replace(", ]", "]").removesuffix("[]")
