"""The group-sequential rule: K looks named in advance, each at level α/K, first verdict kept.

At a look all p-values of the family, of difference and of equivalence, are corrected by Holm's
procedure at level α/K: the chance of any false verdict at that look is at most α/K, whatever the
looks before it gave, because the family is the whole one at every look. Over K looks it is at most
α (Bonferroni), for any dependence between looks. Verdicts come from Student's t, so this holds at
few seeds too, where boundaries made for known variances do not.

`fairbench extend` applies it to stored runs through `benchmark.verdicts`; this module is the same
rule on plain arrays, for simulation and proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LOOKS = (5, 10, 15, 20)
"""Seeds at which `fairbench extend` looks unless others are named before the first look."""


@dataclass(frozen=True)
class SequentialVerdicts:
    """The verdicts of S families of M claims.

    Attributes:
        look: (S, M), the position of the look that decided; −1 where none did.
        better, worse, equivalent: (S, M), what that look found; false where none did.
    """

    look: NDArray[np.int64]
    better: BoolArray
    worse: BoolArray
    equivalent: BoolArray


def level_of_look(alpha: float, looks: Sequence[int]) -> float:
    """Return the level of the family at one look, α/K."""
    return alpha / len(looks)


def check_looks(looks: Sequence[int]) -> None:
    """Raise ValueError unless looks are increasing numbers of seeds, from two on."""
    if not looks or looks[0] < 2 or any(later <= earlier for earlier, later in pairwise(looks)):
        raise ValueError(
            f"looks are {list(looks)}; expected increasing numbers of seeds, from 2 on, such as "
            f"{', '.join(map(str, LOOKS))}"
        )


def sequential_verdicts(
    differences: ArrayLike, margins: ArrayLike, looks: Sequence[int], alpha: float = 0.05
) -> SequentialVerdicts:
    """Return what the rule decides of simulated families.

    Args:
        differences: (S, M, n), paired differences by seed, signed so that positive is better.
        margins: (M,), the smallest differences that matter, positive.
        looks: K numbers of seeds, increasing, the last at most n.
        alpha: Of the family over all looks.

    Raises:
        ValueError: shapes that do not fit, looks out of order, or differences of one claim
            that are all equal, which have no t.

    Source: Bonferroni over looks and Holm, Scand. J. Statist. 6, 1979, within one; the two
        one-sided tests are Schuirmann's, J. Pharmacokinet. Biopharm. 15(6), 1987.
    """
    check_looks(looks)
    values, margin = np.asarray(differences, np.float64), np.asarray(margins, np.float64)
    if values.ndim != 3 or margin.shape != values.shape[1:2] or looks[-1] > values.shape[2]:
        raise ValueError(
            f"differences have shape {values.shape}, margins {margin.shape} and the last look is "
            f"{looks[-1]}; expected (S, M, n), (M,) and at most n"
        )
    level = level_of_look(alpha, looks)
    shape = values.shape[:2]
    look = np.full(shape, -1)
    better, worse, equivalent = (np.zeros(shape, np.bool_) for _ in range(3))
    for position, n in enumerate(looks):
        mean, p_difference, p_equivalence = _tests(values[..., :n], margin)
        both = holm(np.concatenate([p_difference, p_equivalence], axis=1)) <= level
        differs, within = both[:, : shape[1]], both[:, shape[1] :]
        now = (look < 0) & (differs | within)
        look[now] = position
        better |= now & differs & (mean > 0)
        worse |= now & differs & (mean < 0)
        equivalent |= now & within
    return SequentialVerdicts(look, better, worse, equivalent)


def standard_errors(differences: FloatArray) -> FloatArray:
    """Return the standard error of the mean along the last axis.

    Raises:
        ValueError: differences that are all equal, which have no t.
    """
    sd: FloatArray = differences.std(axis=-1, ddof=1)
    if not (sd > 0).all():
        raise ValueError("differences that are all equal have no t")
    return np.asarray(sd / differences.shape[-1] ** 0.5)


def holm(p: FloatArray) -> FloatArray:
    """Return Holm's adjusted p-values along the last axis."""
    m = p.shape[-1]
    order = np.argsort(p, axis=-1)
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(m, 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(steps, axis=-1), axis=-1)
    return np.minimum(adjusted, 1.0)


def _tests(values: FloatArray, margin: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return means, two-sided p of no difference and p of the two one-sided tests."""
    n, mean = values.shape[-1], values.mean(axis=-1)
    se = standard_errors(values)
    below = special.stdtr(n - 1, -(mean + margin) / se)
    above = special.stdtr(n - 1, (mean - margin) / se)
    return mean, 2 * special.stdtr(n - 1, -np.abs(mean / se)), np.maximum(below, above)
