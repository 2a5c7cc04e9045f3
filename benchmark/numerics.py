"""Process-wide switches that move numbers: threads, deterministic kernels, reduced precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def numerics(threads: int, deterministic: bool) -> Iterator[None]:
    """Set threads and determinism for one run, and put back what was there.

    Args:
        threads: CPU threads of torch.
        deterministic: True also switches off autotuning of convolutions. False is the public
            code's setting: `cudnn.benchmark=True`.
    """
    # cuBLAS reads it when it starts; without it deterministic products raise.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
    )
    _apply(threads, deterministic, benchmark=not deterministic, tf32=False)
    try:
        yield
    finally:
        _apply(before[0], before[1], benchmark=before[2], tf32=before[3])


def _apply(threads: int, deterministic: bool, *, benchmark: bool, tf32: bool) -> None:
    torch.set_num_threads(threads)
    # Filling memory that is about to be overwritten costs a fifth of a step and moves no number.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.allow_tf32 = tf32
