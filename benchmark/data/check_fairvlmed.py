"""Checks a folder in the Harvard-FairVLMed format, every file of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from benchmark.data.check_report import CheckReport
from benchmark.data.data_summary import compare_summary
from benchmark.data.dataset import SplitName
from benchmark.data.fairvlmed import find_folders, list_samples, read_schema, shared_between_splits
from benchmark.data.fairvlmed_npz import ATTRIBUTES, Sample, SampleError, read_sample
from benchmark.data.image_source import Listed
from benchmark.data.notes import find_notes, read_notes, some_of
from benchmark.data.parallel import Progress, map_in_order
from benchmark.errors import FairbenchError


def check_fairvlmed(report: CheckReport, notes: str, progress: Progress | None) -> None:
    """Read every sample and the notes of `report.root` and add all that is found.

    Args:
        report: Gets counts, problems and warnings.
        notes: Which notes; see `benchmark.data.notes.find_notes`.
        progress: Told about each file.
    """
    root = report.root
    schema = report.schema = read_schema(root)
    folders, problems = find_folders(root)
    report.problems.extend(problems)
    if not folders:
        return
    samples: dict[SplitName, dict[str, Sample]] = {}
    files: dict[SplitName, tuple[str, ...]] = {}
    for split, folder in folders.items():
        files[split] = list_samples(folder)
        found = _read(folder, files[split], report.problems, progress)
        samples[split] = found
        report.count(schema, split, _listed(found))
        if len({sample.channels for sample in found.values()}) > 1:
            report.problems.append(
                f"{split}: grey and colour images; a dataset is all one or the other"
            )
        others = sorted(p.name for p in folder.iterdir() if p.name not in set(files[split]))
        if others:
            report.warnings.append(f"{folder}: not samples, ignored: {some_of(others)}")
    _check_overlap(report, files, samples)
    _check_notes(report, notes, files)
    labels = {name: sample.label for part in samples.values() for name, sample in part.items()}
    split_of = {name: split for split, names in files.items() for name in names}
    problems, warnings = compare_summary(root, split_of, labels)
    report.problems.extend(problems)
    report.warnings.extend(warnings)


def _listed(samples: Mapping[str, Sample]) -> Listed:
    found = list(samples.values())
    return Listed(
        files=list(samples),
        label=[sample.label for sample in found],
        codes={name: [sample.codes[a] for sample in found] for a, name in enumerate(ATTRIBUTES)},
        texts=[""] * len(found),
    )


def _read(
    folder: Path, files: Sequence[str], problems: list[str], progress: Progress | None
) -> dict[str, Sample]:
    def attempt(path: Path) -> Sample | SampleError:
        try:
            return read_sample(path)
        except SampleError as error:
            return error

    paths = [folder / file for file in files]
    samples: dict[str, Sample] = {}
    results = map_in_order(attempt, paths, f"checking {folder.name}", progress)
    for file, result in zip(files, results, strict=True):
        if isinstance(result, SampleError):
            problems.extend(result.problems)
        else:
            samples[file] = result
    return samples


def _check_overlap(
    report: CheckReport,
    files: Mapping[SplitName, Sequence[str]],
    samples: Mapping[SplitName, Mapping[str, Sample]],
) -> None:
    for (a, b), names in shared_between_splits(files).items():
        report.problems.append(f"{a} and {b} share a file name: {some_of(names)}")
    hashes = {s: [sample.image_hash for sample in part.values()] for s, part in samples.items()}
    for (a, b), shared in shared_between_splits(hashes).items():
        # Files of one name are reported already.
        names = [
            name
            for name, sample in samples[b].items()
            if sample.image_hash in shared and name not in files[a]
        ]
        if names:
            report.problems.append(f"{a} holds the same image as {b}'s {some_of(names)}")
    for split, found in hashes.items():
        if repeats := len(found) - len(set(found)):
            report.warnings.append(f"{split}: {repeats} images occur more than once")


def _check_notes(report: CheckReport, notes: str, files: Mapping[SplitName, Sequence[str]]) -> None:
    try:
        table = read_notes(find_notes(report.root, notes))
    except FairbenchError as error:
        report.problems.append(str(error))
        return
    for split, names in files.items():
        if missing := table.missing(names):
            report.problems.append(f"{table.path}: no note for {split}: {some_of(missing)}")
    if table.duplicates:
        report.problems.append(f"{table.path}: more than one row for {some_of(table.duplicates)}")
    known = set(chain.from_iterable(files.values()))
    if orphans := [name for name in table.texts if name not in known]:
        report.warnings.append(f"{table.path}: notes without image: {some_of(orphans)}")
