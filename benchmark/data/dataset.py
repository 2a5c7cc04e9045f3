"""What a dataset is to the rest of fairbench: arrays, a schema and fingerprints.

Two stages. A reader turns a folder into a `Source` (labels, attribute codes, note texts,
a function that decodes one image). `benchmark.data.prepare` turns a source into a `Dataset`
(uint8 images after the model's own resize and crop, token ids), once for each content and
transform. Training and evaluation see only a `Dataset`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
TextSource = Literal["note", "label"]
"""Where the text of a pair comes from: the sample's own note, or the prompt of its label."""
UNKNOWN = -1
"""The code of an attribute value that is not known; it belongs to no group."""


@dataclass(frozen=True)
class Schema:
    """The names behind the codes of a dataset.

    Attributes:
        name: The dataset's name; part of every sample id.
        classes: Class names; the index is the label. Of two, the second is the positive one.
        prompts: One zero-shot text for each class, in the order of `classes`.
        attributes: Attribute name → group names; a group's index is its code.
    """

    name: str
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SourceSplit:
    """One split as a reader found it, in the order of file names.

    Attributes:
        files: N file names, sorted, unique.
        label: (N,) int8, an index into `Schema.classes`.
        attributes: Name → (N,) int8 codes; `UNKNOWN` where the value is not known.
        notes: N texts as the file holds them. Never logged, never written to a run.
    """

    files: tuple[str, ...]
    label: NDArray[np.int8]
    attributes: Mapping[str, NDArray[np.int8]]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)


class Source(Protocol):
    """A dataset folder after reading, before any transform.

    Attributes:
        root: The folder.
        schema: The names behind the codes.
        splits: The three splits.
        fingerprint: SHA-256 (hex) over the source bytes of all splits and the notes in use.
        test_fingerprint: SHA-256 over the test split's ids, labels, attributes and images;
            notes do not enter. Runs whose test fingerprints differ are never compared.
        image_fingerprint: SHA-256 over the image bytes of all splits: the cache key.
        dropped: Split → how many samples were left out for unknown attributes.
    """

    root: Path
    schema: Schema
    splits: Mapping[SplitName, SourceSplit]
    fingerprint: str
    test_fingerprint: str
    image_fingerprint: str
    dropped: Mapping[SplitName, int]

    def image(self, split: SplitName, index: int) -> NDArray[np.uint8]:
        """Return one decoded image, (H, W) for grey or (H, W, 3), uint8.

        Raises:
            FairbenchError: the image cannot be read, or is not the one that the fingerprint
                covers: its file has changed since.
        """
        ...


class ImageTransform(Protocol):
    """The model's own resize and crop, without normalisation. `benchmark.model` makes it."""

    @property
    def key(self) -> str:
        """Names everything that changes the output; equal keys give equal pixels."""
        ...

    def __call__(self, image: Any) -> Any:
        """Turn a PIL image of any mode into a PIL image of the model's input size."""
        ...


class Tokenizer(Protocol):
    """Texts to token ids. `benchmark.model` makes it from open_clip's."""

    @property
    def context_length(self) -> int:
        """Return how many ids a text can take, start and end included."""
        ...

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return (N, context_length) int32 ids, cut to the context where a text is too long."""
        ...

    def too_long(self, texts: Sequence[str]) -> list[int]:
        """Return the positions of the texts that need more than `context_length` tokens."""
        ...


@dataclass(frozen=True)
class Split:
    """One split, ready for a model.

    Attributes:
        images: (N, C, H, W) uint8 after the model's resize and crop, C = 1 for grey images;
            usually a read-only memory map.
        tokens: (N, L) int32.
        label: (N,) int8.
        attributes: Name → (N,) int8, `UNKNOWN` for unknown.
        sample_id: (N,) unicode, 16 hex digits of a hash of dataset name and file name.
    """

    images: NDArray[np.uint8]
    tokens: NDArray[np.int32]
    label: NDArray[np.int8]
    attributes: Mapping[str, NDArray[np.int8]]
    sample_id: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True)
class Dataset:
    """Arrays for all splits plus what names and identifies them; fields as in `Source`."""

    schema: Schema
    splits: Mapping[SplitName, Split]
    fingerprint: str
    test_fingerprint: str
    dropped: Mapping[SplitName, int] = field(default_factory=dict)
    truncated_notes: int = 0
    """How many notes had more tokens than the context holds and were cut."""


def label_texts(schema: Schema, label: NDArray[np.int8]) -> tuple[str, ...]:
    """Return one text for each of the (N,) labels: the prompt of its class."""
    return tuple(schema.prompts[code] for code in label.tolist())


def sample_ids(dataset: str, files: Sequence[str]) -> NDArray[np.str_]:
    """Return (N,) sample ids: 16 hex digits of SHA-256 over `dataset/file`."""
    ids = [hashlib.sha256(f"{dataset}/{file}".encode()).hexdigest()[:16] for file in files]
    return np.array(ids, dtype="<U16")
