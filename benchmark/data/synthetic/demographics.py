"""Who is in a split: attributes and labels in exact proportions.

The marginals are those of section 3.3 of Luo et al., CVPR 2024 (Harvard-FairVLMed). They are
allocated by quota, not drawn, so that a group's size is known before the data exist. Two links
between attributes are kept because they shape what a reader drops: most patients whose
language is unknown have an unknown ethnicity too (the release loses 6% of its validation split
to unknown values, not 11%), and most who prefer Spanish are Hispanic. Everything else is
independent, so that a gap can only come from a knob.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

if TYPE_CHECKING:
    from benchmark.data.synthetic.config import SyntheticConfig

SHARES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "race": {"asian": 0.0819, "black": 0.1491, "white": 0.7690},
        "gender": {"female": 0.563, "male": 0.437},
        "ethnicity": {"non-hispanic": 0.906, "hispanic": 0.040, "unknown": 0.054},
        "language": {"english": 0.925, "spanish": 0.017, "other": 0.008, "unknown": 0.050},
        "maritalstatus": {
            "married or partnered": 0.574,
            "single": 0.264,
            "divorced": 0.066,
            "widowed": 0.061,
            "legally separated": 0.010,
            "unknown": 0.025,
        },
    }
)
"""Attribute → group → fraction of all samples. A group's position is its code in the files;
`unknown` is -1."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: tuple(shares) for name, shares in SHARES.items()}
)
"""Attribute → group names, `unknown` last where it occurs."""

AGE_MEAN, AGE_SD = 60.9, 16.2
"""Years, over all splits of the release."""

_LANGUAGE_FROM = {"unknown": ("unknown", 0.88), "spanish": ("hispanic", 0.85)}
"""Language → the ethnicity that most of its speakers have, and the fraction that has it."""


@dataclass(frozen=True)
class Demographics:
    """One split's patients, in file order.

    Attributes:
        groups: Attribute → N group names, `unknown` for unknown.
        age: (N,) float64, years.
        glaucoma: (N,) int8, 0 or 1.
    """

    groups: Mapping[str, NDArray[np.str_]]
    age: NDArray[np.float64]
    glaucoma: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.glaucoma)


def code_of(attribute: str, group: str) -> int:
    """Return the number that stands for a group in the files; -1 for `unknown`."""
    return -1 if group == "unknown" else ATTRIBUTES[attribute].index(group)


def quotas(shares: Sequence[float], total: int) -> list[int]:
    """Split `total` in proportion to `shares` by largest remainder; ties go to the earlier one."""
    exact = np.asarray(shares, dtype=np.float64) * total / np.sum(shares)
    # 0.1 * 30 is 3.0000000000000004: without rounding, noise in the last bit picks the winner.
    exact = np.round(exact, 9)
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: total - counts.sum()]] += 1
    return [int(count) for count in counts]


def draw_demographics(
    config: SyntheticConfig, total: int, generator: np.random.Generator
) -> Demographics:
    """Return `total` patients whose marginals and prevalences are exact quotas, in random order."""
    groups = {}
    for attribute in ("race", "gender", "ethnicity", "maritalstatus"):
        shares = config.shares(attribute)
        names = np.repeat(list(shares), quotas(list(shares.values()), total))
        groups[attribute] = generator.permutation(names)
    groups["language"] = _languages(config, groups["ethnicity"], generator)
    normal = ndtri((np.arange(total) + 0.5) / total)
    age = np.clip(AGE_MEAN + AGE_SD * generator.permutation(normal), 10.0, 98.0)
    return Demographics(
        groups=groups,
        age=np.round(age, 2),
        glaucoma=_labels(config, groups[config.stratify_by], generator),
    )


def _languages(
    config: SyntheticConfig, ethnicity: NDArray[np.str_], generator: np.random.Generator
) -> NDArray[np.str_]:
    """Return languages by quota, placing unknown and Spanish mostly where their ethnicity is."""
    shares = config.shares("language")
    count = dict(zip(shares, quotas(list(shares.values()), len(ethnicity)), strict=True))
    language = np.full(len(ethnicity), "", dtype="<U16")
    for name, (home, fraction) in _LANGUAGE_FROM.items():
        free = generator.permutation(np.flatnonzero(language == ""))
        at_home = ethnicity[free] == home
        wanted = min(round(count[name] * fraction), int(at_home.sum()))
        # What does not fit at home goes elsewhere first, and home again only if it must.
        order = np.concatenate([free[at_home][:wanted], free[~at_home], free[at_home][wanted:]])
        language[order[: count[name]]] = name
    free = np.flatnonzero(language == "")
    others = [name for name in shares if name not in _LANGUAGE_FROM]
    language[free] = generator.permutation(np.repeat(others, [count[name] for name in others]))
    return language


def _labels(
    config: SyntheticConfig, stratum: NDArray[np.str_], generator: np.random.Generator
) -> NDArray[np.int8]:
    """Return labels with an exact number of cases in every group of `stratum`."""
    glaucoma = np.zeros(len(stratum), dtype=np.int8)
    for group in ATTRIBUTES[config.stratify_by]:
        members = generator.permutation(np.flatnonzero(stratum == group))
        rate = config.bias(config.stratify_by, group).prevalence
        rate = config.prevalence if rate is None else rate
        glaucoma[members[: quotas([rate, 1.0 - rate], len(members))[0]]] = 1
    return glaucoma
