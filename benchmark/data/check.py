"""Validates a dataset folder: everything that is wrong or doubtful, not only the first thing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from benchmark.data.data_summary import compare_summary
from benchmark.data.dataset import UNKNOWN, SplitName
from benchmark.data.fairvlmed import (
    find_folders,
    keeps,
    list_samples,
    read_schema,
    shared_between_splits,
)
from benchmark.data.fairvlmed_npz import ATTRIBUTES, CLASSES, Sample, SampleError, read_sample
from benchmark.data.notes import find_notes, read_notes, some_of
from benchmark.data.parallel import Progress, map_in_order
from benchmark.errors import FairbenchError

SMALLEST_CLASS = 10
"""A group with fewer test samples of a class than this gets a warning."""
_EXPECTED_AUC = 0.75  # about what the papers report; only sizes the warning's standard error


@dataclass(frozen=True)
class GroupCount:
    """The samples of one group in one split that are used; for `unknown`, all there are."""

    split: SplitName
    attribute: str
    group: str
    by_class: tuple[int, ...]


@dataclass(frozen=True)
class SplitCount:
    """The samples of one split: files, those kept for use, and those kept by class."""

    split: SplitName
    files: int
    kept: int
    by_class: tuple[int, ...]


@dataclass
class CheckReport:
    """What `check` found.

    Attributes:
        root: The folder.
        name: The dataset's name, `fairvlmed` or `synthetic`.
        problems: Why the folder cannot be used as it is, one line each.
        warnings: What can be used, but should be known.
        splits: Counts for each split that could be read.
        groups: Counts for each split, attribute and group; `unknown` last.
    """

    root: Path
    name: str
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    splits: list[SplitCount] = field(default_factory=list)
    groups: list[GroupCount] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is no problem; warnings do not count."""
        return not self.problems


def check(root: Path, notes: str = "gpt-4", progress: Progress | None = None) -> CheckReport:
    """Read every file of a dataset folder and report all that is wrong, doubtful, or small.

    Nothing is cached: the files themselves are checked. A bad folder is a report, not an error.

    Args:
        root: The folder that holds Training, Validation and Test.
        notes: Which notes; see `benchmark.data.notes.find_notes`.
        progress: Told about each file.
    """
    report = CheckReport(root, read_schema(root).name)
    folders, problems = find_folders(root)
    report.problems.extend(problems)
    if not folders:
        return report
    samples: dict[SplitName, dict[str, Sample]] = {}
    files: dict[SplitName, tuple[str, ...]] = {}
    for split, folder in folders.items():
        files[split] = list_samples(folder)
        found = _read(folder, files[split], report.problems, progress)
        samples[split] = found
        _count(report, split, len(files[split]), list(found.values()))
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
    return report


def auc_standard_error(positives: int, negatives: int, auc: float) -> float:
    """Return the standard error of an AUC from the class counts alone; NaN without both classes.

    Source: Hanley & McNeil, "The meaning and use of the area under a ROC curve",
    Radiology 143, 1982, for exponential scores.
    """
    if not positives or not negatives:
        return math.nan
    square = auc * auc
    two_positives, two_negatives = auc / (2 - auc), 2 * square / (1 + auc)
    variance = auc * (1 - auc)
    variance += (positives - 1) * (two_positives - square)
    variance += (negatives - 1) * (two_negatives - square)
    return math.sqrt(variance / (positives * negatives))


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


def _count(report: CheckReport, split: SplitName, files: int, samples: Sequence[Sample]) -> None:
    kept = [sample for sample in samples if keeps(split, sample)]
    report.splits.append(SplitCount(split, files, len(kept), _by_class(kept)))
    for count in _group_counts(split, samples):
        report.groups.append(count)
        if count.group != "unknown":
            report.warnings.extend(_smallness(count))
    if len({sample.channels for sample in samples}) > 1:
        report.problems.append(
            f"{split}: grey and colour images; a dataset is all one or the other"
        )
    if samples and not kept:
        report.problems.append(f"{split}: every sample has an unknown attribute")
    if len(kept) < len(samples):
        dropped = len(samples) - len(kept)
        report.warnings.append(f"{split}: {dropped} samples with unknown attributes are not used")


def _group_counts(split: SplitName, samples: Sequence[Sample]) -> Iterator[GroupCount]:
    for position, (attribute, groups) in enumerate(ATTRIBUTES.items()):
        for code, group in chain(enumerate(groups), [(UNKNOWN, "unknown")]):
            members = [
                sample
                for sample in samples
                if sample.codes[position] == code and (code == UNKNOWN or keeps(split, sample))
            ]
            yield GroupCount(split, attribute, group, _by_class(members))


def _by_class(samples: Sequence[Sample]) -> tuple[int, ...]:
    return tuple(sum(s.label == label for s in samples) for label in range(len(CLASSES)))


def _smallness(count: GroupCount) -> Iterator[str]:
    group = f"{count.split}: {count.attribute} '{count.group}'"
    negatives, positives = count.by_class
    if count.split == "train":
        if not negatives + positives:
            yield f"{group} has no sample to train on"
        return
    sizes = f"{group} has {negatives} {CLASSES[0]} and {positives} {CLASSES[1]}"
    if not min(count.by_class):
        yield f"{sizes}: its AUC cannot be estimated"
    elif min(count.by_class) < SMALLEST_CLASS:
        error = 100 * auc_standard_error(positives, negatives, _EXPECTED_AUC)
        yield f"{sizes}: the standard error of its AUC is about {error:.0f} points"


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
