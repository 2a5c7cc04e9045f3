"""How long an evaluation takes, beside its bare passes and the public code's way to make it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.batches import Positions
from benchmark.bench.bare import BarePasses, synchronise
from benchmark.bench.figure import Figure
from benchmark.bench.workload import MINI, Size, Workload, make_workload
from benchmark.data.dataset import SplitName
from benchmark.encode import Encoder
from benchmark.fast_step import step_numerics
from benchmark.metrics.evaluate import evaluate
from benchmark.pair_tensors import PairTensors
from benchmark.zeroshot import EVALUATION_BATCH, class_probabilities, class_prompts, zero_shot

ON_CPU = (Size(MINI, (8, 40, 182)), Size("ViT-B-16", (8, 8, 16)))
ON_GPU = (Size("ViT-B-16", (8, 940, 2000)), Size("ViT-B-16", (8, 940, 2000), precision="bf16-amp"))
PUBLIC_BATCH = 32
"""Images a batch of the public code's evaluation: scripts/finetune_FairCLIP.sh."""

EVALUATED: tuple[SplitName, ...] = ("val", "test")

SAMPLES, ATTRIBUTES = 2000, 4
"""Of the metrics that are measured: those of Harvard-FairVLMed's test set."""


def bench_eval(
    progress: Callable[[str], None] = lambda _: None,
    sizes: Sequence[Size] | None = None,
    repeats: int = 5,
) -> list[Figure]:
    """Return seconds of evaluations, and of all metrics of an epoch.

    Args:
        progress: Told what is being measured.
        sizes: What is evaluated, its validation and test split; None: what suits this device.
        repeats: Of which medians are taken.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if sizes is None:
        sizes = ON_GPU if device == "cuda" else ON_CPU
    figures = []
    for size in sizes:
        progress(f"eval: {size.model}, {sum(size.samples[1:])} pairs, {size.precision}")
        work = make_workload(size, device, os.cpu_count() or 1)
        with step_numerics(work.config), torch.no_grad():
            figures += _figures(work, repeats)
    progress("eval: metrics")
    return [*figures, _metrics(repeats)]


def _figures(work: Workload, repeats: int) -> list[Figure]:
    size, device = work.size, torch.device(work.config.device)
    module = work.model.module.eval().to(device)
    autocast = size.precision == "bf16-amp"
    encoder = Encoder(module, work.model.mean, work.model.std, device, autocast)
    splits = {name: PairTensors(work.data.splits[name], device) for name in EVALUATED}
    tokens = work.model.tokenizer(work.data.schema.prompts)
    bare = BarePasses(work)
    batches = [
        bare.inputs(name, index)
        for name in EVALUATED
        for index in _cut(len(splits[name]), EVALUATION_BATCH)
    ]
    ours, bares, images, public = [], [], [], []
    for _ in range(repeats + 1):  # the first allocates memory
        ours.append(_seconds(device, lambda: _evaluate(encoder, splits, tokens)))
        bares.append(bare.evaluation(batches))
        images.append(_seconds(device, lambda: _images(encoder, splits["test"], tokens)))
        public.append(_seconds(device, lambda: _as_public(encoder, splits["test"], tokens)))
    where = f"{size.model}, {size.precision}"
    pairs = sum(size.samples[1:])
    note = f"images and notes of {pairs} pairs, class prompts once; {device}"
    ratio = median(a / b for a, b in zip(ours[1:], bares[1:], strict=True))
    saved = median(b / a for a, b in zip(images[1:], public[1:], strict=True))
    return [
        Figure(f"{where}: evaluation", median(ours[1:]), "s", "", note),
        Figure(f"{where}: pairs a second", pairs / median(ours[1:]), "1/s"),
        Figure(f"{where}: evaluation / bare passes", ratio, "×", "", "the same batches, in turn"),
        Figure(
            f"{where}: as the public code / class probabilities",
            saved,
            "×",
            "",
            f"test images alone: batches of {PUBLIC_BATCH} with prompts encoded for each image, "
            f"or of {EVALUATION_BATCH} with prompts encoded once",
        ),
    ]


def _evaluate(
    encoder: Encoder, splits: Mapping[SplitName, PairTensors], tokens: NDArray[np.int32]
) -> None:
    prompts = class_prompts(encoder, tokens)
    for pairs in splits.values():
        zero_shot(encoder, pairs, prompts)


def _images(encoder: Encoder, pairs: PairTensors, tokens: NDArray[np.int32]) -> None:
    """Score images, without the similarities that `zero_shot` records beside."""
    prompts = class_prompts(encoder, tokens)
    for index in _cut(len(pairs), EVALUATION_BATCH):
        class_probabilities(encoder.image(pairs.images(index)), prompts)


def _as_public(encoder: Encoder, pairs: PairTensors, tokens: NDArray[np.int32]) -> None:
    """Score images with as many passes as `finetune_FairCLIP.py` makes."""
    for index in _cut(len(pairs), PUBLIC_BATCH):
        image = encoder.image(pairs.images(index))
        for prompt in torch.from_numpy(tokens).to(encoder.device):
            class_probabilities(image, encoder.text(prompt.expand(len(index), -1)))


def _cut(n: int, size: int) -> list[Positions]:
    return [np.arange(start, min(start + size, n)) for start in range(0, n, size)]


def _metrics(repeats: int) -> Figure:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, SAMPLES)
    score = rng.random(SAMPLES) + 0.3 * label
    codes = rng.integers(0, 3, (ATTRIBUTES, SAMPLES))

    def work() -> None:
        for attribute in codes:
            evaluate(label, score, attribute, ("a", "b", "c"))

    work()  # permutations are kept by codes, as in a run
    seconds = median(_seconds(torch.device("cpu"), work) for _ in range(repeats))
    note = f"{SAMPLES:,} samples by {ATTRIBUTES} attributes of 3 groups, permutation baselines too"
    return Figure("metrics of an epoch", seconds, "s", "< 1 s", note)


def _seconds(device: torch.device, work: Callable[[], None]) -> float:
    synchronise(device)
    started = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - started
