"""Feature arrays with a linear signal, and probes trained on them without a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from benchmark.config import resolve
from benchmark.data.dataset import SPLITS, Dataset, Schema, Split, SplitName, sample_ids
from benchmark.numerics import numerics
from benchmark.probe import train as probe_train
from benchmark.probe.features import FrozenFeatures, SplitFeatures
from benchmark.registry import find_variant


@dataclass(frozen=True)
class Arrays:
    """Features and labels of a dataset without images."""

    data: Dataset
    features: FrozenFeatures

    def x(self, split: SplitName) -> Any:
        return self.features.splits[split].image

    def y(self, split: SplitName) -> Any:
        return self.data.splits[split].label


def make_arrays(train: int = 20, width: int = 3, classes: int = 2, seed: int = 0) -> Arrays:
    """Columns have means and scales of their own; half the samples are of class 1."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=width)
    direction *= 1.5 / np.linalg.norm(direction)
    mean, scale = rng.normal(size=width), np.exp(rng.normal(size=width))
    splits, features = {}, {}
    for name in SPLITS:
        n = train if name == "train" else max(8, train // 3)
        label = (np.arange(n) % classes).astype(np.int8)
        rows = rng.normal(size=(n, width)) + np.outer(label - 0.5, direction)
        rows = (mean + scale * rows).astype(np.float32)
        text = rng.normal(size=(n, width)).astype(np.float32)
        features[name] = SplitFeatures(rows, text, np.linspace(-1, 1, n, dtype=np.float32))
        splits[name] = Split(
            np.zeros((n, 1, 1, 1), np.uint8),
            np.zeros((n, 1), np.int32),
            label,
            {},
            sample_ids("arrays", [f"{name}{i}" for i in range(n)]),
        )
    names = tuple(f"class {c}" for c in range(classes))
    schema = Schema("arrays", names, names, {})
    return Arrays(Dataset(schema, splits, "0" * 64, "1" * 64), FrozenFeatures(features, 1.0))


@pytest.fixture(scope="session")
def arrays() -> Callable[..., Arrays]:
    return make_arrays


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, kept: Any) -> Callable[..., Any]:
    """Train a probe on arrays; what it reported, with the head as `module`."""

    def run(arrays: Arrays, *, seed: int = 0, observer: Any = None, **changes: Any) -> Any:
        monkeypatch.setattr(probe_train, "frozen_features", lambda *_: arrays.features)
        config = resolve(find_variant("linear-probe"), changes=changes, seed=seed)
        found = type(kept)() if observer is None else observer
        with numerics(threads=1, deterministic=True):
            found.module = probe_train.train_probe(config, None, arrays.data, found)  # type: ignore[arg-type]
        return found

    return run
