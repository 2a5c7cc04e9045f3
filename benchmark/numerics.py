"""Process-wide state that moves numbers: threads, deterministic kernels, precision, noise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def numerics(threads: int, deterministic: bool) -> Iterator[None]:
    """Set threads and determinism for one run, and put back what was there.

    Products are in full float32. torch's own random state is put back too: a run seeds it.

    Args:
        threads: CPU threads of torch.
        deterministic: True also switches off autotuning of convolutions. False is the public
            code's setting: `cudnn.benchmark=True`.
    """
    # cuBLAS reads it when it starts; without it deterministic products raise.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = _state()
    _apply(
        threads=threads,
        deterministic=deterministic,
        warn_only=False,
        # Filling memory that is about to be overwritten costs a fifth of a step and moves nothing.
        fill=False,
        benchmark=not deterministic,
        convolution_tf32=False,
        product_precision="highest",
    )
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        _apply(**before)


def _state() -> dict[str, Any]:
    return {
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fill": torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        "benchmark": torch.backends.cudnn.benchmark,
        "convolution_tf32": torch.backends.cudnn.allow_tf32,
        "product_precision": torch.get_float32_matmul_precision(),
    }


def _apply(
    *,
    threads: int,
    deterministic: bool,
    warn_only: bool,
    fill: bool,
    benchmark: bool,
    convolution_tf32: bool,
    product_precision: str,
) -> None:
    torch.set_num_threads(threads)
    torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.allow_tf32 = convolution_tf32
    torch.set_float32_matmul_precision(product_precision)
