"""What `fairbench bench` can measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmark.bench.compare import bench_compare
from benchmark.bench.figure import Figure
from benchmark.bench.stats import bench_stats
from benchmark.bench.sweep import bench_sweep

Progress = Callable[[str], None]
"""Told what is being measured."""

TOPICS: Mapping[str, Callable[[Progress], list[Figure]]] = {
    "stats": bench_stats,
    "compare": bench_compare,
    "sweep": bench_sweep,
}
"""Topic → what measures it. A topic imports what is heavy when it is called."""
