"""The shared inputs of the recorded losses, as features of a batch and of groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from benchmark.verify.pack import Arrays, Entry, Pack, PackError, by_case
from variants.objective import Features

INPUTS = ("loss_inputs.json", "loss_inputs.npz")

FIRST, SECOND = "race", "gender"
"""What the two sets of groups, A and B, stand for."""


@dataclass(frozen=True)
class LossCase:
    """One batch with its groups.

    Attributes:
        number: Of the case.
        batch: Features of the batch.
        groups: `race/0` and so on → features, attributes and groups in order.
        blur, weight: Keys of the recorded objectives; weight is λ.
    """

    number: int
    batch: Features
    groups: Mapping[str, Features]
    blur: float
    weight: float

    def of(self, attributes: Collection[str]) -> LossCase:
        """Return the case with the groups of some attributes only."""
        groups = {n: f for n, f in self.groups.items() if n.split("/", 1)[0] in attributes}
        return replace(self, groups=groups)


def loss_cases(pack: Pack) -> dict[int, LossCase]:
    """Return the cases by number.

    Raises:
        PackError: a field or array is missing or has another shape than the file says.
    """
    arrays = pack.arrays("loss_inputs.npz")
    entries = by_case(pack.record("loss_inputs.json").entries("cases"))
    if not entries:
        raise PackError("loss_inputs.json: holds no case")
    return {number: _case(entry, arrays) for number, entry in entries.items()}


def recorded_cases(pack: Pack, file: str, cases: Mapping[int, LossCase]) -> dict[int, Entry]:
    """Return the entries of a file by case; every input must have one, and the reverse."""
    found = by_case(pack.record(file).entries("cases"))
    for number in cases:
        if number not in found:
            raise PackError(f"{file}: case {number} is missing; loss_inputs.json has it")
    for number in found:
        if number not in cases:
            raise PackError(f"loss_inputs.json: case {number} is missing; {file} has it")
    return found


def _case(entry: Entry, arrays: Arrays) -> LossCase:
    number = entry.integer("case")
    prefix = f"c{number:02d}"
    width = entry.integer("dim")
    for field in ("s", "blur", "lam"):
        if not 0 < entry.number(field) < float("inf"):
            raise PackError(
                f"{entry.where}: field '{field}' is {entry.number(field)}; expected > 0"
            )
    scale = torch.tensor(entry.number("s"), dtype=torch.float32)

    def features(name: str, rows: int) -> Features:
        image, text = (
            unit_rows(arrays, f"{prefix}{name}_{part}", rows, width) for part in ("img", "txt")
        )
        return Features(image, text, scale)

    batch = features("", entry.integer("B"))
    groups = {
        f"{attribute}/{group}": features(f"_{letter}{group}", rows)
        for attribute, letter in ((FIRST, "A"), (SECOND, "B"))
        for group, rows in enumerate(entry.integers(f"groups_{letter}"))
    }
    return LossCase(number, batch, groups, entry.number("blur"), entry.number("lam"))


def unit_rows(arrays: Arrays, name: str, *shape: int | None) -> Tensor:
    """Return float32 features (..., d): stored codes, each row divided by its norm in float64."""
    codes = arrays.array(name, *shape).astype(np.float64)
    norm = np.linalg.norm(codes, axis=-1, keepdims=True)
    if not (np.isfinite(norm).all() and norm.all()):
        raise PackError(f"{arrays.file}: array '{name}' has a row that is zero or not finite")
    return torch.from_numpy((codes / norm).astype(np.float32))
