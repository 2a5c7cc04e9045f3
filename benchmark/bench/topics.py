"""What `fairbench bench` can measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Any

from benchmark.bench.figure import Figure
from benchmark.bench.measure import in_fresh_process

Progress = Callable[[str], None]
"""Told what is being measured."""

TOPICS = ("train", "eval", "fairness", "data", "stats", "compare", "sweep")
"""Each is a module of this package with a function `bench_TOPIC`."""


def measure(topic: str, progress: Progress) -> list[Figure]:
    """Return the figures of one topic."""
    module = import_module(f"benchmark.bench.{topic}")
    figures: list[Figure] = getattr(module, f"bench_{topic}")(progress)
    return figures


def measure_all(progress: Progress) -> list[Figure]:
    """Return the figures of all topics, each measured in a process of its own.

    So the memory that a topic tells of is its own, and nothing is in memory already.
    """
    figures = []
    for topic in TOPICS:
        progress(topic)
        figures += [Figure(**found) for found in in_fresh_process(f"{__name__}:measured", topic)]
    return figures


def measured(topic: str) -> list[dict[str, Any]]:
    """Return the figures of one topic as JSON values."""
    return [asdict(figure) for figure in measure(topic, lambda _: None)]
