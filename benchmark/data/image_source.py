"""A `Source` of separate image files: what the readers of such formats share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import SPLITS, UNKNOWN, Schema, SourceSplit, SplitName
from benchmark.data.file_index import Row, remembered, sha256_of
from benchmark.data.fingerprints import fingerprints
from benchmark.data.image_file import read_header, read_image
from benchmark.data.parallel import Progress
from benchmark.errors import FairbenchError


@dataclass(frozen=True)
class Listed:
    """The samples that one split lists, sorted by name.

    Attributes:
        files: N names relative to the dataset's folder.
        label: N codes.
        codes: Attribute → N codes.
        texts: N texts.
    """

    files: Sequence[str]
    label: Sequence[int]
    codes: Mapping[str, Sequence[int]]
    texts: Sequence[str]

    def sorted_by_name(self) -> Listed:
        """Return the same samples in the order of their names."""
        return self.take(sorted(range(len(self.files)), key=self.files.__getitem__))

    def without_unknown(self) -> Listed:
        """Return the samples whose attributes are all known."""
        columns = list(self.codes.values())
        known = [i for i in range(len(self.files)) if all(c[i] != UNKNOWN for c in columns)]
        return self.take(known)

    def take(self, rows: Sequence[int]) -> Listed:
        """Return the samples at these positions."""
        return Listed(
            [self.files[i] for i in rows],
            [self.label[i] for i in rows],
            {name: [column[i] for i in rows] for name, column in self.codes.items()},
            [self.texts[i] for i in rows],
        )


@dataclass
class ImageSource:
    """A `benchmark.data.dataset.Source`; fields as described there.

    Attributes:
        grey: Whether every image is grey; else all are read as RGB.
        image_hashes: Split → SHA-256 of each image file.
    """

    root: Path
    schema: Schema
    splits: Mapping[SplitName, SourceSplit]
    fingerprint: str
    test_fingerprint: str
    image_fingerprint: str
    dropped: Mapping[SplitName, int]
    grey: bool
    image_hashes: Mapping[SplitName, Sequence[str]]

    def image(self, split: SplitName, index: int) -> NDArray[np.uint8]:
        """Return one decoded image, (H, W) for grey or (H, W, 3), uint8."""
        path = self.root / self.splits[split].files[index]
        return read_image(path, self.grey, self.image_hashes[split][index])


def image_source(
    root: Path,
    schema: Schema,
    listed: Mapping[SplitName, Listed],
    cache_dir: Path,
    progress: Progress | None,
    *,
    colour: bool,
    meaning: Any = None,
    prompts: Any = None,
) -> ImageSource:
    """Return the source of images that a reader has listed.

    Validation and test drop every sample with an attribute unknown, as for Harvard-FairVLMed.

    Args:
        root: The folder of the images.
        schema: The names behind the codes.
        listed: Split → its samples.
        cache_dir: The cache folder; hashes stay there until a file's size or time changes.
        progress: Told about each image that is read for the first time.
        colour: Read grey images as colour; else a dataset of grey images alone stays grey.
        meaning: See `benchmark.data.fingerprints.fingerprints`.
        prompts: See there.

    Raises:
        FairbenchError: an image cannot be read, or no sample of a split is left.
    """
    kept: dict[SplitName, Listed] = {}
    for split in SPLITS:
        part = listed[split].sorted_by_name()
        kept[split] = part if split == "train" else part.without_unknown()
        if not kept[split].files:
            why = "every sample has an unknown attribute" if part.files else "there is no sample"
            raise FairbenchError(f"{root}: {split}: {why}")
        held = set(kept[split].label)
        lost = [name for code, name in enumerate(schema.classes) if code not in held]
        if lost:
            raise FairbenchError(
                f"{root}: {split}: no sample of class '{lost[0]}' is left after those of unknown "
                "attributes were left out; give every class a sample whose attributes are known"
            )
    paths = {split: [root / file for file in kept[split].files] for split in SPLITS}
    rows = remembered("image-1", root, paths, _row, cache_dir, progress)
    hashes = {split: [sha for sha, _ in rows[split]] for split in SPLITS}
    splits = {
        split: SourceSplit(
            files=tuple(part.files),
            label=np.array(part.label, np.int8),
            attributes={name: np.array(codes, np.int8) for name, codes in part.codes.items()},
            notes=tuple(part.texts),
        )
        for split, part in kept.items()
    }
    grey = not colour and all(is_grey for split in SPLITS for _, is_grey in rows[split])
    found = fingerprints(schema.name, splits, hashes, meaning=meaning, prompts=prompts)
    return ImageSource(
        root=root,
        schema=schema,
        splits=splits,
        fingerprint=found.everything,
        test_fingerprint=found.test,
        # One grey file is one plane or three, as the other files of its dataset are.
        image_fingerprint=sha256_of([found.images, "grey" if grey else "colour"]),
        dropped={split: len(listed[split].files) - len(kept[split].files) for split in SPLITS},
        grey=grey,
        image_hashes=hashes,
    )


def _row(path: Path) -> Row:
    header = read_header(path)
    return [header.sha256, header.grey]
