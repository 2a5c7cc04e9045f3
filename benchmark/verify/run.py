"""All checks of a pack: which there are, what they need, and their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from pathlib import Path

from benchmark.errors import unknown_name
from benchmark.numerics import numerics
from benchmark.verify import (
    distances,
    images,
    metrics,
    notes,
    official,
    reproduction,
    zero_shot,
)
from benchmark.verify.pack import Pack, PackError
from benchmark.verify.replay import replay_all
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics import (
    aggregate,
    bayes,
    bootstrap,
    correlation,
    delong,
    fairness,
    friedman,
    mixed,
    multiple_testing,
    paired,
    power,
    tost,
)
from benchmark.verify.trajectory import PREFIX, trajectory_files


@dataclass(frozen=True)
class Family:
    """Checks that share files and work.

    Attributes:
        names: Of the checks.
        files: What the pack must hold for them.
        check: Returns one result for each name that the files have cases for.
    """

    names: tuple[str, ...]
    files: tuple[str, ...]
    check: Callable[[Pack], list[CheckResult]]


FAMILIES = (
    Family(
        (
            "official-scores",
            "official-terms",
            "official-gradients",
            "official-both-normalised",
            "logit-shrink",
        ),
        official.FILES,
        official.check_official,
    ),
    Family(
        ("fairclip-plus-scores", "fairclip-plus", "mmd-gaussian", "mmd-laplacian", "mmd-as-run"),
        reproduction.FILES,
        reproduction.check_reproduction,
    ),
    Family(("similarity-distances",), distances.FILES, distances.check_distances),
    Family(("metrics", "metrics-edge-cases"), metrics.FILES, metrics.check_metrics),
    Family(("zero-shot", "zero-shot-float16"), zero_shot.FILES, zero_shot.check_zero_shot),
    Family(("note-truncation", "note-tokens"), notes.FILES, notes.check_notes),
    Family(
        ("image-pixels", "dataset-codes", "model-features", "zero-shot-dataset"),
        images.FILES,
        images.check_dataset,
    ),
    Family(("statistics-paired",), paired.FILES, paired.check_paired),
    Family(("statistics-tost",), tost.FILES, tost.check_tost),
    Family(
        ("statistics-multiple-testing",),
        multiple_testing.FILES,
        multiple_testing.check_multiple_testing,
    ),
    Family(("statistics-power",), power.FILES, power.check_power),
    Family(("statistics-bayes",), bayes.FILES, bayes.check_bayes),
    Family(("statistics-friedman",), friedman.FILES, friedman.check_friedman),
    Family(("statistics-correlation",), correlation.FILES, correlation.check_correlation),
    Family(("statistics-mixed-model",), mixed.FILES, mixed.check_mixed),
    Family(("statistics-fairness",), fairness.FILES, fairness.check_fairness),
    Family(("statistics-aggregate",), aggregate.FILES, aggregate.check_aggregate),
    Family(("statistics-delong",), delong.FILES, delong.check_delong),
    Family(("statistics-bootstrap",), bootstrap.FILES, bootstrap.check_bootstrap),
)
TRAJECTORIES = "trajectories"
"""Stands for all of them in `only`, and in the results of a pack without any."""


def verify(
    root: Path, only: str | None = None, progress: Callable[[str], None] = lambda _: None
) -> list[CheckResult]:
    """Recompute the recorded numbers of a pack.

    Args:
        root: The folder of the pack.
        only: The name of one check, `trajectory NAME`, or `trajectories`; None is everything.
        progress: Told the name of each check, or of the first of a family, as it begins.

    Returns:
        One result for each check and for each trajectory. Checks whose files the pack lacks are
        skipped.

    Raises:
        FairbenchError: `only` is unknown, or the pack cannot be read; the message names file,
            case and field.
    """
    pack = Pack(root)
    recorded = trajectory_files(pack)
    replays = [f"trajectory {file[len(PREFIX) : -len('.json')]}" for file in recorded]
    names = [name for family in FAMILIES for name in family.names]
    if only is not None and only not in {*names, *replays, TRAJECTORIES}:
        raise unknown_name("check", only, [*names, *replays, TRAJECTORIES])
    if not recorded and not any(pack.has(*family.files) for family in FAMILIES):
        wanted = ", ".join(dict.fromkeys(family.files[-1] for family in FAMILIES))
        raise PackError(
            f"{root}: holds no trajectory_*.json and the files of no check, such as {wanted}"
        )
    found: list[CheckResult] = []
    for family in FAMILIES:
        if only is None or only in family.names:
            progress(family.names[0])
            found += _results(family, pack)
    if only in (None, TRAJECTORIES, *replays):
        progress(TRAJECTORIES)
        replayed = replay_all(root, only if only in replays else None)
        found += replayed or [_skipped(TRAJECTORIES, "the pack has no trajectory_*.json")]
    return [result for result in found if only in (None, TRAJECTORIES, result.name)]


def _results(family: Family, pack: Pack) -> list[CheckResult]:
    missing = [file for file in family.files if not pack.has(file)]
    if missing:
        reason = f"the pack has no {', '.join(missing)}"
        return [_skipped(name, reason) for name in family.names]
    # One thread, as a run has by default: sums in one order.
    with numerics(threads=1, deterministic=True):
        found = {result.name: result for result in family.check(pack)}
    reason = f"{family.files[-1]} has no such case"
    return [found.get(name) or _skipped(name, reason) for name in family.names]


def _skipped(name: str, reason: str) -> CheckResult:
    return CheckResult(name, "skipped", 0, nan, nan, reason)
