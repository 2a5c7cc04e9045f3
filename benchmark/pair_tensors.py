"""Images and tokens of one split as tensors: all on the GPU, or read batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.dataset import Split

SHARE_OF_FREE_MEMORY = 0.5
"""A split moves to the GPU as a whole if it takes at most this share of the free memory."""

_STAGED = 64 * 2**20
"""Bytes that are moved to the GPU at once, by way of pinned memory."""


class PairTensors:
    """Images and tokens of one split, indexed by position, on the device of the run.

    The whole uint8 set is moved to a GPU where it fits. Where it does not, batches are read from
    the memory map into pinned memory, the next one by a thread while the device computes. On a
    CPU they are read when they are asked for, which takes well under a millisecond.

    Args:
        split: The images and tokens.
        device: Where batches are wanted.
        streamed: Whether batches are read ahead; None: on a GPU where the set does not fit.
    """

    def __init__(self, split: Split, device: torch.device, *, streamed: bool | None = None) -> None:
        self.split = split
        self.device = device
        self._tokens = torch.from_numpy(np.ascontiguousarray(split.tokens)).long().to(device)
        self._images: Tensor | None = None
        self._ahead: dict[bytes, Future[Tensor]] = {}
        self._reader: ThreadPoolExecutor | None = None
        if streamed is None:
            streamed = device.type == "cuda" and not _fits(split.images.nbytes, device)
        if streamed:
            self._reader = ThreadPoolExecutor(1, thread_name_prefix="fairbench-images")
        elif device.type == "cuda":
            self._images = _moved(split.images, device)

    def __len__(self) -> int:
        return len(self.split)

    def images(self, index: NDArray[np.int64]) -> Tensor:
        """Return (B, C, H, W) uint8 images at the positions, on the device."""
        if self._images is not None:
            return self._images[torch.from_numpy(index).to(self.device)]
        begun = self._ahead.pop(index.tobytes(), None)
        read = self._read(index) if begun is None else begun.result()
        return read.to(self.device, non_blocking=True)

    def tokens(self, index: NDArray[np.int64]) -> Tensor:
        """Return (B, L) int64 token ids at the positions, on the device."""
        return self._tokens[torch.from_numpy(index).to(self.device)]

    @property
    def reads_ahead(self) -> bool:
        """Whether `read_ahead` does anything."""
        return self._reader is not None

    def read_ahead(self, batches: Iterable[NDArray[np.int64]]) -> None:
        """Begin to read batches that `images` will be asked for."""
        if self._reader is None:
            return
        for index in batches:
            self._ahead[index.tobytes()] = self._reader.submit(self._read, index)

    def _read(self, index: NDArray[np.int64]) -> Tensor:
        images = torch.from_numpy(self.split.images[index])
        return images.pin_memory() if self.device.type == "cuda" else images


def _fits(size: int, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return size <= SHARE_OF_FREE_MEMORY * free


def _moved(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return a memory map on the device; the host never holds a second copy of it."""
    there = torch.empty(images.shape, dtype=torch.uint8, device=device)
    rows = max(1, _STAGED // max(1, images[:1].nbytes))
    for start in range(0, len(images), rows):
        there[start : start + rows] = torch.from_numpy(np.array(images[start : start + rows]))
    return there
