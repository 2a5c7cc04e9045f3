"""What figures read of a comparison: who is compared under which name, and values by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.arms import Arm, closest_baseline
from benchmark.metrics.catalogue import METRICS
from benchmark.report.blocks import Part, attributes_of, blocks_of
from benchmark.report.figures.stored import CURVES
from benchmark.report.figures.style import MAX_ARMS, Look, looks
from benchmark.results import StoredRun
from benchmark.summary import NO_SEED

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

BySeed = Mapping[int, float]
"""Seed → value; `NO_SEED` for an arm without seeds."""

_READ = frozenset(
    {"auc", "es_auc", "worst_group_auc", "auc_gap", "dpd", "deodds", "group_auc"}
    | {"auc_gap_permuted", "dpd_permuted", "deodds_permuted", "brier", "ece"}
    | {"n", "n_positive", "n_negative"}
)


@dataclass(frozen=True, eq=False)
class Entry:
    """An arm as figures show it, on one attribute.

    Attributes:
        arm: The arm.
        name: The variant's label, with what tells it apart from others of the attribute.
        look: Its colour and marker, the same in every figure.
        rule: The main selection rule of the arm.
        is_baseline: Whether others are compared with it.
        confounded: Whether its difference to the baseline is not that of the methods.
    """

    arm: Arm
    name: str
    look: Look
    rule: str
    is_baseline: bool
    confounded: bool

    @property
    def id(self) -> str:
        """The arm's id in every table."""
        return self.arm.runs[0].id


@dataclass(frozen=True)
class Panel:
    """One attribute of one block.

    Attributes:
        block: Title of the block, "" where there is one alone.
        anchor: For ids, unique: `<block>--<attribute>`.
        attribute: Its name.
        rows: Of `Comparison.summary`.
        entries: The arms, baselines first.
    """

    block: str
    anchor: str
    attribute: str
    rows: pd.DataFrame
    entries: Sequence[Entry]

    @property
    def shown(self) -> Sequence[Entry]:
        """As many as one drawing can tell apart."""
        return self.entries[:MAX_ARMS]

    @property
    def left_out(self) -> str:
        """Who is not drawn, as the end of a caption; "" if nobody."""
        return left_out(len(self.entries) - len(self.shown))


@dataclass(frozen=True)
class Block:
    """One test set with one model.

    Attributes:
        title: Dataset and model, "" where there is one block alone.
        anchor: For ids.
        rows: Of `Comparison.summary`.
        panels: Its attributes; where variants are compared, those with a variant.
    """

    title: str
    anchor: str
    rows: pd.DataFrame
    panels: Sequence[Panel]


