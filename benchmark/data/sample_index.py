"""The sample files of a folder in the Harvard-FairVLMed format, read once and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.data.dataset import SplitName
from benchmark.data.fairvlmed_npz import Sample, read_sample
from benchmark.data.file_index import Row, remembered
from benchmark.data.parallel import Progress


def indexed_samples(
    root: Path,
    paths: Mapping[SplitName, Sequence[Path]],
    cache_dir: Path,
    progress: Progress | None,
) -> dict[SplitName, list[Sample]]:
    """Return the samples of each split, from the index if no file has changed since.

    Args:
        root: The dataset folder.
        paths: Split → its sample files.
        cache_dir: The cache folder.
        progress: Told about each file that is read.

    Raises:
        SampleError: a file cannot be used.
        FairbenchError: the cache cannot be written.
    """
    rows = remembered("sample-2", root, paths, _row, cache_dir, progress)
    return {
        split: [Sample(label, tuple(codes), *rest) for label, codes, *rest in part]
        for split, part in rows.items()
    }


def _row(path: Path) -> Row:
    sample = read_sample(path)
    return [sample.label, sample.codes, sample.channels, sample.image_hash]
