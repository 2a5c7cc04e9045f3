"""Which samples a step sees: main batches and group batches, as positions in the training set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset, Split
from benchmark.errors import FairbenchError
from benchmark.randomness import SharedStream, Shuffles, generator

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class StepBatches:
    """Positions in the training split.

    Attributes:
        main: Of the main batch.
        groups: `attribute/group` → of that group's batch.
        captions: `attribute/group` → where that batch's notes are, for groups that are not
            shown with their own.
    """

    main: Positions
    groups: Mapping[str, Positions]
    captions: Mapping[str, Positions] = field(default_factory=dict)


class Batches(Protocol):
    """The order of a training; `SeededBatches` draws it, a replay reads it from a record."""

    def epoch(self, epoch: int) -> list[StepBatches]:
        """Return the steps of one epoch, counted from 1; epochs are asked for in order."""
        ...


def whole_validation_batches(data: Dataset, batch_size: int) -> Dataset:
    """Return the dataset without the last, smaller batch of validation samples.

    Raises:
        FairbenchError: there is no whole batch.
    """
    val = data.splits["val"]
    n = len(val) - len(val) % batch_size
    if n == 0:
        raise FairbenchError(_too_small("the validation set", len(val), batch_size))
    kept = Split(
        images=val.images[:n],
        tokens=val.tokens[:n],
        label=val.label[:n],
        attributes={name: codes[:n] for name, codes in val.attributes.items()},
        sample_id=val.sample_id[:n],
    )
    return replace(data, splits={**data.splits, "val": kept})


class SeededBatches:
    """Batches drawn from the streams `order` and `groups/…` of one seed, or from one stream.

    Every group has an endless loader of its own over its training samples, a fresh permutation
    each pass; the last batch of a pass is short, as in both public codes. A main sample can be
    in its group's batch.

    Args:
        data: The dataset.
        seed: Of all streams.
        batch_size: Of main batches.
        group_attributes: Whose groups have batches.
        group_batch_size: Of each loader.
        within_batch: Instead of loaders, a group is its part of the main batch; a group that
            the batch lacks is absent.
        permuted: Permute the training labels of each attribute first, with a stream of the
            seed: a placebo with groups of the same sizes.
        shared_stream: Draw main and group batches from one stream, see `SharedStream`; epochs
            must then be asked for in order, once each.
        drop_last: Leave out the short last batch of every pass, of main and group loaders.
        mismatched_captions: Show the k-th image of a group with the k-th note of the whole
            training set.

    Raises:
        FairbenchError: an attribute that the data lacks, or too few samples for one batch.
    """

    def __init__(
        self,
        data: Dataset,
        seed: int,
        batch_size: int,
        group_attributes: Iterable[str] = (),
        group_batch_size: int = 0,
        *,
        within_batch: bool = False,
        permuted: bool = False,
        shared_stream: bool = False,
        drop_last: bool = False,
        mismatched_captions: bool = False,
    ) -> None:
        train = data.splits["train"]
        self._n, self._batch_size, self._drop_last = len(train), batch_size, drop_last
        self._shuffles: Shuffles = SharedStream(seed) if shared_stream else partial(generator, seed)
        self._mismatched = mismatched_captions
        self._loaders: dict[str, Iterator[Positions]] = {}
        self._members: dict[str, Positions] = {}
        self._check_size("the training set", self._n, batch_size)
        for attribute in group_attributes:
            if attribute not in data.schema.attributes:
                raise FairbenchError(
                    f"dataset '{data.schema.name}' has no attribute '{attribute}'. "
                    f"Known: {', '.join(data.schema.attributes)}"
                )
            codes = train.attributes[attribute]
            if permuted:
                codes = generator(seed, f"placebo/{attribute}").permutation(codes)
            for code, group in enumerate(data.schema.attributes[attribute]):
                members = np.flatnonzero(codes == code)
                name = f"{attribute}/{group}"
                if within_batch:
                    self._members[name] = members
                elif len(members):
                    self._check_size(f"group {name}", len(members), group_batch_size)
                    self._members[name] = members
                    self._loaders[name] = self._endless(name, len(members), group_batch_size)

    def epoch(self, epoch: int) -> list[StepBatches]:
        """Return the steps of one epoch: a permutation of the training set, cut in order."""
        order = self._shuffles("order", epoch).permutation(self._n)
        return [self._step(main) for main in self._cut(order, self._batch_size)]

    def _step(self, main: Positions) -> StepBatches:
        """Return a main batch with the next batch of every loader, or with its own groups."""
        if not self._loaders:
            parts = {name: main[np.isin(main, m)] for name, m in self._members.items()}
            return StepBatches(main, {name: part for name, part in parts.items() if len(part)})
        places = {name: next(loader) for name, loader in self._loaders.items()}
        groups = {name: self._members[name][place] for name, place in places.items()}
        return StepBatches(main, groups, places if self._mismatched else {})

    def _endless(self, name: str, n: int, size: int) -> Iterator[Positions]:
        """Yield batches of places within a group of n; a pass is shuffled when it is begun."""
        passes = 0
        while True:
            order = self._shuffles(f"groups/{name}", passes).permutation(n)
            yield from self._cut(order, size)
            passes += 1

    def _cut(self, order: Positions, size: int) -> list[Positions]:
        end = len(order) - len(order) % size if self._drop_last else len(order)
        return [order[start : start + size] for start in range(0, end, size)]

    def _check_size(self, what: str, n: int, size: int) -> None:
        if self._drop_last and n < size:
            raise FairbenchError(_too_small(what, n, size))


def _too_small(what: str, n: int, size: int) -> str:
    return (
        f"{what} has {n} samples, less than one batch of {size}, and last_batch=dropped leaves "
        "none of them (the public code's group loader waits forever); use smaller batches, or "
        "--set last_batch=kept"
    )
