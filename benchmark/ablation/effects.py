"""From values of cells to effects, paired over seeds: estimate, interval, p, corrected p."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, nan

import numpy as np
from numpy.typing import NDArray

from benchmark.ablation.design import TOTAL, Cell, Contrast, Design
from benchmark.errors import FairbenchError
from benchmark.stats.multiplicity import adjust
from benchmark.stats.paired import one_sample_t
from benchmark.stats.result import TestResult

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-9
"""By how much the effects of a design that adds up may miss the total, for each seed."""


@dataclass(frozen=True)
class Effect:
    """One contrast on one metric.

    Attributes:
        contrast: What was computed.
        by_seed: Position of a seed → the effect with that seed.
        result: Student's t over seeds; everything NaN, with a reason, if a cell has no value.
        p_adjusted: By Holm over its family, see `family_of`; NaN for the total, which is
            tested alone.
        family: Number of tests in that family, those that could be made; 0 for the total.
        left_out: Seeds of which a cell has no value.
        se_orders: Standard error from the sampling of orders, NaN for exact effects.
    """

    contrast: Contrast
    by_seed: Mapping[int, float]
    result: TestResult
    p_adjusted: float = nan
    family: int = 0
    left_out: int = 0
    se_orders: float = nan


def effects(
    design: Design,
    values: Mapping[Cell, FloatArray],
    lacking: Mapping[Cell, str],
    alpha: float = 0.05,
) -> list[Effect]:
    """Return the effects of a design, in the order of its contrasts.

    Args:
        design: Its contrasts.
        values: Cell → (n_seeds,), NaN where a run has no value. In a design that adds up, a
            seed counts only if all cells have a value; in others, if those of the contrast do.
        lacking: Cell → why it has no value for any seed; contrasts that weigh one of them are
            not estimable.
        alpha: Intervals have confidence 1 − alpha.

    Raises:
        FairbenchError: the effects do not add up to the total.
    """
    shared = [cell for cell in design.cells if cell not in lacking] if design.adds_up else []
    found = [_effect(c, values, lacking, shared, 1 - alpha) for c in design.contrasts]
    _check_sum(design, found)
    return _corrected(found)


def _effect(
    contrast: Contrast,
    values: Mapping[Cell, FloatArray],
    lacking: Mapping[Cell, str],
    shared: Sequence[Cell],
    confidence: float,
) -> Effect:
    absent = [cell for cell in contrast.weights if cell in lacking]
    if absent:
        reason = f"{len(absent)} cells without a value, the first is {lacking[absent[0]]}"
        return Effect(contrast, {}, TestResult("Student t", nan, 0, reason=reason))
    needed = np.stack([values[cell] for cell in dict.fromkeys([*contrast.weights, *shared])])
    complete = np.flatnonzero(np.isfinite(needed).all(axis=0))
    by_seed = {
        int(s): fsum(weight * values[cell][s] for cell, weight in contrast.weights.items())
        for s in complete
    }
    left_out = needed.shape[1] - len(complete)
    if not by_seed:
        reason = f"no seed has a value in all cells ({left_out} left out)"
        result = TestResult("Student t", nan, 0, reason=reason)
        return Effect(contrast, {}, result, left_out=left_out)
    result = one_sample_t([*by_seed.values()], 0.0, confidence)
    spread = _spread_of_orders(contrast, values, [*by_seed])
    return Effect(contrast, by_seed, result, left_out=left_out, se_orders=spread)


def _spread_of_orders(
    contrast: Contrast, values: Mapping[Cell, FloatArray], seeds: Sequence[int]
) -> float:
    """Return the standard error of the mean over sampled orders of the mean over seeds."""
    if not contrast.draws:
        return nan
    gains = [float((values[a] - values[b])[seeds].mean()) for a, b in contrast.draws]
    return float(np.std(gains, ddof=1) / len(gains) ** 0.5)


def _check_sum(design: Design, found: Sequence[Effect]) -> None:
    parts = [effect for effect in found if effect.contrast.term == design.adds_up]
    (total,) = (effect for effect in found if effect.contrast.term == TOTAL)
    if not parts or any(not effect.by_seed for effect in (*parts, total)):
        return
    for seed, expected in total.by_seed.items():
        summed = fsum(effect.by_seed[seed] for effect in parts)
        if not abs(summed - expected) <= TOLERANCE:
            raise FairbenchError(
                f"design '{design.name}': the effects of its {len(parts)} keys sum to "
                f"{summed:.12g} and the total difference is {expected:.12g}; this is a fault of "
                "fairbench, please report it"
            )


def _corrected(found: Sequence[Effect]) -> list[Effect]:
    """Return the effects with p-values corrected over each family."""
    corrected = list(found)
    families: dict[str, list[int]] = {}
    for i, effect in enumerate(found):
        if effect.contrast.term != TOTAL:
            families.setdefault(family_of(effect.contrast.term), []).append(i)
    for members in families.values():
        adjusted = adjust([found[i].result.p for i in members], "holm")
        size = int(np.isfinite(adjusted).sum())
        for i, p in zip(members, adjusted.tolist(), strict=True):
            corrected[i] = replace(found[i], p_adjusted=p, family=size)
    return corrected


def family_of(term: str) -> str:
    """Return the name of the family that a term is corrected in.

    Both effects of one-at-a-time are one: who reads both columns has two chances for each key.
    """
    return "alone and last" if term in ("alone", "last") else term
