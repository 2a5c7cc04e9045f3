"""Which samples a step sees: main batches and group batches, as positions in the training set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset
from benchmark.errors import FairbenchError
from benchmark.randomness import generator

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class StepBatches:
    """Positions in the training split.

    Attributes:
        main: Of the main batch.
        groups: `attribute/group` → of that group's batch.
    """

    main: Positions
    groups: Mapping[str, Positions]


class Batches(Protocol):
    """The order of a training; `SeededBatches` draws it, a replay reads it from a record."""

    def epoch(self, epoch: int) -> list[StepBatches]:
        """Return the steps of one epoch, counted from 1; epochs are asked for in order."""
        ...


class SeededBatches:
    """Batches drawn from the streams `order` and `groups/…` of one seed.

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
    ) -> None:
        train = data.splits["train"]
        self._n, self._seed, self._batch_size = len(train), seed, batch_size
        self._loaders: dict[str, Iterator[Positions]] = {}
        self._members: dict[str, Positions] = {}
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
                    loader = _endless(seed, f"groups/{name}", members, group_batch_size)
                    self._loaders[name] = loader

    def epoch(self, epoch: int) -> list[StepBatches]:
        """Return the steps of one epoch: a permutation of the training set, cut in order."""
        order = generator(self._seed, "order", epoch).permutation(self._n)
        starts = range(0, self._n, self._batch_size)
        mains = [order[start : start + self._batch_size] for start in starts]
        return [StepBatches(main, self._groups_of(main)) for main in mains]

    def _groups_of(self, main: Positions) -> dict[str, Positions]:
        """Return the next batch of every loader, or each group's part of the main batch."""
        parts = {name: main[np.isin(main, members)] for name, members in self._members.items()}
        present = {name: part for name, part in parts.items() if len(part)}
        return present | {name: next(loader) for name, loader in self._loaders.items()}


def _endless(seed: int, stream: str, members: Positions, size: int) -> Iterator[Positions]:
    passes = 0
    while True:
        order = members[generator(seed, stream, passes).permutation(len(members))]
        yield from (order[start : start + size] for start in range(0, len(order), size))
        passes += 1
