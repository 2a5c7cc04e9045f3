"""What numbers were made from and with: equal conditions, comparable numbers."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from benchmark.config import NUMERICS
from benchmark.data.dataset import SPLITS, Dataset
from benchmark.provenance import provenance
from benchmark.verify.regression.baseline import Baseline
from benchmark.verify.regression.cases import Case

_SHARED = ("numerics", "dataset", "weights")


def shared_conditions(cases: Sequence[Case]) -> dict[str, Any]:
    """Return what all cases of a baseline have in common, under the names of its fields."""
    planned = cases[0].planned
    return {
        "numerics": NUMERICS,
        "dataset": planned.data.fingerprint,
        "weights": planned.model.weights_hash,
        "inputs": _inputs(planned.data),
    }


def changed_conditions(baseline: Baseline, shared: Mapping[str, Any]) -> dict[str, str]:
    """Return name → `before → after` of the shared conditions that differ."""
    return {
        name: f"{_short(getattr(baseline, name))} → {_short(value)}"
        for name, value in shared.items()
        if getattr(baseline, name) != value
    }


def identity_of(case: Case) -> dict[str, Any]:
    """Return the run's identity without what all cases share."""
    return {name: value for name, value in case.planned.identity.items() if name not in _SHARED}


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (key, before, after) of every key of two identities that differs.

    The hash of a variant's file is not a key: a comment changes it, and no number.
    """
    changed = []
    for name in sorted((before.keys() | after.keys()) - {"source"}):
        old, new = before.get(name, "its default"), after.get(name, "its default")
        if isinstance(old, dict) and isinstance(new, dict):
            changed += [(f"{name}.{key}", a, b) for key, a, b in changed_keys(old, new)]
        elif old != new:
            changed.append((name, old, new))
    return changed


def made_with() -> str:
    """Return versions and the kind of processor, on which the last bits of numbers depend."""
    record = provenance("cpu")
    packages = ", ".join(f"{name} {version}" for name, version in record["packages"].items())
    instructions = torch.backends.cpu.get_cpu_capability()
    return (
        f"fairbench {record['fairbench']}, Python {record['python']}, {packages}, "
        f"{platform.system()} {platform.machine()} {instructions}"
    )


def _inputs(data: Dataset) -> str:
    """Return SHA-256 over images and token ids as the model sees them."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for array in (data.splits[split].images, data.splits[split].tokens):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _short(value: Any) -> str:
    return str(value)[:12]
