"""FairCLIP+ and the two MMD objectives of the reproduction: values, losses and gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from benchmark.verify.comparison import Comparison
from benchmark.verify.loss_cases import FIRST, INPUTS, SECOND, LossCase, loss_cases, recorded_cases
from benchmark.verify.loss_numbers import MARGIN, Recomputed, in_other_orders
from benchmark.verify.official import TOLERANCE
from benchmark.verify.pack import Arrays, Entry, Pack, PackError
from benchmark.verify.result import CheckResult
from variants import fairclip_plus, mmd_gaussian, mmd_laplacian
from variants.distances import wasserstein
from variants.group_distance import GroupDistance
from variants.scores import pair_scores

RECORD, ARRAYS = "loss_repro.json", "loss_repro.npz"
FILES = (*INPUTS, RECORD, ARRAYS)

_VARIANTS: Mapping[str, GroupDistance] = {
    "sinkhorn": fairclip_plus.VARIANT,
    "gaussian": mmd_gaussian.VARIANT,
    "laplacian": mmd_laplacian.VARIANT,
}


def check_reproduction(pack: Pack) -> list[CheckResult]:
    """Compare scores, the three distances in float32 and float64, losses and gradients."""
    arrays = pack.arrays(ARRAYS)
    scores = Comparison("fairclip-plus-scores", TOLERANCE)
    as_run = Comparison("mmd-as-run", TOLERANCE)
    found = {
        "sinkhorn": Comparison("fairclip-plus", TOLERANCE),
        "gaussian": Comparison("mmd-gaussian", TOLERANCE),
        "laplacian": Comparison("mmd-laplacian", TOLERANCE),
    }
    for case, entry, weights in _cases(pack):
        _compare_scores(scores, entry, case, weights, arrays)
        for distance, comparison in found.items():
            _compare_distance(comparison, entry.entry(distance), case, distance, weights, arrays)
        for distance in ("gaussian", "laplacian"):
            part = entry.entry(f"{distance}_script_as_is")
            _, ours = _recomputed(case, distance, weights, as_run=True)
            _compare_values(as_run, part, ours)
            _compare_loss(as_run, part, ours)
    return [comparison.result() for comparison in (scores, *found.values(), as_run)]


def _cases(pack: Pack) -> Iterator[tuple[LossCase, Entry, dict[str, float]]]:
    """Yield each case with its groups of positive weight, what was recorded, and the weights."""
    cases = loss_cases(pack)
    for number, entry in recorded_cases(pack, RECORD, cases).items():
        recorded = entry.entry("weights")
        weights = {name: recorded.number(name) for name in (FIRST, SECOND)}
        # The reproduction skips attributes of weight 0.
        weights = {name: weight for name, weight in weights.items() if weight > 0}
        if not weights:
            raise PackError(f"{recorded.where}: no weight is positive")
        case = cases[number].of(weights)
        if entry.number("lam") != case.weight:
            raise PackError(f"{entry.where}: field 'lam' differs from loss_inputs.json")
        yield case, entry, weights


def _compare_distance(
    found: Comparison,
    part: Entry,
    case: LossCase,
    distance: str,
    weights: Mapping[str, float],
    arrays: Arrays,
) -> None:
    float64, float32 = _recomputed(case, distance, weights)
    _compare_values(found, part, float64, "float64_")
    _compare_values(found, part, float32)
    _compare_loss(found, part, float32)
    norm = part.number("unit_lambda_grad_norm")
    float32.compare_norm(found, f"{part.where}, unit_lambda", norm, "unit_gradient")
    name = f"c{case.number:02d}_grad_img_{distance}"
    if name in arrays:
        gradient = arrays.array(name, *case.batch.image.shape)
        float32.compare_gradient(found, name, gradient, "total_gradient")


def _recomputed(
    case: LossCase, distance: str, weights: Mapping[str, float], as_run: bool = False
) -> tuple[Recomputed, Recomputed]:
    """Return the numbers in float64 and in float32.

    The Sinkhorn divergence at scaling 0.95 takes a tenth of a second a group: its orders are
    tried on the exact distance, and what float32 does to the solver shows beside float64.
    """
    double = _objective(case, distance, weights, as_run=as_run, solver="geomloss-fp64")
    single = _objective(case, distance, weights, as_run=as_run)
    slow = distance == "sinkhorn"
    exact = _objective(case, distance, weights, solver="exact")
    float64 = Recomputed(double, case, exact if slow else double)
    return float64, Recomputed(
        single, case, exact if slow else single, unrounded=float64.numbers, noisy=True
    )


def _objective(
    case: LossCase, distance: str, weights: Mapping[str, float], **keys: object
) -> GroupDistance:
    update = {"weight": case.weight, "attributes": dict(weights), **keys}
    return _VARIANTS[distance].model_copy(update=update)


def _compare_values(found: Comparison, part: Entry, ours: Recomputed, prefix: str = "") -> None:
    distance = part.number(f"{prefix}distance")
    ours.compare(found, f"{part.where}, {prefix}distance", distance, lambda n: n.distance)
    ours.compare_groups(found, part, f"{prefix}per_group", scale=distance)


def _compare_loss(found: Comparison, part: Entry, ours: Recomputed) -> None:
    base, total = part.number("base"), part.number("total")
    ours.compare(found, f"{part.where}, base", base, lambda n: n.base)
    ours.compare(found, f"{part.where}, total", total, lambda n: n.total)
    ours.compare_norm(found, part.where, part.number("grad_norm"), "total_gradient")


def _compare_scores(
    found: Comparison, entry: Entry, case: LossCase, weights: Mapping[str, float], arrays: Arrays
) -> None:
    """Compare the diagonal scores, and the exact distance with its gradient at them."""
    score = pair_scores(case.batch, fairclip_plus.VARIANT.score)
    name = f"c{case.number:02d}_diag"
    size = float(score.abs().max())
    found.array(name, score.numpy() / size, arrays.array(name, len(score)) / size)
    part = entry.entry("sinkhorn_distance_gradient_wrt_diag_scores")
    objective = _objective(case, "sinkhorn", weights, solver="exact")
    exact = Recomputed(objective, case, orders_of=objective)
    where, distance = f"{part.where}, exact_w2_distance", part.number("exact_w2_distance")
    exact.compare(found, where, distance, lambda n: n.distance)
    ours, norm = _score_gradient(case, weights), part.number("norm_exact_w2")

    def rounding() -> float:
        moved = (_score_gradient(other, weights) for other, _ in in_other_orders(case))
        return MARGIN * max(abs(other - ours) for other in moved)

    found.gradient_norm(f"{part.where}, exact_w2", ours, norm, rounding)


def _score_gradient(case: LossCase, weights: Mapping[str, float]) -> float:
    """Return the norm of the exact weighted distance's gradient at the batch's scores."""
    score = pair_scores(case.batch, fairclip_plus.VARIANT.score).requires_grad_()
    distance = torch.zeros((), dtype=torch.float64)
    for name, features in case.groups.items():
        other = pair_scores(features, fairclip_plus.VARIANT.score)
        distance = distance + weights[name.split("/", 1)[0]] * wasserstein(score, other)
    (gradient,) = torch.autograd.grad(distance, score)
    return float(gradient.double().norm())
