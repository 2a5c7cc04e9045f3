"""A dataset in one line, for whoever watches a run."""

from __future__ import annotations

from benchmark.data.dataset import SPLITS, Dataset


def describe_data(data: Dataset) -> str:
    """Return what a dataset holds and what was left out of it, as one line."""
    sizes = ", ".join(f"{len(split)} {name}" for name, split in data.splits.items())
    dropped = " and ".join(f"{data.dropped.get(name, 0)} {name}" for name in SPLITS[1:])
    return (
        f"dataset {data.schema.name} {data.fingerprint[:12]}: {sizes} samples; dropped for unknown "
        f"attributes: {dropped}; notes cut to the model's context: {data.truncated_notes}"
    )
