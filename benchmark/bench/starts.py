"""Generated files in the layout of Harvard-FairVLMed, and what a run does with them first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset, ImageTransform, Tokenizer
    from benchmark.data.fairvlmed import FairVLMedSource

PIXELS = 224
KNOBS = ("train", "val", "test", "height", "width")


@dataclass(frozen=True)
class Starter:
    """What ViT-B/16 asks of images and notes."""

    transform: ImageTransform
    tokenizer: Tokenizer

    @classmethod
    def make(cls) -> Starter:
        """Return the starter of a model whose weights are not needed."""
        import open_clip
        from open_clip.transform import PreprocessCfg

        from benchmark.model import Tokenizer, resize_and_crop

        fields = PreprocessCfg(size=PIXELS).__dict__
        return cls(resize_and_crop(fields), Tokenizer(open_clip.get_tokenizer("ViT-B-16"), 77))

    def source(self, root: Path, cache: Path) -> FairVLMedSource:
        """Read a dataset folder."""
        from benchmark.data.fairvlmed import read_fairvlmed

        return read_fairvlmed(root, cache_dir=cache)

    def start(self, root: Path, cache: Path) -> Dataset:
        """Do what a run does before it trains."""
        from benchmark.data.prepare import prepare

        return prepare(
            self.source(root, cache),
            self.transform,
            self.tokenizer,
            resize="float",
            note_characters=180,
            long_notes="truncate",
            cache_dir=cache,
        )


def write_sets(folder: Path, knobs: Mapping[str, int]) -> dict[str, Path]:
    """Write the same samples twice, and return where: as NumPy stores them, and compressed.

    Args:
        folder: Where to.
        knobs: A value for each of `KNOBS`.
    """
    from benchmark.data.synthetic import make_config, write_synthetic

    plain, packed = folder / "plain", folder / "packed"
    write_synthetic(plain, make_config("paper", 0, dict(knobs)))
    for path in sorted(plain.rglob("*.*")):
        copy = packed / path.relative_to(plain)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix != ".npz":
            copy.write_bytes(path.read_bytes())
            continue
        with np.load(path) as archive:
            fields: dict[str, Any] = {name: archive[name] for name in archive.files}
        np.savez_compressed(copy, **fields)
    return {"uncompressed": plain, "compressed": packed}
