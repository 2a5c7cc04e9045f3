"""A model's own arithmetic: the passes of a step or an evaluation, and nothing beside them."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmark.batches import Positions, StepBatches
from benchmark.bench.workload import Workload
from benchmark.data.dataset import SplitName
from benchmark.group_passes import planned_passes

PRODUCT = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrix product that tells what a device can do."""


class BarePasses:
    """Forward and backward of a step's batches, of inputs that are ready on the device.

    The main batch is passed with gradient, the groups without, in as many passes as a training
    takes. The loss is the sum of all features. Weights stay as they are.
    """

    def __init__(self, work: Workload) -> None:
        self.device = torch.device(work.config.device)
        self.module: Any = copy.deepcopy(work.model.module).to(self.device).train()
        self._autocast = work.config.protocol.precision == "bf16-amp"
        self._data, self._objective = work.data, work.config.objective

    def inputs(self, split: SplitName, index: Positions) -> tuple[Tensor, Tensor]:
        """Return float images with three channels, and tokens, of some pairs of a split."""
        part = self._data.splits[split]
        images = torch.from_numpy(part.images[index]).to(self.device).float()
        tokens = torch.from_numpy(part.tokens[index]).to(self.device).long()
        return images.expand(-1, 3, -1, -1).contiguous() / 255, tokens

    def step_inputs(self, step: StepBatches) -> list[tuple[Tensor, Tensor]]:
        """Return the inputs of the main batch, and those of each pass of groups."""
        groups = planned_passes(step, self._objective, self.module, self.device)
        batches = [step.main, *(planned.images for planned in groups)]
        return [self.inputs("train", index) for index in batches]

    def step(self, inputs: list[tuple[Tensor, Tensor]]) -> None:
        """Pass one step's inputs forward, the main batch backward too."""
        main, *groups = inputs
        with self._precision():
            image, text = self.module.encode_image(main[0]), self.module.encode_text(main[1])
            total = image.float().sum() + text.float().sum()
        with torch.no_grad(), self._precision():
            for images, tokens in groups:
                self.module.encode_image(images)
                self.module.encode_text(tokens)
        total.backward()
        for parameter in self.module.parameters():
            parameter.grad = None

    def seconds(self, steps: Sequence[StepBatches]) -> float:
        """Return the seconds of some steps, without those of making their inputs."""
        total = 0.0
        for step in steps:
            inputs = self.step_inputs(step)
            synchronise(self.device)
            started = time.perf_counter()
            self.step(inputs)
            synchronise(self.device)
            total += time.perf_counter() - started
        return total

    def operations(self, steps: Sequence[StepBatches]) -> float:
        """Return the floating-point operations of some steps, a product and a sum being two.

        Counted for two pairs and scaled, since all are proportional to the number of pairs.
        """
        two = self.inputs("train", np.arange(2))
        both = _operations(partial(self.step, [two, two])) / 2
        main = _operations(partial(self.step, [two])) / 2
        mains = sum(len(step.main) for step in steps)
        groups = sum(len(index) for step in steps for index in step.groups.values())
        return mains * main + groups * (both - main)

    @torch.no_grad()
    def evaluation(self, batches: list[tuple[Tensor, Tensor]]) -> float:
        """Return the seconds of passing pairs forward, without gradient."""
        self.module.eval()
        synchronise(self.device)
        started = time.perf_counter()
        with self._precision():
            for images, tokens in batches:
                self.module.encode_image(images)
                self.module.encode_text(tokens)
        synchronise(self.device)
        seconds = time.perf_counter() - started
        self.module.train()
        return seconds

    def _precision(self) -> AbstractContextManager[Any]:
        if self._autocast:
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()


def _operations(work: Callable[[], None]) -> float:
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return float(counter.get_total_flops())


def operations_a_second(device: torch.device, precision: str, repeats: int = 5) -> float:
    """Return what a large matrix product attains on the device, in the precision of the towers."""
    dtype = torch.bfloat16 if precision == "bf16-amp" else torch.float32
    n = PRODUCT[device.type]
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    a @ b
    seconds = []
    for _ in range(repeats):
        synchronise(device)
        started = time.perf_counter()
        a @ b
        synchronise(device)
        seconds.append(time.perf_counter() - started)
    return 2 * n**3 / median(seconds)


def synchronise(device: torch.device) -> None:
    """Wait for what is queued on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
