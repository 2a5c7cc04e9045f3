"""The summary in the parts that a report shows: blocks, attributes, arms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from benchmark.report.cells import ByMetric, Row

BLOCK = ["dataset", "model", "test_set", "weights"]
"""Rows that differ in these are never compared and never share a table."""


@dataclass(frozen=True)
class Part:
    """What the summary holds on one block, or on one attribute within a block.

    Attributes:
        title: The block's dataset and model, or the attribute.
        anchor: For ids: unique among its like.
        rows: Of `Comparison.summary`.
    """

    title: str
    anchor: str
    rows: pd.DataFrame


@dataclass(frozen=True)
class ArmRows:
    """What the summary holds on one arm, for one attribute and one rule.

    Attributes:
        names: Any of its rows: the columns that name the arm are the same in all.
        rows: (metric, group) → row.
    """

    names: Row
    rows: ByMetric


def blocks_of(summary: pd.DataFrame) -> list[Part]:
    """Return the blocks of a summary, in its order."""
    found = [rows for _, rows in summary.groupby(BLOCK, sort=False)]
    titles = [f"{rows['dataset'].iloc[0]}, {rows['model'].iloc[0]}" for rows in found]
    return [Part(*part) for part in zip(titles, anchors(titles), found, strict=True)]


def attributes_of(block: pd.DataFrame) -> list[Part]:
    """Return the attributes of a block, in its order."""
    found = {str(name): rows for name, rows in block.groupby("attribute", sort=False)}
    return [Part(*p) for p in zip(found, anchors(found), found.values(), strict=True)]


def arms_of(rows: pd.DataFrame, *more: str) -> list[ArmRows]:
    """Return the arms, the baseline first: everything else is read against it.

    Args:
        rows: Of one block.
        more: Columns that tell parts of an arm apart, where `rows` hold several.
    """
    records: dict[object, list[Row]] = {}
    for row in rows.to_dict("records"):
        records.setdefault(tuple(row[c] for c in ("arm", *more)), []).append(row)
    arms = [
        ArmRows(found[0], {(row["metric"], row["group"]): row for row in found})
        for found in records.values()
    ]
    return sorted(arms, key=lambda arm: not arm.names["is_baseline"])


def together(labels: Iterable[str], everyone: Iterable[str], separator: str = ", ") -> str:
    """Return labels as a list; all settings of one variant as `NAME[…] (3)`."""
    named = dict.fromkeys(labels)
    of_variant: dict[str, list[str]] = {}
    for label in dict.fromkeys(everyone):
        of_variant.setdefault(label.partition("[")[0], []).append(label)
    found: dict[str, None] = {}
    for label in named:
        alike = of_variant.get(label.partition("[")[0], [])
        whole = len(alike) > 1 and all(other in named for other in alike)
        found[f"{label.partition('[')[0]}[…] ({len(alike)})" if whole else label] = None
    return separator.join(found)


def anchors(names: Iterable[str]) -> list[str]:
    """Return for each name a word of `a-z0-9-` that no other of them has.

    No word holds two hyphens in a row, so words joined by `--` are told apart too.
    """
    found: list[str] = []
    for name in names:
        word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x"
        tries = (word if k == 1 else f"{word}-{k}" for k in range(1, len(found) + 2))
        found.append(next(one for one in tries if one not in found))
    return found
