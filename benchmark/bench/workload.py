"""What trainings are measured on: a model with random weights, and random pairs in memory.

Nothing that is measured depends on what the pixels show, and no file is read; the topic `data`
measures files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.transform import PreprocessCfg

from benchmark.batches import SeededBatches
from benchmark.config import RunConfig
from benchmark.data.dataset import Dataset, Schema, Split
from benchmark.model import LoadedModel, Tokenizer, load_model, quiet, resize_and_crop
from benchmark.plan import Request, plan

RACE = (0.14, 0.22, 0.64)
"""Share of each group of the recorded timing's training set: 35, 56 and 165 of 256."""

MINI = "mini"
"""The architecture of the recorded timing, at its image size of 64."""


@dataclass(frozen=True)
class Size:
    """What is trained, and how much of it.

    Attributes:
        model: `mini` or a name of open_clip.
        samples: Of the training, validation and test split.
        batch: Main batch, and batch of each group.
        epochs: Of which the first is left out of all medians.
        precision: `fp32` or `bf16-amp`.
    """

    model: str
    samples: tuple[int, int, int]
    batch: int = 32
    epochs: int = 6
    precision: str = "fp32"


@dataclass(frozen=True)
class Workload:
    """All that `benchmark.trainer.train` needs."""

    size: Size
    config: RunConfig
    model: LoadedModel
    data: Dataset

    @property
    def batches(self) -> SeededBatches:
        """The order of a training, from its start."""
        objective = self.config.objective
        return SeededBatches(
            self.data, 0, self.size.batch, objective.group_weights, objective.group_batch_size
        )


def make_workload(size: Size, device: str, threads: int, protocol: str | None = None) -> Workload:
    """Return a training of `fairclip` on race.

    Args:
        size: How much.
        device: `cpu` or `cuda`.
        threads: CPU threads.
        protocol: A preset; None: `fast` in bfloat16, else `reproduction`.
    """
    changes: dict[str, Any] = {"epochs": size.epochs, "batch_size": size.batch}
    changes["group_batch"] = size.batch
    if protocol is None:
        protocol = "fast" if size.precision == "bf16-amp" else "reproduction"
    request = Request(
        variants=("fairclip",),
        attributes=("race",),
        protocol=protocol,
        changes=changes,
        device=device,
        threads=threads,
    )
    (config,) = plan(request)
    model = _mini() if size.model == MINI else load_model(size.model)
    return Workload(size, config, model, _pairs(model, size.samples))


def _mini() -> LoadedModel:
    """Return a random CLIP of OpenAI's constructor arguments 64, 64, 2, 64, 8, 77, 49408, 64, 1, 2.

    They are embedding, image size, layers, width and patch of images; context, vocabulary,
    width, heads and layers of texts.
    """
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        module = open_clip.CLIP(
            embed_dim=64,
            vision_cfg=open_clip.CLIPVisionCfg(
                layers=2, width=64, head_width=64, patch_size=8, image_size=64
            ),
            text_cfg=open_clip.CLIPTextCfg(width=64, heads=1, layers=2),
            quick_gelu=True,
        )
    preprocess = asdict(PreprocessCfg(size=64))
    return LoadedModel(
        name=MINI,
        pretrained=None,
        module=module,
        transform=resize_and_crop(preprocess),
        mean=tuple(preprocess["mean"]),
        std=tuple(preprocess["std"]),
        tokenizer=Tokenizer(open_clip.SimpleTokenizer(), module.context_length),
        weights_hash=MINI,
    )


def _pairs(model: LoadedModel, samples: Sequence[int]) -> Dataset:
    rng = np.random.default_rng(0)
    visual: Any = model.module.visual
    side = visual.image_size[0] if isinstance(visual.image_size, tuple) else visual.image_size
    splits = {}
    for name, n in zip(("train", "val", "test"), samples, strict=True):
        words = [" ".join(["eye"] * k) for k in rng.integers(20, 60, n)]
        codes = np.searchsorted(np.cumsum(RACE), (np.arange(n) + 0.5) / n)
        splits[name] = Split(
            images=rng.integers(0, 256, (n, 1, side, side), dtype=np.uint8),
            tokens=model.tokenizer(words),
            label=rng.integers(0, 2, n).astype(np.int8),
            attributes={"race": rng.permutation(codes).astype(np.int8)},
            sample_id=np.array([f"{name}-{i}" for i in range(n)]),
        )
    schema = Schema(
        name="random",
        classes=("non-glaucoma", "glaucoma"),
        prompts=("A photo of non-glaucoma", "A photo of glaucoma"),
        attributes={"race": ("asian", "black", "white")},
    )
    return Dataset(schema, splits, "random", "random", dropped={}, truncated_notes=0)  # type: ignore[arg-type]