class View:
    """A comparison, read once for all figures."""

    def __init__(self, found: Comparison) -> None:
        self.found = found
        self.arms = {arm.runs[0].id: arm for arm in found.arms}
        self.baselines = [a for a in found.arms if a.label == found.baseline and a.done]

    @property
    def gap(self) -> str:
        """The gap that stands for fairness: the first of the primary family, else DEOdds."""
        down = [m for m in self.found.analysis.primary if METRICS[m].direction == "down"]
        return next((m for m in down if m in CURVES), "deodds")

    @cached_property
    def blocks(self) -> list[Block]:
        """The blocks, each with its attributes, in the order of the summary."""
        main = self.found.summary[self.found.summary["main_rule"]]
        parts = blocks_of(main)
        return [self._block(part, part.title if len(parts) > 1 else "") for part in parts]

    @cached_property
    def looks(self) -> Mapping[tuple[str, str], Look]:
        """(label, protocol) → look."""
        names = [(arm.label, arm.protocol) for arm in self.arms.values()]
        base = [(arm.label, arm.protocol) for arm in self.baselines]
        ordered = sorted(dict.fromkeys(names), key=lambda name: name not in base)
        keys = [" / ".join(name) for name in ordered]
        found = looks(keys, [" / ".join(name) for name in base])
        return {name: found[key] for name, key in zip(ordered, keys, strict=True)}

    @cached_property
    def _values(self) -> dict[tuple[str, str, str, str, str], dict[int, float]]:
        rows = self.found.per_seed
        rows = rows[rows["metric"].isin(_READ)]
        names = ("arm", "attribute", "selection", "metric", "group")
        columns = [rows[name].tolist() for name in names]
        seeds = rows["seed"].fillna(NO_SEED).astype(int).tolist()
        found: dict[tuple[str, str, str, str, str], dict[int, float]] = {}
        for *key, seed, value in zip(*columns, seeds, rows["value"].tolist(), strict=True):
            if isfinite(value):
                found.setdefault((key[0], key[1], key[2], key[3], key[4]), {})[seed] = value
        return found

    def values(
        self, arm: str, attribute: str, rule: str, metric: str, group: str = ""
    ) -> dict[int, float]:
        """Return seed → value of an arm; seeds without a value are left out."""
        return self._values.get((arm, attribute, rule, metric, group), {})

    def epochs(self, arm: str, attribute: str, rule: str) -> Mapping[int, int]:
        """Return seed → the epoch that a rule selects; seeds without one are left out."""
        return self._epochs.get((arm, attribute, rule), {})

    @cached_property
    def _epochs(self) -> dict[tuple[str, str, str], dict[int, int]]:
        rows = self.found.per_seed.dropna(subset="epoch")
        rows = rows.drop_duplicates(["arm", "attribute", "selection", "seed"])
        columns = [rows[name].tolist() for name in ("arm", "attribute", "selection")]
        seeds = rows["seed"].fillna(NO_SEED).astype(int).tolist()
        found: dict[tuple[str, str, str], dict[int, int]] = {}
        for *key, seed, epoch in zip(*columns, seeds, rows["epoch"].tolist(), strict=True):
            found.setdefault((key[0], key[1], key[2]), {})[seed] = int(epoch)
        return found

    def baseline_values(self, entry: Entry, attribute: str, metric: str) -> dict[int, float]:
        """Return seed → value of the arm that an arm is compared with, by the arm's rule."""
        base, _ = closest_baseline(entry.arm, attribute, self.baselines)
        if base is None:
            return {}
        return self.values(base.runs[0].id, attribute, entry.rule, metric)

    def runs_of(self, arm: str) -> list[tuple[int, StoredRun]]:
        """Return (seed, run) of an arm's finished runs."""
        return [
            (NO_SEED if run.config["seed"] is None else int(run.config["seed"]), run)
            for run in self.arms[arm].done
        ]

    def _block(self, part: Part, title: str) -> Block:
        panels = [
            Panel(
                title,
                f"{part.anchor}--{attribute.anchor}",
                attribute.title,
                attribute.rows,
                self._entries(attribute.rows),
            )
            for attribute in attributes_of(part.rows)
        ]
        compared = [p for p in panels if not all(entry.is_baseline for entry in p.entries)]
        return Block(title, part.anchor, part.rows, compared or panels)

    def _entries(self, rows: pd.DataFrame) -> list[Entry]:
        columns = ["arm", "selection", "is_baseline", "confounded"]
        first = rows.drop_duplicates("arm")[columns].to_dict("records")
        arms = [self.arms[row["arm"]] for row in first]
        entries = [
            Entry(
                arm,
                name + (" †" if row["confounded"] else ""),
                self.looks[arm.label, arm.protocol],
                str(row["selection"]),
                bool(row["is_baseline"]),
                bool(row["confounded"]),
            )
            for arm, name, row in zip(arms, told_apart(arms), first, strict=True)
        ]
        return sorted(entries, key=lambda entry: not entry.is_baseline)


def told_apart(arms: Sequence[Arm]) -> list[str]:
    """Return the arms' labels, with training attributes and protocol where labels are equal."""

    def named(names: Sequence[str], more: Iterable[str]) -> list[str]:
        return [
            f"{name}, {extra}" if names.count(name) > 1 and extra else name
            for name, extra in zip(names, more, strict=True)
        ]

    names = [arm.label for arm in arms]
    names = named(names, ["+".join(arm.attributes) for arm in arms])
    return named(names, [arm.protocol for arm in arms])


def left_out(count: int) -> str:
    """Return the end of a caption that says how many variants only the table has."""
    if count < 1:
        return ""
    one = count == 1
    return (
        f" {count} further variant{'' if one else 's'} cannot be told apart in one drawing and "
        f"{'is' if one else 'are'} in the table alone."
    )


def in_block(title: str, block: str) -> str:
    """Return a figure's title with its block, where there is more than one."""
    return f"{title}: {block}" if block else title


def count_text(n: Sequence[int]) -> str:
    """Return "n = 3", or "n = 2–3"."""
    if not n:
        return "n = 0"
    return f"n = {min(n)}" if min(n) == max(n) else f"n = {min(n)}–{max(n)}"
