"""Reads a dataset folder in the Harvard-FairVLMed format.

Training/, Validation/ and Test/ (or Testing/) hold one `.npz` a sample, the notes are CSV files
beside them. Files are taken in the order of their names. Training keeps samples with unknown
attributes; validation and test drop every sample with any attribute unknown, as the public
code does.

Source: Luo et al., "FairCLIP", CVPR 2024, section 3, and the code released with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.data.cache import cache_root, writable
from benchmark.data.dataset import (
    SPLITS,
    UNKNOWN,
    Schema,
    SourceSplit,
    SplitName,
    TextSource,
    label_texts,
)
from benchmark.data.fairvlmed_npz import ATTRIBUTES, CLASSES, Sample, read_image
from benchmark.data.fingerprints import fingerprints
from benchmark.data.notes import find_notes, read_notes, some_of
from benchmark.data.parallel import Progress
from benchmark.data.sample_index import indexed_samples
from benchmark.errors import FairbenchError

FOLDERS: Mapping[SplitName, tuple[str, ...]] = {
    "train": ("Training",),
    "val": ("Validation",),
    "test": ("Test", "Testing"),  # the release has one, the public code's last version the other
}
PROMPTS = ("A photo of non-glaucoma", "A photo of glaucoma")
SYNTHETIC_MARK = "synthetic.json"


@dataclass
class FairVLMedSource:
    """A `benchmark.data.dataset.Source`; fields as described there.

    Attributes:
        folders: Split → the folder of its samples.
        image_hashes: Split → one hash for each sample; see `Sample`.
    """

    root: Path
    schema: Schema
    folders: Mapping[SplitName, Path]
    splits: Mapping[SplitName, SourceSplit]
    fingerprint: str
    test_fingerprint: str
    image_fingerprint: str
    dropped: Mapping[SplitName, int]
    image_hashes: Mapping[SplitName, Sequence[str]]

    def image(self, split: SplitName, index: int) -> NDArray[np.uint8]:
        """Return one decoded image, (H, W) for grey or (H, W, 3), uint8."""
        path = self.folders[split] / self.splits[split].files[index]
        return read_image(path, self.image_hashes[split][index])


def read_fairvlmed(
    root: Path,
    notes: str = "gpt-4",
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    text_source: TextSource = "note",
) -> FairVLMedSource:
    """Read a dataset folder: labels, attribute codes, notes and fingerprints.

    The first reading opens every sample file; labels, codes and image hashes then stay in the
    cache until a file's name, size or time changes. Notes are read each time and never cached.

    Args:
        root: The folder that holds Training, Validation and Test.
        notes: Which notes; see `benchmark.data.notes.find_notes`.
        cache_dir: The cache folder; None is `benchmark.data.cache.cache_root`.
        progress: Told about each file of the first reading.
        text_source: `label` takes the label's prompt for every sample and reads no notes.

    Raises:
        FairbenchError: the folder cannot be used; `fairbench data check` lists every reason.
    """
    root = Path(root)
    schema = read_schema(root)
    folders, problems = find_folders(root)
    if problems:
        raise FairbenchError(problems[0])
    files = {split: list_samples(folders[split]) for split in SPLITS}
    _require_distinct(root, folders, files)
    table = read_notes(find_notes(root, notes)) if text_source == "note" else None
    paths = {split: [folders[split] / file for file in files[split]] for split in SPLITS}
    cache = cache_root() if cache_dir is None else writable(cache_dir)
    samples = indexed_samples(root, paths, cache, progress)

    splits: dict[SplitName, SourceSplit] = {}
    kept: dict[SplitName, list[Sample]] = {}
    for split in SPLITS:
        keep = [i for i, sample in enumerate(samples[split]) if keeps(split, sample)]
        if not keep:
            raise FairbenchError(f"{folders[split]}: every sample has an unknown attribute")
        kept[split] = [samples[split][i] for i in keep]
        names = tuple(files[split][i] for i in keep)
        label = np.array([sample.label for sample in kept[split]], np.int8)
        splits[split] = SourceSplit(
            files=names,
            label=label,
            attributes={
                attribute: np.array([sample.codes[a] for sample in kept[split]], np.int8)
                for a, attribute in enumerate(ATTRIBUTES)
            },
            notes=label_texts(schema, label) if table is None else table.select(names),
        )
    _require_one_image_kind(folders, splits, kept)

    hashes = {split: [sample.image_hash for sample in kept[split]] for split in SPLITS}
    found = fingerprints(schema.name, splits, hashes)
    return FairVLMedSource(
        root=root,
        schema=schema,
        folders=folders,
        splits=splits,
        fingerprint=found.everything,
        test_fingerprint=found.test,
        image_fingerprint=found.images,
        dropped={split: len(files[split]) - len(splits[split]) for split in SPLITS},
        image_hashes=hashes,
    )


def read_schema(root: Path) -> Schema:
    """Return the schema; a folder that `fairbench data synthesize` wrote is `synthetic`."""
    name = "synthetic" if (root / SYNTHETIC_MARK).is_file() else "fairvlmed"
    return Schema(name, CLASSES, PROMPTS, ATTRIBUTES)


def keeps(split: SplitName, sample: Sample) -> bool:
    """Return whether a split keeps a sample: only training keeps unknown attributes."""
    return split == "train" or UNKNOWN not in sample.codes


def find_folders(root: Path) -> tuple[dict[SplitName, Path], list[str]]:
    """Return the folders of the splits, and one line for each that is missing or in doubt."""
    if not root.is_dir():
        return {}, [f"{root}: no such folder; give the one that holds Training, Validation, Test"]
    folders: dict[SplitName, Path] = {}
    problems = []
    for split, names in FOLDERS.items():
        found = [root / name for name in names if (root / name).is_dir()]
        if not found:
            problems.append(f"{root}: folder {' or '.join(names)} is missing")
            continue
        folders[split] = found[0]
        if len(found) > 1 and not found[0].samefile(found[1]):
            problems.append(
                f"{root}: holds both {found[0].name} and {found[1].name}; remove one, or make it"
                " a link to the other"
            )
        if not list_samples(found[0]):
            problems.append(f"{found[0]}: holds no .npz file")
    return folders, problems


def list_samples(folder: Path) -> tuple[str, ...]:
    """Return the names of the sample files, sorted; hidden files are not samples."""
    return tuple(
        sorted(path.name for path in folder.glob("*.npz") if not path.name.startswith("."))
    )


def shared_between_splits(
    keys: Mapping[SplitName, Iterable[str]],
) -> dict[tuple[SplitName, SplitName], list[str]]:
    """Return, for each pair of splits with keys (names, hashes) in common, those keys."""
    pairs = [(a, b) for i, a in enumerate(SPLITS) for b in SPLITS[i + 1 :]]
    shared = {(a, b): sorted({*keys.get(a, ())} & {*keys.get(b, ())}) for a, b in pairs}
    return {pair: common for pair, common in shared.items() if common}


def _require_distinct(
    root: Path, folders: Mapping[SplitName, Path], files: Mapping[SplitName, Sequence[str]]
) -> None:
    for (a, b), names in shared_between_splits(files).items():
        raise FairbenchError(
            f"{root}: {folders[a].name} and {folders[b].name} share {some_of(names)}; a sample"
            " belongs to one split"
        )


def _require_one_image_kind(
    folders: Mapping[SplitName, Path],
    splits: Mapping[SplitName, SourceSplit],
    samples: Mapping[SplitName, Sequence[Sample]],
) -> None:
    kind = samples["train"][0].channels
    for split in SPLITS:
        for file, sample in zip(splits[split].files, samples[split], strict=True):
            if sample.channels != kind:
                raise FairbenchError(
                    f"{folders[split].name}/{file}: image has {sample.channels} channels, the"
                    f" first training image {kind}; a dataset is all grey or all colour"
                )
