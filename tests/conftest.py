"""A CLIP of a few thousand parameters beside its embedding, 43 pairs, and short trainings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
import numpy as np
import pytest

# Tiny tensors gain nothing from threads, which on a busy machine spin for each other: 70 s
# instead of 1 s. Child processes inherit it; torch reads it when it is first imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # for replays, on the two threads of their recording

from benchmark.data.dataset import Dataset, Schema, Split, SplitName, sample_ids

# Property tests search afresh at every developer's run; CI tries the same examples every time.
hypothesis.settings.register_profile(
    "fairbench", deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("fairbench")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Start every test on one thread: float32 gradients hang on it, and tests share processes."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


SMALL = "fairbench-test-small"
SCHEMA = Schema(
    name="small",
    classes=("healthy", "ill"),
    prompts=("a photo of a healthy eye", "a photo of an ill eye"),
    attributes={"race": ("asian", "black", "white", "martian"), "gender": ("female", "male")},
)
SIZES: Mapping[SplitName, int] = {"train": 21, "val": 10, "test": 12}


@dataclass
class Trained:
    """An observer that keeps all facts, and the module they led to."""

    steps: list[Any] = field(default_factory=list)
    epochs: list[Any] = field(default_factory=list)
    module: Any = None

    def on_step(self, facts: Any) -> None:
        self.steps.append(facts)

    def on_epoch(self, facts: Any) -> None:
        self.epochs.append(facts)


TrainRun = Callable[..., Trained]


@pytest.fixture(scope="session")
def small_clip_config() -> dict[str, Any]:
    """One layer a tower, 16-pixel images; the vocabulary must be the tokenizer's."""
    return {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 16,
            "layers": 1,
            "width": 16,
            "head_width": 8,
            "patch_size": 8,
        },
        "text_cfg": {
            "context_length": 12,
            "vocab_size": 49408,
            "width": 8,
            "heads": 2,
            "layers": 1,
        },
    }


@pytest.fixture(scope="session")
def add_architecture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Any], str]:
    import open_clip

    def add(name: str, config: Mapping[str, Any]) -> str:
        path = tmp_path_factory.mktemp("architectures") / f"{name}.json"
        path.write_text(json.dumps(config))
        open_clip.add_model_config(path)
        return name

    return add


@pytest.fixture(scope="session")
def small_clip(add_architecture: Callable[[str, Any], str], small_clip_config: Any) -> Any:
    from benchmark.model import load_model

    return load_model(add_architecture(SMALL, small_clip_config), seed=0)


@pytest.fixture(scope="session")
def small_data(small_clip: Any) -> Dataset:
    """Race has a group of one, an empty group and unknown values."""
    rng = np.random.default_rng(0)
    words = ["cup", "disc", "pale", "thin", "normal", "large", "healthy", "ill"]

    def split(name: SplitName, n: int) -> Split:
        notes = [" ".join(rng.choice(words, size=5)) for _ in range(n)]
        race = np.array([0, -1, *(1 + np.arange(n - 2) % 2)], np.int8)
        return Split(
            images=rng.integers(0, 256, size=(n, 1, 16, 16), dtype=np.uint8),
            tokens=small_clip.tokenizer(notes),
            label=(np.arange(n) % 2).astype(np.int8),
            attributes={"race": race, "gender": (np.arange(n) // 3 % 2).astype(np.int8)},
            sample_id=sample_ids("small", [f"{name}-{i}" for i in range(n)]),
        )

    splits = {name: split(name, n) for name, n in SIZES.items()}
    return Dataset(SCHEMA, splits, fingerprint="0" * 64, test_fingerprint="1" * 64)


@pytest.fixture(scope="session")
def train_run(small_clip: Any, small_data: Dataset) -> TrainRun:
    """Train a variant by name on the small data; one epoch of three steps unless told."""
    from benchmark.config import resolve
    from benchmark.execute import Planned, seeded_batches
    from benchmark.fast_step import step_numerics
    from benchmark.registry import find_variant
    from benchmark.trainer import train

    def run(
        variant: str,
        *,
        seed: int = 0,
        objective: Any = None,
        module: Any = None,
        observer: Trained | None = None,
        data: Dataset | None = None,
        device: str = "cpu",
        **changes: Any,
    ) -> Trained:
        defaults = {"lr": 1e-3, "epochs": 1, "batch_size": 8, "group_batch": 4}
        config = resolve(
            find_variant(variant),
            changes={**defaults, **changes},
            preset="tiny",
            seed=seed,
            device=device,
        )
        if objective is not None:
            config = config.model_copy(update={"objective": objective})
        data = small_data if data is None else data
        model = small_clip if module is None else replace(small_clip, module=module)
        batches = seeded_batches(Planned(config, model, data, {}))
        trained = Trained() if observer is None else observer
        with step_numerics(config):
            trained.module = train(config, model, data, batches, trained)
        return trained

    return run


@pytest.fixture
def kept() -> Trained:
    """An empty observer: what it holds after a run that ended early."""
    return Trained()
