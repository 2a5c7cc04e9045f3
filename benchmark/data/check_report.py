"""What a check of a dataset folder found: problems, warnings, and counts of every group."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from benchmark.data.dataset import UNKNOWN, Schema, SplitName
from benchmark.data.image_source import Listed

SMALLEST_CLASS = 10
"""A group with fewer test samples of a class than this gets a warning."""
_EXPECTED_AUC = 0.75  # about what the papers report; only sizes the warning's standard error


@dataclass(frozen=True)
class GroupCount:
    """The samples of one group in one split that are used; for `unknown`, all there are.

    Of an intersection both names are joined: attribute `race×gender`, group `black × male`.
    """

    split: SplitName
    attribute: str
    group: str
    by_class: tuple[int, ...]


@dataclass(frozen=True)
class SplitCount:
    """The samples of one split: those listed, those kept for use, and those kept by class."""

    split: SplitName
    files: int
    kept: int
    by_class: tuple[int, ...]


@dataclass
class CheckReport:
    """What `check` found.

    Attributes:
        root: The folder.
        schema: Names of classes and groups; None if nothing could be read.
        problems: Why the folder cannot be used as it is, one line each.
        warnings: What can be used, but should be known.
        splits: Counts for each split that could be read.
        groups: Counts for each split, attribute and group; `unknown` last.
        intersections: Counts for the groups of every two attributes.
    """

    root: Path
    schema: Schema | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    splits: list[SplitCount] = field(default_factory=list)
    groups: list[GroupCount] = field(default_factory=list)
    intersections: list[GroupCount] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is no problem; warnings do not count."""
        return not self.problems

    def count(self, schema: Schema, split: SplitName, listed: Listed) -> None:
        """Count the samples of a split, by class and group, and warn of those that are few."""
        classes = schema.classes
        kept = listed if split == "train" else listed.without_unknown()
        by_class = _by_class(kept.label, len(classes))
        self.splits.append(SplitCount(split, len(listed.files), len(kept.files), by_class))
        for attribute, groups in schema.attributes.items():
            found = _counts(kept, (attribute,), len(classes))
            for code, group in enumerate(groups):
                self._add_group(classes, split, attribute, group, found.get((code,)))
            unknown = _counts(listed, (attribute,), len(classes)).get((UNKNOWN,))
            self._add_group(classes, split, attribute, "unknown", unknown)
        self._count_intersections(schema, split, kept)
        if listed.files and not kept.files:
            self.problems.append(f"{split}: every sample has an unknown attribute")
        if dropped := len(listed.files) - len(kept.files):
            self.warnings.append(f"{split}: {dropped} samples with unknown attributes are not used")

    def _add_group(
        self,
        classes: Sequence[str],
        split: SplitName,
        attribute: str,
        group: str,
        found: tuple[int, ...] | None,
    ) -> None:
        count = GroupCount(split, attribute, group, found or (0,) * len(classes))
        self.groups.append(count)
        if group != "unknown":
            self.warnings.extend(_smallness(count, classes))

    def _count_intersections(self, schema: Schema, split: SplitName, kept: Listed) -> None:
        for pair in combinations(schema.attributes, 2):
            a, b = (schema.attributes[name] for name in pair)
            found = _counts(kept, pair, len(schema.classes))
            cells = [
                GroupCount(
                    split,
                    "×".join(pair),
                    f"{a[i]} × {b[j]}",
                    found.get((i, j), (0,) * len(schema.classes)),
                )
                for i in range(len(a))
                for j in range(len(b))
            ]
            self.intersections.extend(cells)
            few = [cell for cell in cells if min(cell.by_class) < SMALLEST_CLASS]
            if few and split == "test":
                least = min(few, key=lambda cell: min(cell.by_class))
                self.warnings.append(
                    f"test: {len(few)} of {len(cells)} intersections of {least.attribute} have"
                    f" fewer than {SMALLEST_CLASS} samples of a class, such as '{least.group}'"
                    f" with {_sizes(least, schema.classes)}"
                )


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


def _by_class(labels: Sequence[int], classes: int) -> tuple[int, ...]:
    found = Counter(labels)
    return tuple(found[label] for label in range(classes))


def _counts(
    listed: Listed, attributes: Sequence[str], classes: int
) -> Mapping[tuple[int, ...], tuple[int, ...]]:
    """Return codes of the attributes → samples by class."""
    columns = [listed.codes[name] for name in attributes]
    found = Counter(zip(*columns, listed.label, strict=True))
    cells = {key[:-1] for key in found}
    return {cell: tuple(found[*cell, label] for label in range(classes)) for cell in cells}


def _smallness(count: GroupCount, classes: Sequence[str]) -> Iterator[str]:
    group = f"{count.split}: {count.attribute} '{count.group}'"
    if count.split == "train":
        if not any(count.by_class):
            yield f"{group} has no sample to train on"
        return
    sizes = f"{group} has {_sizes(count, classes)}"
    if not min(count.by_class):
        yield f"{sizes}: its AUC cannot be estimated"
    elif min(count.by_class) < SMALLEST_CLASS:
        if len(classes) > 2:
            yield f"{sizes}: its AUCs are hardly estimated"
            return
        negatives, positives = count.by_class
        error = 100 * auc_standard_error(positives, negatives, _EXPECTED_AUC)
        yield f"{sizes}: the standard error of its AUC is about {error:.0f} points"


def _sizes(count: GroupCount, classes: Sequence[str]) -> str:
    *head, last = (f"{n} {name}" for n, name in zip(count.by_class, classes, strict=True))
    return f"{', '.join(head)} and {last}"
