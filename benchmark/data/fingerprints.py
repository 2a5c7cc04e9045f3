"""What identifies a dataset: hashes over its samples before any transform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.data.dataset import SPLITS, SourceSplit, SplitName, sample_ids
from benchmark.data.file_index import sha256_of


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256 (hex) each.

    Attributes:
        everything: Ids, labels, attribute codes, images and texts of all splits.
        test: The same of the test split without texts: what makes two runs comparable.
        images: The images of all splits, in order: the key of the image cache.
    """

    everything: str
    test: str
    images: str


def fingerprints(
    name: str,
    splits: Mapping[SplitName, SourceSplit],
    image_hashes: Mapping[SplitName, Sequence[str]],
    *,
    meaning: Any = None,
    prompts: Any = None,
) -> Fingerprints:
    """Return the fingerprints of a dataset.

    Args:
        name: The dataset's name, part of every sample id.
        splits: The samples that are used.
        image_hashes: Split → one hash for each sample.
        meaning: JSON value of what the codes stand for, where the user's file says so.
        prompts: JSON value of the class prompts, where the user's file gives them.
    """
    identity = {split: _identity(name, splits[split], image_hashes[split]) for split in SPLITS}
    texts = {split: [sha256_of(text) for text in splits[split].notes] for split in SPLITS}
    test: Any = sorted(identity["test"])
    everything: Any = [identity, texts]
    if meaning is not None:
        test = [test, meaning]
        everything = [*everything, meaning, prompts]
    return Fingerprints(
        everything=sha256_of(everything),
        test=sha256_of(test),
        images=sha256_of({split: list(image_hashes[split]) for split in SPLITS}),
    )


def _identity(name: str, split: SourceSplit, hashes: Sequence[str]) -> list[list[Any]]:
    codes = zip(*(column.tolist() for column in split.attributes.values()), strict=True)
    ids = sample_ids(name, split.files).tolist()
    rows = zip(ids, split.label.tolist(), codes, hashes, strict=True)
    return [[identifier, label, list(code), image] for identifier, label, code, image in rows]
