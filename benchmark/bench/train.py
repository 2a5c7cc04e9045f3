"""How long a training of `fairclip` takes, and how much of it is the model's own arithmetic.

Epochs of the trainer and bare passes of the same batches take turns, so both see the same
machine. Seconds are on the wall: a training uses several threads, or a GPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import torch

from benchmark.batches import SeededBatches
from benchmark.bench.bare import BarePasses, operations_a_second, synchronise
from benchmark.bench.figure import Figure
from benchmark.bench.measure import peak_memory
from benchmark.bench.workload import MINI, Size, Workload, make_workload
from benchmark.fast_step import step_numerics
from benchmark.freed_memory import keep_freed_memory
from benchmark.stopwatch import (
    BACKWARD,
    DATA,
    EVALUATION,
    GROUPS,
    MAIN,
    OPTIMISER,
    TERMS,
    Stopwatch,
)
from benchmark.trainer import EpochFacts, StepFacts, train

PARTS = (DATA, MAIN, BACKWARD, GROUPS, TERMS, OPTIMISER, EVALUATION)
BARE = "training / bare passes"

ON_CPU = (
    Size(MINI, (256, 40, 182)),
    Size("ViT-B-16", (24, 8, 8), batch=8, epochs=4),
)
ON_GPU = (
    Size("ViT-B-16", (960, 32, 32), precision="fp32"),
    Size("ViT-B-16", (960, 32, 32), precision="bf16-amp"),
    Size("ViT-L-14", (320, 32, 32), precision="bf16-amp"),
    Size("ViT-B-16", (7000, 940, 2000), precision="bf16-amp", epochs=10),
)
"""The last is the size of Harvard-FairVLMed, all of it."""

TARGETS = {
    ("cpu", "ViT-B-16", "fp32", BARE): "< 1.1 ×",
    ("cuda", "ViT-B-16", "fp32", BARE): "< 1.25 ×",
    ("cuda", "ViT-B-16", "bf16-amp", BARE): "< 1.25 ×",
    ("cuda", "ViT-L-14", "bf16-amp", "model FLOP utilisation"): "> 45 %",
}


def bench_train(
    progress: Callable[[str], None] = lambda _: None, sizes: Sequence[Size] | None = None
) -> list[Figure]:
    """Return time, its parts, memory and utilisation of trainings of `fairclip`.

    Args:
        progress: Told what is being measured.
        sizes: What is trained; None: what suits this device.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if sizes is None:
        sizes = ON_GPU if device == "cuda" else ON_CPU
    threads = os.cpu_count() or 1
    figures = []
    for size in sizes:
        progress(f"train: {size.model}, {size.samples[0]} pairs, {size.precision}")
        figures += _figures(make_workload(size, device, threads))
    return figures


@dataclass
class _TakingTurns:
    """After each epoch, passes the same batches bare; an observer of the trainer."""

    bare: BarePasses
    watch: Stopwatch
    batches: SeededBatches
    trained: list[float] = field(default_factory=list)
    evaluated: list[float] = field(default_factory=list)
    bares: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)

    def on_step(self, facts: StepFacts) -> None:
        """Nothing: facts of a step are for recorders."""

    def on_epoch(self, facts: EpochFacts) -> None:
        """Keep the seconds of the epoch, and measure the bare passes."""
        self.trained.append(facts.seconds["train"])
        self.evaluated.append(facts.seconds["evaluate"])
        self.parts.append(self.watch.totals())
        if facts.epoch <= BARE_EPOCHS:
            self.bares.append(self.bare.seconds(self.batches.epoch(facts.epoch)))


BARE_EPOCHS = 6
"""Epochs after which the same batches are passed bare; a longer training goes on without."""


def _figures(work: Workload) -> list[Figure]:
    device = torch.device(work.config.device)
    turns = _TakingTurns(BarePasses(work), Stopwatch(device), work.batches)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    if device.type == "cpu":
        keep_freed_memory()
    with step_numerics(work.config):
        peak = operations_a_second(device, work.size.precision)
        with turns.watch.watch():
            train(work.config, work.model, work.data, work.batches, turns)
        synchronise(device)
        operations = turns.bare.operations(work.batches.epoch(1))
    return _measured(work, turns, operations, peak)


def _measured(work: Workload, turns: _TakingTurns, operations: float, peak: float) -> list[Figure]:
    size, device = work.size, work.config.device
    train_s, eval_s = median(turns.trained[1:]), median(turns.evaluated[1:])
    ratios = [t / b for t, b in zip(turns.trained[1:], turns.bares[1:], strict=False)]
    where = f"{size.model}, {size.precision}"
    how = (
        f"fairclip on race, {size.samples[0]} pairs, batch {size.batch} + 3 groups of at most "
        f"{size.batch}, {device}, {work.config.threads} threads; median of {size.epochs - 1} epochs"
    )

    def figure(name: str, value: float, unit: str, note: str = "") -> Figure:
        target = TARGETS.get((device, size.model, size.precision, name), "")
        return Figure(f"{where}: {name}", value, unit, target, note)

    memory = peak_memory()
    if device == "cuda":
        memory = torch.cuda.max_memory_allocated() / 1e6
    attained = operations / train_s
    whole = sum(turns.trained) + sum(turns.evaluated)
    return [
        figure("epoch", train_s, "s", how),
        figure("evaluation", eval_s, "s", f"{sum(size.samples[1:])} pairs, both splits"),
        figure("all epochs", whole, "s", f"{size.epochs} epochs with their evaluation"),
        figure("pairs a second", size.samples[0] / train_s, "1/s", "of the main batches"),
        figure(BARE, median(ratios), "×", "forward + backward of the same batches, in turn"),
        *(
            figure(f"time: {name}", 100 * share, "%")
            for name, share in _shares(turns.parts).items()
        ),
        figure(
            "model FLOP utilisation",
            100 * attained / peak,
            "%",
            f"{attained / 1e9:,.0f} of {peak / 1e9:,.0f} GFLOP/s, which a matrix product attains",
        ),
        figure("memory", memory, "MB", "with the bare passes' copy of the model"),
    ]


def _shares(parts: list[dict[str, float]]) -> dict[str, float]:
    """Return part → share of what the epochs after the first took, all parts together."""
    seconds = {name: parts[-1].get(name, 0.0) - parts[0].get(name, 0.0) for name in PARTS}
    total = sum(seconds.values())
    return {name: value / total for name, value in seconds.items()}
