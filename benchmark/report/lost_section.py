"""Runs that have no result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.model import Cell, Column, Section, Table

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

COLUMNS = ("run", "variant", "trained_on", "protocol", "seed", "state", "message")


def lost_section(found: Comparison) -> Iterator[Section]:
    """Yield the section; nothing where every run is done."""
    lost = found.runs[found.runs["state"] != "done"]
    if lost.empty:
        return
    counts = lost["state"].value_counts().sort_index()
    table = Table(
        "lost-runs",
        "Runs that diverged or failed, which count as runs and have no value.",
        tuple(Column(name, name.replace("_", " "), filtered=name == "state") for name in COLUMNS),
        tuple(
            tuple(Cell("" if pd.isna(row[name]) else str(row[name])) for name in COLUMNS)
            for row in lost.to_dict("records")
        ),
    )
    title = f"Runs without a result: {', '.join(f'{n} {state}' for state, n in counts.items())}"
    yield Section("lost-section", title, (table,))
