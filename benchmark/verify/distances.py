"""Similarity distances of the reproduction's study: everyone's scores against each group's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmark.verify.comparison import Comparison
from benchmark.verify.loss_cases import FIRST, INPUTS, LossCase, loss_cases
from benchmark.verify.loss_numbers import MARGIN, in_other_orders
from benchmark.verify.pack import Entry, Pack, PackError, by_case
from benchmark.verify.result import CheckResult
from variants import fairclip_plus
from variants.distances import gaussian, laplacian, sinkhorn, wasserstein
from variants.scores import pair_scores

RECORD = "distance_test.json"
FILES = (*INPUTS, RECORD)

TOLERANCE = 1e-5
"""Relative to the largest distance of the case."""

_BLUR, _SCALING, _BANDWIDTH = 1e-4, 0.95, 0.05
_DIAMETER = 2.0

Sets = list[tuple[Tensor, Tensor]]


_DISTANCES: dict[str, Callable[[Tensor, Tensor, str], Tensor]] = {
    "exact_half_w2_squared": lambda x, y, _: wasserstein(x, y),
    "sinkhorn_automatic_diameter": lambda x, y, solver: sinkhorn(
        x, y, blur=_BLUR, scaling=_SCALING, solver=solver
    ),
    "distance_test": lambda x, y, solver: sinkhorn(
        x, y, blur=_BLUR, scaling=_SCALING, solver=solver, diameter=_DIAMETER
    ),
    "distance_test_gaussian": lambda x, y, solver: gaussian(
        x, y, bandwidth=_BANDWIDTH, solver=solver
    ),
    "distance_test_laplacian": lambda x, y, solver: laplacian(
        x, y, bandwidth=_BANDWIDTH, solver=solver
    ),
}

_KERNELS = ("distance_test_gaussian", "distance_test_laplacian")


def check_distances(pack: Pack) -> list[CheckResult]:
    """Compare all distances, of raw scores and of standardised ones."""
    found = Comparison("similarity-distances", TOLERANCE)
    cases = loss_cases(pack)
    for number, entry in by_case(pack.record(RECORD).entries("cases")).items():
        if number not in cases:
            raise PackError(f"{INPUTS[0]}: case {number} is missing; {RECORD} has it")
        case = cases[number].of({FIRST})
        for kind in ("raw", "standardized"):
            _compare(found, entry.entry(kind), case, standardise=kind == "standardized")
    return [found.result()]


def _compare(found: Comparison, part: Entry, case: LossCase, standardise: bool) -> None:
    sets = _sets(case, standardise)
    ends = part.numbers("score_range", 2)
    size = max(abs(end) for end in ends)
    moved = partial(_rounding_of_range, case, standardise)
    for ours, recorded in zip(_range(sets), ends, strict=True):
        found.number(f"{part.where}, score_range", ours, recorded, scale=size, rounding=moved)
    for field in _DISTANCES:
        values = part.numbers(field, len(sets))
        rounding = partial(_rounding, field, case, standardise)
        for group, ours in enumerate(_values(field, sets, "geomloss-fp32")):
            where = f"{part.where}, {field} {group}"
            found.number(where, ours, values[group], scale=max(values), rounding=rounding)


def _sets(case: LossCase, standardise: bool) -> Sets:
    """Return everyone's scores and one group's, for each group, each standardised on its own."""
    groups = [pair_scores(pairs, fairclip_plus.VARIANT.score) for pairs in case.groups.values()]
    everyone = torch.cat(groups)
    if standardise:
        everyone, *groups = ((s - s.mean()) / s.std() for s in (everyone, *groups))
    return [(everyone, group) for group in groups]


def _values(field: str, sets: Sets, solver: str) -> list[float]:
    return [float(_DISTANCES[field](x, y, solver)) for x, y in sets]


def _range(sets: Sets) -> list[float]:
    everyone = sets[0][0]
    return [float(everyone.min()), float(everyone.max())]


def _rounding_of_range(case: LossCase, standardise: bool) -> float:
    plain = _range(_sets(case, standardise))
    others = (_range(_sets(other, standardise)) for other, _ in in_other_orders(case))
    return MARGIN * max(_apart(plain, other) for other in others)


def _rounding(field: str, case: LossCase, standardise: bool) -> float:
    """Return how far rounding of the scores, and of a float32 solver, moves any group's value."""
    sets = _sets(case, standardise)
    single, double = (_values(field, sets, f"geomloss-{name}") for name in ("fp32", "fp64"))
    # A Sinkhorn divergence takes too long for the orders; its float32 shows beside float64.
    solver = "geomloss-fp32" if field in _KERNELS else "exact"
    plain = _values(field, sets, solver)
    others = (_sets(other, standardise) for other, _ in in_other_orders(case))
    moved = max(_apart(plain, _values(field, other, solver)) for other in others)
    return MARGIN * (moved + _apart(single, double))


def _apart(a: list[float], b: list[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))
