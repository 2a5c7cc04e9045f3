"""The released FairCLIP term, its scores and gradients, and the reproduction's copy of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark.verify.comparison import Comparison
from benchmark.verify.loss_cases import FIRST, INPUTS, LossCase, loss_cases, recorded_cases
from benchmark.verify.loss_numbers import MARGIN, Recomputed, in_other_orders
from benchmark.verify.pack import Arrays, Entry, Pack
from benchmark.verify.result import CheckResult
from variants import fairclip, logit_shrink
from variants.objective import Features
from variants.scores import pair_scores

RECORD, ARRAYS = "loss_official.json", "loss_official.npz"
FILES = (*INPUTS, RECORD, ARRAYS)

TOLERANCE = 1e-5
"""Relative, for values and gradients of both public codes."""

_SOLVERS = {"original": "geomloss-fp32", "float64": "geomloss-fp64", "exact_w2": "exact"}


def check_official(pack: Pack) -> list[CheckResult]:
    """Compare the scores, the term by all solvers, its gradients, its copy and its surrogate."""
    arrays = pack.arrays(ARRAYS)
    names = ("scores", "terms", "gradients", "both-normalised")
    found = {name: Comparison(f"official-{name}", TOLERANCE) for name in names}
    surrogate = Comparison("logit-shrink", TOLERANCE)
    for case, entry in _cases(pack):
        _compare_scores(found["scores"], case, arrays)
        for field in _SOLVERS:
            part, ours = entry.entry(field), _recomputed(case, field)
            _compare_values(found["terms"], part, ours)
            if field == "original":
                where = f"{part.where}, lam_times_term"
                weighted = part.number("lam_times_term")
                ours.compare(found["terms"], where, weighted, lambda n: n.weighted)
            _compare_gradients(found["gradients"], part, ours, arrays, field)
        _compare_copy(found["both-normalised"], entry.entry("repro_both_normalised"), case)
        _compare_surrogate(surrogate, entry.entry("surrogate"), case)
    return [comparison.result() for comparison in (*found.values(), surrogate)]


def _cases(pack: Pack) -> Iterator[tuple[LossCase, Entry]]:
    """Yield each case with the groups of its first attribute, and what was recorded."""
    cases = loss_cases(pack)
    for number, entry in recorded_cases(pack, RECORD, cases).items():
        yield cases[number].of({FIRST}), entry


def _recomputed(case: LossCase, field: str, normalise: str = "groups") -> Recomputed:
    keys = {
        "normalise": normalise,
        "blur": case.blur,
        "solver": _SOLVERS[field],
        "weight": case.weight,
        "attributes": {FIRST: 1.0},
    }
    objective = fairclip.VARIANT.model_copy(update=keys)
    return Recomputed(objective, case, orders_of=objective, noisy=field == "original")


def _compare_values(found: Comparison, part: Entry, ours: Recomputed) -> None:
    term = part.number("term")
    ours.compare(found, f"{part.where}, term", term, lambda n: n.distance)
    if "per_group" in part:  # the copy's exact values have none
        ours.compare_groups(found, part, "per_group", scale=term)


def _compare_scores(found: Comparison, case: LossCase, arrays: Arrays) -> None:
    """Compare batch and group scores, relative to the largest of each set."""
    sets = _score_sets(case)
    for suffix, ours in sets.items():
        name = f"c{case.number:02d}_{suffix}"
        size = float(np.abs(ours).max())
        recorded = arrays.array(name, len(ours)) / size

        def rounding(suffix: str = suffix, size: float = size) -> float:
            others = (_score_sets(other)[suffix] for other, _ in in_other_orders(case))
            moved = max(float(np.abs(other - sets[suffix]).max()) for other in others)
            return MARGIN * moved / size

        found.array(name, ours / size, recorded, rounding)


def _score_sets(case: LossCase) -> dict[str, NDArray[np.float64]]:
    """Return the scores of the batch, raw and divided by their sum, and of each group."""

    def scores(features: Features) -> NDArray[np.float64]:
        return pair_scores(features, fairclip.VARIANT.score).numpy().astype(np.float64)

    batch = scores(case.batch)
    groups = [scores(features) for features in case.groups.values()]
    divided = {f"A{group}_scores": found / found.sum() for group, found in enumerate(groups)}
    return {"batch_scores": batch, "batch_scores_both_norm": batch / batch.sum(), **divided}


def _compare_gradients(
    found: Comparison, part: Entry, ours: Recomputed, arrays: Arrays, field: str
) -> None:
    case = ours.case
    ours.compare_norm(found, part.where, part.number("grad_norm"))
    if field == "original":
        norm = part.number("grad_norm_of_lam_times_term") / case.weight
        ours.compare_norm(found, f"{part.where}, with λ", norm)
    name = f"c{case.number:02d}_grad_img_{field}"
    if name in arrays:
        ours.compare_gradient(found, name, arrays.array(name, *case.batch.image.shape))


def _compare_copy(found: Comparison, original: Entry, case: LossCase) -> None:
    """Compare the reproduction's copy of the script, which divides both sides by their sums."""
    parts = {field: original.entry(field) for field in ("float64", "exact_w2")}
    for field, part in {"original": original, **parts}.items():
        ours = _recomputed(case, field, normalise="both")
        _compare_values(found, part, ours)
        ours.compare_norm(found, part.where, part.number("grad_norm"))


def _compare_surrogate(found: Comparison, part: Entry, case: LossCase) -> None:
    """Compare half the mean square batch score, once a group: what the released term nearly is."""
    objective = logit_shrink.VARIANT.model_copy(update={"copies": len(case.groups)})
    ours = Recomputed(objective, case, orders_of=objective)
    ours.compare(found, part.where, part.number("value"), lambda n: n.distance)
