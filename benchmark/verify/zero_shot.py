"""Zero-shot probabilities: softmax over cosines with the class prompts, without logit scale."""

from __future__ import annotations

import numpy as np
import torch

from benchmark.verify.comparison import Comparison
from benchmark.verify.loss_cases import unit_rows
from benchmark.verify.pack import Pack, PackError, by_case
from benchmark.verify.result import CheckResult
from benchmark.zeroshot import class_probabilities

RECORD, ARRAYS = "zero_shot.json", "zero_shot.npz"
FILES = (RECORD, ARRAYS)

TOLERANCE = 1e-6
HALF_TOLERANCE = 2.0**-11
"""Of float16: its spacing from 0.5 to 1."""


def check_zero_shot(pack: Pack) -> list[CheckResult]:
    """Compare the probabilities of all classes, in the precision of the recording."""
    single = Comparison("zero-shot", TOLERANCE)
    half = Comparison("zero-shot-float16", HALF_TOLERANCE)
    half.notes.append("the public code's GPU path; fairbench evaluates in float32")
    by_dtype = {"float32": (single, torch.float32), "float16": (half, torch.float16)}
    arrays = pack.arrays(ARRAYS)
    entries = by_case(pack.record(RECORD).entries("cases"))
    known = {f"z{number}" for number in entries}
    for name in arrays.arrays:
        case = name.split("_", 1)[0]
        if case not in known:
            raise PackError(f"{RECORD}: case {case} is missing; {ARRAYS} has its array '{name}'")
    for number, entry in entries.items():
        dtype = entry.text("dtype")
        if dtype not in by_dtype:
            raise PackError(f"{entry.where}: dtype is '{dtype}'; known: {', '.join(by_dtype)}")
        found, precision = by_dtype[dtype]
        n, classes, width = (entry.integer(field) for field in ("n", "classes", "dim"))
        image = unit_rows(arrays, f"z{number}_img", n, width).to(precision)
        prompts = unit_rows(arrays, f"z{number}_txt", None, classes, width).to(precision)
        if len(prompts) not in (1, n):
            raise PackError(f"{ARRAYS}: array 'z{number}_txt' has {len(prompts)} sets of prompts")
        if len(prompts) == 1:
            ours = class_probabilities(image, prompts[0])
        else:
            each = zip(image, prompts, strict=True)
            ours = torch.cat([class_probabilities(row[None], own) for row, own in each])
        name = f"z{number}_prob"
        recorded = arrays.array(name, n, classes)
        found.array(name, ours.double().numpy(), recorded.astype(np.float64))
    return [found.result() for found, _ in by_dtype.values() if found.cases]
