"""The file of recorded numbers that `fairbench check` compares with.

JSON with sorted keys and one line a series, so that a diff shows what moved. Numbers keep the
nine digits that float32 carries, metrics the twelve below which they are compared; a number that
is not finite is null.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from benchmark.config import first_problem
from benchmark.errors import FairbenchError
from benchmark.verify.regression.deviation import FLOORS, Numbers

Stored = dict[str, dict[str, list[float | None]]]
"""Quantity → name → numbers, None for one that is not finite."""


class Recorded(BaseModel):
    """One case.

    Attributes:
        identity: What the run's id is made of, without what the whole file shares.
        made_with: Versions and processor, as text.
        tolerances: Quantity → largest deviation that passes.
        numbers: Quantity → name → numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: dict[str, Any]
    made_with: str
    tolerances: dict[str, float]
    numbers: Stored

    @field_validator("tolerances", "numbers")
    @classmethod
    def _complete(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value.keys() != FLOORS.keys():
            raise ValueError(f"holds {', '.join(value)}; expected {', '.join(FLOORS)}")
        return value

    @property
    def series(self) -> Numbers:
        """The numbers, NaN for null."""
        return read_back(self.numbers)


class Baseline(BaseModel):
    """All cases, and what they share.

    Attributes:
        format: Of the file.
        numerics: `benchmark.config.NUMERICS` when it was made.
        dataset, weights: Fingerprint of the data, hash of the initial weights.
        inputs: Hash of images and token ids as the model sees them.
        cases: By name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    numerics: int
    dataset: str
    weights: str
    inputs: str
    cases: dict[str, Recorded]


def rounded(numbers: Numbers) -> Stored:
    """Return numbers as the file holds them."""

    def as_stored(value: float, digits: int) -> float | None:
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None

    return {
        quantity: {
            name: [as_stored(v, 12 if quantity == "metrics" else 9) for v in values]
            for name, values in series.items()
        }
        for quantity, series in numbers.items()
    }


def read_back(stored: Stored) -> Numbers:
    """Return stored numbers, NaN for null."""
    return {
        quantity: {
            name: [math.nan if value is None else value for value in values]
            for name, values in series.items()
        }
        for quantity, series in stored.items()
    }


def read_baseline(path: Path) -> Baseline:
    """Return the baseline of a file.

    Raises:
        FairbenchError: it is missing, damaged, or not a baseline.
    """
    again = "restore it, or delete it and make it anew with --update"
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise FairbenchError(f"{path}: no such file; make it with --update") from None
    except OSError as error:
        raise FairbenchError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise FairbenchError(f"{path}: truncated, damaged or not JSON; {again}") from None
    try:
        return Baseline.model_validate(values)
    except ValidationError as error:
        problem = first_problem(error).replace("key '", "field '")
        raise FairbenchError(f"{path}: {problem:.300}; {again}") from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file whole or not at all.

    Raises:
        FairbenchError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(_text(baseline.model_dump(mode="json")) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise FairbenchError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _text(value: Any, depth: int = 0) -> str:
    """Return JSON with a line for every series and for every mapping without one."""
    if not (isinstance(value, Mapping) and any(isinstance(v, list | dict) for v in value.values())):
        return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)
    indent = " " * (depth + 1)
    lines = [
        f"{indent}{json.dumps(name, ensure_ascii=False)}: {_text(value[name], depth + 1)}"
        for name in sorted(value)
    ]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
