"""The mini dataset through the real reader, transform, tokenizer and encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset, Split, SplitName
from benchmark.data.fairvlmed import FairVLMedSource, read_fairvlmed
from benchmark.data.prepare import model_pixels, prepare
from benchmark.encode import Encoder
from benchmark.model import LoadedModel
from benchmark.pair_tensors import PairTensors
from benchmark.verify.comparison import Comparison
from benchmark.verify.mini_clip import CONFIG, WEIGHTS, mini_clip
from benchmark.verify.pack import Arrays, Pack, PackError
from benchmark.verify.result import CheckResult
from benchmark.zeroshot import class_prompts, zero_shot

ARRAYS = "mini_preprocess.npz"
DATA = "mini_fairvlmed"
FILES = (ARRAYS, DATA, CONFIG, WEIGHTS)

TOLERANCE = 1e-5
"""Of unit features, absolute, and of logits, relative to the logit scale."""
SCORE_TOLERANCE = 1e-6

_CHARACTERS = 180
"""Where the public loaders cut a note."""


def check_dataset(pack: Pack) -> list[CheckResult]:
    """Compare pixels and codes exactly; features, logits and zero-shot scores in float32."""
    model = mini_clip(pack)
    with TemporaryDirectory() as folder:
        source = read_fairvlmed(pack.root / DATA, cache_dir=Path(folder))
        dataset = prepare(
            source,
            model.transform,
            model.tokenizer,
            resize="float",
            note_characters=_CHARACTERS,
            long_notes="error",
            cache_dir=Path(folder),
        )
        encoder = Encoder(model.module.eval(), model.mean, model.std, torch.device("cpu"))
        mini = _Mini(model, source, dataset, encoder, pack.arrays(ARRAYS))
        with torch.no_grad():
            return [mini.pixels(), mini.codes(), mini.features(), mini.scores()]


@dataclass(frozen=True)
class _Mini:
    """The mini dataset as fairbench sees it, and what was recorded of it."""

    model: LoadedModel
    source: FairVLMedSource
    dataset: Dataset
    encoder: Encoder
    arrays: Arrays

    def pixels(self) -> CheckResult:
        """Compare grey levels after resize and crop: of float images, and of 8-bit ones."""
        found = Comparison("image-pixels", 0.0)
        rows, transform = self._rows("train", "files"), self.model.transform
        as_uint8 = [model_pixels(self.source.image("train", i), transform, "uint8") for i in rows]
        sets = {
            "images": self.dataset.splits["train"].images[rows],
            "images_if_uint8_were_used": np.stack(as_uint8),
        }
        mean, std = (
            np.array(values)[:, None, None] for values in (self.model.mean, self.model.std)
        )
        for name, ours in sets.items():
            shape = (len(rows), 3, *ours.shape[2:])
            levels = (self.arrays.array(name, *shape).astype(np.float64) * std + mean) * 255
            # Normalised in float32: a whole level comes back to within 1e-4.
            whole = np.where(np.abs(levels - np.round(levels)) < 1e-3, np.round(levels), levels)
            found.array(f"{ARRAYS}, {name}", np.broadcast_to(ours, shape), whole)
        return found.result()

    def codes(self) -> CheckResult:
        """Compare token ids of notes and prompts, labels and attribute codes."""
        found = Comparison("dataset-codes", 0.0)
        train, test = self.dataset.splits["train"], self.dataset.splits["test"]
        prompts = self.model.tokenizer(self.source.schema.prompts)
        rows, test_rows = self._rows("train", "files"), self._rows("test", "test_files")
        sets: dict[str, NDArray[Any]] = {
            "tokens": train.tokens[rows],
            "class_prompt_tokens": prompts,
            "label_and_attributes": _labels(train, rows),
            "test_label_and_attributes": _labels(test, test_rows),
        }
        for name, ours in sets.items():
            found.array(f"{ARRAYS}, {name}", ours, self.arrays.array(name, *ours.shape))
        found.number(f"{ARRAYS}, number of test_files", len(test), len(test_rows))
        return found.result()

    def features(self) -> CheckResult:
        """Compare image, text and prompt features of norm 1, and logits over their scale."""
        found = Comparison("model-features", TOLERANCE)
        rows = self._rows("train", "files")
        pairs = PairTensors(self.dataset.splits["train"], self.encoder.device)
        batch = self.encoder.pairs(pairs.images(rows), pairs.tokens(rows))
        prompts = self.model.tokenizer(self.source.schema.prompts)
        for name, ours in {
            "image_features": batch.image.numpy(),
            "text_features": batch.text.numpy(),
            "class_prompt_features": self.encoder.text(torch.from_numpy(prompts)).numpy(),
        }.items():
            recorded = self.arrays.array(name, *ours.shape).astype(np.float64)
            recorded = recorded / np.linalg.norm(recorded, axis=1, keepdims=True)
            found.array(f"{ARRAYS}, {name}", ours, recorded)
        name, scale = "logits_per_image", float(batch.logit_scale)
        logits = (scale * batch.image @ batch.text.T).numpy()
        found.array(
            f"{ARRAYS}, {name}", logits / scale, self.arrays.array(name, *logits.shape) / scale
        )
        return found.result()

    def scores(self) -> CheckResult:
        """Compare zero-shot scores of the test split before training."""
        found = Comparison("zero-shot-dataset", SCORE_TOLERANCE)
        pairs = PairTensors(self.dataset.splits["test"], self.encoder.device)
        prompts = self.model.tokenizer(self.source.schema.prompts)
        rows = self._rows("test", "test_files")
        features = class_prompts(self.encoder, prompts)
        score = zero_shot(self.encoder, pairs, features).score[rows]
        name = "test_prob_glaucoma_before_training"
        found.array(f"{ARRAYS}, {name}", score, self.arrays.array(name, len(rows)))
        return found.result()

    def _rows(self, split: SplitName, name: str) -> NDArray[np.int64]:
        """Return the positions of the files that an array names by number."""
        position = {file: i for i, file in enumerate(self.source.splits[split].files)}
        files = [f"data_{int(number):05d}.npz" for number in self.arrays.array(name, None)]
        for file in files:
            if file not in position:
                folder = self.source.folders[split].name
                raise PackError(f"{ARRAYS}: '{name}' names {file}, which {DATA}/{folder} lacks")
        return np.array([position[file] for file in files], dtype=np.int64)


def _labels(split: Split, rows: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return (N, 1 + attributes): labels, then the codes in the order of the schema."""
    columns = [split.label, *split.attributes.values()]
    return np.stack([column[rows] for column in columns], axis=1)
