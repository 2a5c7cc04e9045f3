"""How long `fairbench compare` takes, for the first time and again, and how that grows.

Simulated results folders of two sizes; each comparison runs in a process of its own. The report
is timed apart, of the larger folder: its figures and files take as long however many samples the
runs have, once their curves are kept. Seconds are those of all processes that a comparison starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmark.bench.figure import Figure
from benchmark.bench.measure import in_fresh_process, peak_memory, processor_seconds
from benchmark.calibration.simulate import Law, Method, Patients, Trainings, draw_scores
from benchmark.data.dataset import SplitName
from benchmark.results import RunStore

MANY = 10_000
"""Runs of the comparison that the target is about."""


@dataclass(frozen=True)
class Sizes:
    """How much is compared.

    Attributes:
        variants: Of the smaller and of the larger folder, the baseline included.
        seeds: Of each variant.
        epochs: Of each run.
        validation, test: Samples of each of three groups.
    """

    variants: tuple[int, int] = (10, 40)
    seeds: int = 10
    epochs: int = 10
    validation: tuple[int, ...] = (80, 150, 770)
    test: tuple[int, ...] = (160, 300, 1540)


FULL = Sizes()


def bench_compare(
    progress: Callable[[str], None] = lambda _: None, sizes: Sizes = FULL
) -> list[Figure]:
    """Return seconds and memory of comparisons of two sizes, first and again, and their slope."""
    figures = []
    found: dict[str, list[dict[str, float]]] = {"first": [], "again": []}
    counts = [variants * sizes.seeds for variants in sizes.variants]
    with TemporaryDirectory() as parent:
        folders = [Path(parent) / str(runs) for runs in counts]
        progress(f"compare: writing {counts[1]} simulated runs")
        write_simulated(folders[1], sizes)
        _copy_some(folders[1], folders[0], counts[0])
        for runs, folder in zip(counts, folders, strict=True):
            for what, of_size in found.items():
                progress(f"compare: {runs} runs, {what}")
                one = in_fresh_process("benchmark.bench.compare:compared", str(folder))
                of_size.append(one)
                figures.append(
                    Figure(f"{runs} runs, {what}", one["compare"], "s", "", _per_run(one, runs))
                )
        for what in found:
            progress(f"compare: report of {counts[1]} runs, {what}")
            one = in_fresh_process("benchmark.bench.compare:reported", str(folders[1]))
            note = f"HTML, Markdown and CSV; {one['wall']:.1f} s on the wall with its comparison"
            name = f"{counts[1]} runs, {what}: report"
            figures.append(Figure(name, one["report"], "s", "", note))
    return [*figures, *_extrapolated(found, counts)]


def _per_run(found: dict[str, float], runs: int) -> str:
    return f"{1e3 * found['compare'] / runs:.2f} ms a run; {found['memory']:.0f} MB at the peak"


def _extrapolated(found: dict[str, list[dict[str, float]]], runs: list[int]) -> list[Figure]:
    """Return what the line through both sizes says of many runs."""

    def at_many(what: str, name: str) -> float:
        small, large = (one[name] for one in found[what])
        return large + (large - small) / (runs[1] - runs[0]) * (MANY - runs[1])

    note = f"by the line through {runs[0]} and {runs[1]} runs"
    of_all = f"{note}; of all processes together"
    return [
        Figure(f"{MANY:,} runs, first", at_many("first", "compare"), "s", "", of_all),
        Figure(f"{MANY:,} runs, again", at_many("again", "compare"), "s", "< 60 s", note),
        Figure(
            f"{MANY:,} runs, again: memory", at_many("again", "memory"), "MB", "< 2000 MB", note
        ),
    ]


def _copy_some(source: Path, target: Path, runs: int) -> None:
    """Copy as many runs of a results folder, the baseline's among them, into another."""
    found = RunStore(source).read()
    found.sort(key=lambda run: (run.config["label"] != "baseline", run.config["label"]))
    for run in found[:runs]:
        copytree(run.path, target / "runs" / run.id)


def write_simulated(results: Path, sizes: Sizes = FULL) -> None:
    """Write the larger folder: runs of several epochs of methods that differ a little."""
    from benchmark.calibration.stored import write_runs  # brings torch, which `compare` lacks

    variants = max(sizes.variants)
    rng, law = np.random.default_rng(0), Law(method_patient=0.0)
    methods = [Method(1.2 + 0.2 * v / variants, 0.0) for v in range(variants)]
    patients: dict[SplitName, Patients] = {
        "val": Patients.draw(sizes.validation, variants, law, rng),
        "test": Patients.draw(sizes.test, variants, law, rng),
    }
    trainings = Trainings.draw(methods, sizes.seeds, len(sizes.test), law, rng)
    scores = {
        name: np.stack(
            [draw_scores(trainings, part, law, rng) for _ in range(sizes.epochs)], axis=2
        )
        for name, part in patients.items()
    }
    labels = ["baseline", *(f"method-{v}" for v in range(1, variants))]
    write_runs(results, labels, patients, scores)


def compared(results: str) -> dict[str, float]:
    """Return the seconds of `compare` and the largest memory in MB."""
    from benchmark.comparison import compare

    start = processor_seconds()
    compare(results, baseline="baseline")
    return {"compare": processor_seconds() - start, "memory": peak_memory()}


def reported(results: str) -> dict[str, float]:
    """Return the seconds of the report of a comparison, and on the wall those of both."""
    from benchmark.comparison import compare

    wall = perf_counter()
    found = compare(results, baseline="baseline")
    start = processor_seconds()
    with TemporaryDirectory() as out:
        found.write(Path(out))
    return {"report": processor_seconds() - start, "wall": perf_counter() - wall}
