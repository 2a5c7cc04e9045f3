"""Runs whose groups are served as a test wants, on any dataset and model; claims about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.claims.ledger import LedgerClaim
from benchmark.yaml_io import read_yaml, write_yaml

N = 600
RACE = ("asian", "black", "white")


@pytest.fixture
def served(write_run: Callable[..., Path]) -> Callable[..., Path]:
    """Write a run with a separation of classes for each group of race."""
    fixed = np.random.default_rng(7)
    label = {"val": np.arange(60) % 2, "test": np.arange(N) % 2}
    codes = {split: np.arange(len(y)) // 2 % 3 for split, y in label.items()}
    noise = {split: fixed.normal(0, 1, len(y)) for split, y in label.items()}

    def write(
        variant: str = "clip-ft",
        seed: int | None = 0,
        *,
        separation: tuple[float, float, float] = (1.0, 1.0, 1.0),
        jitter: float = 0.02,
        name: str = "fairvlmed",
        model: str = "ViT-B-16-quickgelu",
        pretrained: str | None = "openai",
        race: Any = None,
        **more: Any,
    ) -> Path:
        """Runs share the noise of the samples; `jitter` is what a seed adds to it."""
        own = np.random.default_rng([len(variant), 99 if seed is None else seed])
        of_race = codes if race is None else {**codes, "test": np.asarray(race)}
        scores = {}
        for split, y in label.items():
            z = np.asarray(separation)[of_race[split]] * y + noise[split]
            z = z + jitter * own.normal(0, 1, len(y))
            scores[split] = (1 / (1 + np.exp(0.5 - z)))[None].astype(np.float32)
        folder = write_run(
            variant,
            seed,
            label_of=label,
            codes={split: {"race": c} for split, c in of_race.items()},
            scores=scores,
            epochs=(1,) if seed is not None else (0,),
            **more,
        )
        config = read_yaml(folder / "config.yaml")
        config["dataset"]["name"] = name
        config["model"] |= {"name": model, "pretrained": pretrained}
        (folder / "config.yaml").write_text(write_yaml(config), encoding="utf-8")
        return folder

    return write


ENTRY: Mapping[str, Any] = {
    "id": "c",
    "entry": "c",
    "text": "It is better.",
    "source": "Table 1",
    "dataset": "fairvlmed",
    "variant": "fairclip",
    "metric": "auc",
    "attribute": "race",
    "against": "clip-ft",
    "direction": "better",
}


@pytest.fixture
def claim() -> Callable[..., LedgerClaim]:
    def make(**changes: Any) -> LedgerClaim:
        return LedgerClaim.model_validate({**ENTRY, **changes})

    return make


@pytest.fixture
def order(claim: Callable[..., LedgerClaim]) -> Callable[..., LedgerClaim]:
    def make(group: str, direction: str = "highest", **changes: Any) -> LedgerClaim:
        fields = {"variant": "clip-ft", "metric": "group_auc", "against": "other groups"}
        return claim(**{**fields, "group": group, "direction": direction, **changes})

    return make
