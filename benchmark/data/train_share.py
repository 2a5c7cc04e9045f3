"""Nested subsets of the training split: a stated share of some of its groups.

How a method behaves when a group is small is asked of one data set with that group made smaller,
all else equal: validation, test and the samples of other groups stay, and so does the share of
each class within the group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset, Split
from benchmark.data.file_index import sha256_of
from benchmark.errors import FairbenchError, unknown_name

ClassCounts = dict[str, dict[str, list[int]]]
"""Attribute → group → training samples of each class."""


@dataclass(frozen=True)
class TrainSubset:
    """A training split with smaller groups.

    Attributes:
        data: The dataset with it; only training split and fingerprint differ.
        whole_fingerprint: Of the dataset that it was taken from.
        before, after: How many samples of each class every group had and has.
    """

    data: Dataset
    whole_fingerprint: str
    before: ClassCounts
    after: ClassCounts

    def described(self) -> dict[str, Any]:
        """Return what a run's configuration says of it, as JSON values."""
        return {
            "whole_fingerprint": self.whole_fingerprint,
            "train_groups_whole": self.before,
            "train_groups": self.after,
        }


def take_shares(data: Dataset, shares: Mapping[str, float]) -> TrainSubset:
    """Return the dataset with a share of some training groups.

    Of n samples of a group and class ⌊share · n + ½⌋ are kept: the first in the order of a hash
    of their ids. So the subset of a smaller share lies within that of a larger one, and no
    run's seed, no library and no order of files moves it. Samples of unknown group stay.

    Args:
        data: The whole dataset.
        shares: `attribute/group` → share in (0, 1], of groups of one attribute.

    Raises:
        FairbenchError: an attribute or group that the data lacks, or a share that leaves a
            group without a class that it had.
    """
    train = data.splits["train"]
    kept = np.ones(len(train), dtype=bool)
    order = _order(train.sample_id)
    for name, share in shares.items():
        members = _members(data, name)
        if not members.any():
            raise FairbenchError(f"train_share: no training sample is in group '{name}'")
        for code, title in enumerate(data.schema.classes):
            found = np.flatnonzero(members & (train.label == code))
            n_kept = floor(share * len(found) + 0.5)
            if len(found) and not n_kept:
                least = 0.5 / len(found)
                raise FairbenchError(
                    f"train_share: {share:g} of group '{name}' leaves none of its {len(found)} "
                    f"samples of class '{title}'; give at least {least:.3g}"
                )
            kept[found[np.argsort(order[found])][n_kept:]] = False
    part = _rows(train, np.flatnonzero(kept))
    return TrainSubset(
        data=replace(
            data,
            splits={**data.splits, "train": part},
            fingerprint=data.fingerprint
            if kept.all()
            else sha256_of([data.fingerprint, part.sample_id.tolist()]),
        ),
        whole_fingerprint=data.fingerprint,
        before=_counts(data, train),
        after=_counts(data, part),
    )


def _order(sample_id: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the place of each sample in a random order that only its id decides."""
    hashes = [hashlib.sha256(f"train_share/{i}".encode()).digest() for i in sample_id.tolist()]
    places = np.empty(len(hashes), dtype=np.int64)
    places[sorted(range(len(hashes)), key=hashes.__getitem__)] = np.arange(len(hashes))
    return places


def _members(data: Dataset, name: str) -> NDArray[np.bool_]:
    attribute, _, group = name.partition("/")
    known = data.schema.attributes
    if attribute not in known:
        raise unknown_name(f"attribute of '{data.schema.name}'", attribute, known)
    if group not in known[attribute]:
        raise unknown_name(f"{attribute} group", group, known[attribute])
    inside: NDArray[np.bool_] = data.splits["train"].attributes[attribute] == known[
        attribute
    ].index(group)
    return inside


def _rows(split: Split, rows: NDArray[np.int64]) -> Split:
    return Split(
        images=split.images[rows],
        tokens=split.tokens[rows],
        label=split.label[rows],
        attributes={name: codes[rows] for name, codes in split.attributes.items()},
        sample_id=split.sample_id[rows],
    )


def _counts(data: Dataset, split: Split) -> ClassCounts:
    classes = len(data.schema.classes)
    return {
        attribute: {
            group: np.bincount(
                split.label[split.attributes[attribute] == code], minlength=classes
            ).tolist()
            for code, group in enumerate(groups)
        }
        for attribute, groups in data.schema.attributes.items()
    }
