"""What `fairbench bench` can measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmark.bench.figure import Figure
from benchmark.bench.stats import bench_stats

Progress = Callable[[str], None]
"""Told what is being measured."""

TOPICS: Mapping[str, Callable[[Progress], list[Figure]]] = {"stats": bench_stats}
"""Topic → what measures it."""
