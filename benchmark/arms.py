"""Which runs belong together: arms, blocks, and what is confounded.

An arm is what a table shows as one row: the runs of one objective under one protocol, apart
only by seed. A block is a test set and a model; arms of different blocks are never compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.errors import FairbenchError
from benchmark.metrics.intersections import intersections_of, members
from benchmark.model_names import without_folder
from benchmark.results import StoredRun

KERNELS = ("numerics", "cuda_kernels", "fast_step")
"""Of a run's identity: versions of what computes its numbers, a condition of a comparison."""


@dataclass(frozen=True)
class Arm:
    """Runs that differ by seed alone.

    Attributes:
        label: The variant with its changed keys.
        variant: The variant's name.
        attributes: What it trains on; empty if it ignores groups.
        trains: False for weights evaluated as they are.
        own_selection: The rule of the variant's source.
        block: Test fingerprint and initial weights.
        protocol: The protocol's preset with the keys that were changed, and what else tells
            the arm apart from others that would have the same row name.
        conditions: All that should be equal in a fair comparison, flat: protocol keys,
            `threads`, `device`, `dataset` (fingerprint of all data, before `train_share` makes
            training groups smaller), `train_share`, `numerics`. An arm that does not train has
            only the keys on which its scores depend.
        runs: Whatever became of them.
    """

    label: str
    variant: str
    attributes: tuple[str, ...]
    trains: bool
    own_selection: str
    block: tuple[str, str]
    protocol: str
    conditions: Mapping[str, Any]
    runs: tuple[StoredRun, ...]

    @property
    def done(self) -> tuple[StoredRun, ...]:
        """The runs with results, by seed."""
        done = [run for run in self.runs if run.state == "done"]
        return tuple(sorted(done, key=lambda run: run.config["seed"] or 0))

    @property
    def dataset(self) -> Mapping[str, Any]:
        """The dataset section of the runs' configuration."""
        section: Mapping[str, Any] = self.runs[0].config["dataset"]
        return section

    @property
    def model(self) -> str:
        """Architecture, and weights where named; of paths the last part, and the weights' hash."""
        section = self.runs[0].config["model"]
        named = [str(section[field]) for field in ("name", "pretrained") if section[field]]
        name, *more = shown = [without_folder(one) for one in named]
        if shown != named:  # files of other folders may be called the same
            more.append(str(section["weights"])[:8])
        return f"{name} ({', '.join(more)})" if more else name

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The attributes whose groups it is judged on: those it trains on, or all."""
        return self.attributes or tuple(self.dataset["attributes"])

    def evaluated_with(self, intersections: Iterable[str]) -> tuple[str, ...]:
        """Return `evaluated`, and those of the intersections that contain one of them.

        Args:
            intersections: Such as `race×gender`; left out where the dataset lacks an attribute.
        """
        found = intersections_of(intersections, self.dataset["attributes"])
        return (*self.evaluated, *(name for name in found if self.judged_on(name)))

    def judged_on(self, attribute: str) -> bool:
        """Return whether the arm is judged on an attribute or intersection of its dataset."""
        return not set(self.evaluated).isdisjoint(members(attribute, self.dataset["attributes"]))


def make_arms(runs: Iterable[StoredRun]) -> list[Arm]:
    """Group runs into arms, in the order of label, attribute and conditions.

    Raises:
        FairbenchError: two runs that nothing but their files' names tells apart.
    """
    grouped: dict[str, list[StoredRun]] = {}
    for run in runs:
        grouped.setdefault(_arm_key(run), []).append(run)
    arms = [_arm(members) for members in grouped.values()]
    arms.sort(key=lambda arm: (arm.label, arm.attributes, _canonical(arm.conditions)))
    return _told_apart(arms)


def differing_conditions(a: Arm, b: Arm) -> list[str]:
    """Return the names of conditions that both arms have and that are not equal."""
    shared = a.conditions.keys() & b.conditions.keys()
    return sorted(name for name in shared if a.conditions[name] != b.conditions[name])


def closest_baseline(
    arm: Arm, attribute: str, baselines: Iterable[Arm]
) -> tuple[Arm | None, list[str]]:
    """Return the baseline arm of the same block with the fewest different conditions.

    Only baselines judged on the attribute count; a baseline's own closest is itself.

    Returns:
        The arm (None without one in the block) and the names of the conditions that differ;
        a difference to it is confounded unless they are empty.
    """
    candidates = [b for b in baselines if b.block == arm.block and b.judged_on(attribute)]
    if not candidates:
        return None, []
    best = min(candidates, key=lambda b: (b is not arm, len(differing_conditions(arm, b))))
    return best, differing_conditions(arm, best)


def _arm(members: list[StoredRun]) -> Arm:
    config = members[0].config
    by_seed = {run.config["seed"]: run for run in members}
    for run in members:
        other = by_seed[run.config["seed"]]
        if other is not run:  # randomly drawn weights are not in the key: see `_arm_key`
            raise FairbenchError(
                f"{run.path} and {other.path} are the same run of {config['label']} from other "
                "initial weights; delete one of them"
            )
    dataset = config["dataset"]
    protocol = {k: v for k, v in config["protocol"].items() if k != "label"}
    return Arm(
        label=config["label"],
        variant=config["variant"],
        attributes=tuple(config["attributes"]),
        trains=config["trains"],
        own_selection=config["own_selection"],
        block=_block(config),
        protocol=config["protocol"]["label"],
        conditions={
            **protocol,
            "threads": config["threads"],
            "device": config["device"],
            "dataset": dataset.get("whole_fingerprint", dataset["fingerprint"]),
            "train_share": _shares_text(dataset.get("train_share", {})),
            **{k: v for k, v in config["identity"].items() if k in KERNELS},
        },
        runs=tuple(members),
    )


def _told_apart(arms: Sequence[Arm]) -> list[Arm]:
    """Name the conditions that differ between arms that would have the same row name."""
    alike: dict[tuple[Any, ...], list[Arm]] = {}
    for arm in arms:
        alike.setdefault((arm.block, arm.label, arm.attributes, arm.protocol), []).append(arm)
    values_of = {id(same): _values_of_conditions(same) for same in alike.values()}

    def told_apart(arm: Arm) -> Arm:
        same = alike[arm.block, arm.label, arm.attributes, arm.protocol]
        if len(same) == 1:
            return arm
        # Without a difference in conditions it is the objective, or an external file's source.
        names = _unlike_others(arm, values_of[id(same)])
        shown = {**arm.conditions, "dataset": str(arm.conditions["dataset"])[:12]}
        what = [f"{name}={shown[name]}" for name in names]
        return replace(arm, protocol=", ".join([arm.protocol, *(what or [arm.runs[0].id])]))

    return [told_apart(arm) for arm in arms]


def _values_of_conditions(arms: Iterable[Arm]) -> dict[str, set[str]]:
    """Return each condition's values over all arms that have it: no pairs, there may be many."""
    values: dict[str, set[str]] = {}
    for arm in arms:
        for name, value in arm.conditions.items():
            values.setdefault(name, set()).add(_canonical(value))
    return values


def _unlike_others(arm: Arm, values: Mapping[str, set[str]]) -> list[str]:
    """Return the names of the arm's conditions that another arm has with another value."""
    return sorted(name for name in arm.conditions if len(values[name]) > 1)


def _arm_key(run: StoredRun) -> str:
    return _canonical([_without_seed(run.config["identity"]), _block(run.config)])


def _without_seed(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what differs within an arm; the backbone of a probe has the probe's seed."""
    # Weights drawn at random and imported predictions differ by seed; the block has the rest.
    apart = ("seed", "weights", "predictions")
    held = {name: value for name, value in identity.items() if name not in apart}
    if "backbone" in held:
        held["backbone"] = _without_seed(held["backbone"])
    return held


def _shares_text(shares: Mapping[str, float]) -> str:
    return " ".join(f"{group}={share:g}" for group, share in sorted(shares.items())) or "all"


def _block(config: Mapping[str, Any]) -> tuple[str, str]:
    model = config["model"]
    weights = f"random {model['name']}" if model["random_init"] else model["weights"]
    return config["dataset"]["test_fingerprint"], weights


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
