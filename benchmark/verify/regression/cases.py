"""What `fairbench check` trains: every variant on 96 synthetic samples, for six steps.

Two of the settings of a variant are needed to guard it. As shipped, λ is so small that a wrong
fairness gradient would move nothing; and the float32 gradient of geomloss, which is mostly
rounding error, would move everything on another processor. So a variant with a fairness
term also runs with a λ that lets the term pull about as hard as the contrastive loss,
and with geomloss in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.config import DatasetConfig, resolve
from benchmark.data.cache import cache_root
from benchmark.data.synthetic import default_synthetic, make_config
from benchmark.errors import FairbenchError
from benchmark.execute import Planned, plan_run
from benchmark.registry import Variant, find_variant, known_variants

SMALL: Mapping[str, Any] = {"epochs": 2, "batch_size": 40, "group_batch": 8, "probe_epochs": 20}
"""Two passes of 40, 40 and 16 pairs: a second permutation, and a short last batch; a probe of
twenty epochs, of which half are warm-up."""


@dataclass(frozen=True)
class Setting:
    """Keys laid over a variant, and the protocol preset that they are used with.

    Attributes:
        preset: The protocol.
        keys: Flat key → value; those of `SMALL` hold beside them.
    """

    preset: str = "tiny"
    keys: Mapping[str, Any] = field(default_factory=dict)


def _strong(weight: float) -> Setting:
    return Setting(keys={"weight": weight, "solver": "geomloss-fp64"})


FURTHER: Mapping[str, Mapping[str, Setting]] = {
    "clip-ft": {
        # What the default protocol leaves unused: frozen parameters, one mode, another optimiser.
        "official": Setting("official", {"lr": 1e-4, "weight_decay": 0.01}),
        "adamw": Setting(keys={"optimiser": "adamw", "weight_decay": 1.0}),
    },
    "fairclip": {"strong": _strong(1e-6)},
    "a-fairclip": {
        "strong": _strong(1.0),
        "placebo": Setting(
            keys={
                **{"weight": 10.0, "score": "cosine", "distance": "energy", "solver": "exact"},
                **{"group_source": "batch", "groups": "permuted", "group_batch": 32},
            }
        ),
    },
    "fairclip-plus": {"strong": _strong(1.0)},
    "adversarial": {
        # Six steps are few: a linear adversary at a high rate has learned something by then.
        "strong": Setting(
            keys={"weight": 10.0, "schedule": "ramp", "hidden": [], "adversary_lr": 0.05}
        ),
    },
    "logit-shrink": {"strong": Setting(keys={"weight": 1e-6})},
    "mmd-gaussian": {"strong": _strong(0.03)},
    "mmd-laplacian": {"strong": _strong(0.03)},
}
"""Built-in variant → name → setting that it is run with besides its own keys."""


@dataclass(frozen=True)
class Case:
    """One training of the check.

    Attributes:
        name: The variant's, with the setting's behind it: `fairclip strong`.
        planned: The run.
    """

    name: str
    planned: Planned


def make_cases(variants: Iterable[str] = ()) -> list[Case]:
    """Return the cases of variants by name or `*.py` file; by default of all built-in ones.

    The data are the synthetic set of size `tiny`, made in the cache; the model is the shipped
    CLIP; everything runs on one thread of the CPU.

    Raises:
        FairbenchError: an unknown variant, one that is named twice, or one that trains on an
            attribute that the synthetic data lack.
    """
    built_in = [v for v in known_variants().values() if v.origin == "built-in"]
    chosen = [find_variant(name) for name in variants] or built_in
    names = [variant.name for variant in chosen]
    if twice := [name for name in names if names.count(name) > 1]:
        raise FairbenchError(f"variant '{twice[0]}' is named twice; name it once")
    data = DatasetConfig(data_dir=default_synthetic(cache_root(), make_config("tiny")))
    return [case for variant in chosen for case in _cases_of(variant, data)]


def _cases_of(variant: Variant, data: DatasetConfig) -> list[Case]:
    settings = {"": Setting()}
    if variant.origin == "built-in":
        settings |= FURTHER.get(variant.name, {})
    return [
        Case(
            f"{variant.name} {name}".rstrip(),
            plan_run(
                resolve(
                    variant,
                    preset=setting.preset,
                    changes={**SMALL, **setting.keys},
                    dataset=data,
                )
            ),
        )
        for name, setting in settings.items()
    ]
