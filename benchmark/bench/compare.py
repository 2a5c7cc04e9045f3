"""How long `fairbench compare` takes, for the first time and again, and how that grows.

Simulated results folders of two sizes; each comparison runs in a process of its own. The report
is timed apart: its figures and files take as long however many samples the runs have, once their
curves are kept. Seconds are those of all processes that a comparison starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from benchmark.bench.figure import Figure
from benchmark.bench.measure import in_fresh_process, peak_memory, processor_seconds
from benchmark.calibration.simulate import Law, Method, Patients, Trainings, draw_scores
from benchmark.data.dataset import SplitName

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
    again, counts = [], []
    for variants in sizes.variants:
        runs = variants * sizes.seeds
        with TemporaryDirectory() as results:
            progress(f"compare: writing {runs} simulated runs")
            write_simulated(Path(results), variants, sizes)
            for what in ("first", "again"):
                progress(f"compare: {runs} runs, {what}")
                found = in_fresh_process("benchmark.bench.compare:compared", results)
                figures += [
                    Figure(
                        f"{runs} runs, {what}", found["compare"], "s", "", _per_run(found, runs)
                    ),
                    Figure(
                        f"{runs} runs, {what}: report",
                        found["report"],
                        "s",
                        "",
                        f"HTML, Markdown and CSV; both together {found['wall']:.1f} s on the wall",
                    ),
                ]
        again.append(found)
        counts.append(runs)
    return [*figures, *_extrapolated(again, counts)]


def _per_run(found: dict[str, float], runs: int) -> str:
    return f"{1e3 * found['compare'] / runs:.2f} ms a run; {found['memory']:.0f} MB at the peak"


def _extrapolated(found: list[dict[str, float]], runs: list[int]) -> list[Figure]:
    """Return what the line through both sizes says of many runs."""

    def at_many(name: str) -> float:
        slope = (found[1][name] - found[0][name]) / (runs[1] - runs[0])
        return found[1][name] + slope * (MANY - runs[1])

    note = f"by the line through {runs[0]} and {runs[1]} runs"
    return [
        Figure(f"{MANY:,} runs, again", at_many("compare"), "s", "< 60 s", note),
        Figure(f"{MANY:,} runs, again: memory", at_many("memory"), "MB", "< 2000 MB", note),
    ]


def write_simulated(results: Path, variants: int, sizes: Sizes = FULL) -> None:
    """Write runs of several epochs of methods that differ a little."""
    from benchmark.calibration.stored import write_runs  # brings torch, which `compare` lacks

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


def compared(results: str) -> dict[str, Any]:
    """Return the seconds of `compare` and of writing its report, and the largest memory in MB."""
    from benchmark.comparison import compare

    wall, start = perf_counter(), processor_seconds()
    found = compare(results, baseline="baseline")
    middle, memory = processor_seconds(), peak_memory()
    with TemporaryDirectory() as out:
        found.write(Path(out))
    return {
        "compare": middle - start,
        "report": processor_seconds() - middle,
        "wall": perf_counter() - wall,
        "memory": memory,
    }
