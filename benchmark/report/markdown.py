"""The comparison as Markdown: verdicts, levels, differences, epochs, failures, and caveats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.cells import difference_cell, escape, level_cell, table
from benchmark.report.classes import class_columns, class_table
from benchmark.report.published_section import published_lines
from benchmark.report.ranking_section import ranking_lines
from benchmark.report.statements import (
    confounded_lines,
    degenerate_lines,
    missing_lines,
    seed_statement,
)
from benchmark.report.verdict_section import verdict_lines
from benchmark.report.verdict_table import BLOCK

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

PRIMARY = {"dpd": "DPD ↓", "deodds": "DEOdds ↓", "auc": "AUC ↑", "es_auc": "ES-AUC ↑"}
"""Columns of the papers' tables, in their order; group AUCs follow."""


def comparison_markdown(found: Comparison) -> str:
    """Return the whole report as GitHub Markdown."""
    return "\n".join(_lines(found)).rstrip() + "\n"


def _lines(found: Comparison) -> Iterator[str]:
    yield f"# Comparison with {escape(found.baseline)}"
    yield ""
    yield (
        f"Epoch selected by: {_rule(found.selection)}. Decision threshold: {found.threshold}. "
        "Cells are metrics on the test set in percent, mean ± standard deviation over seeds; "
        "in brackets beside a gap, its mean when group labels are permuted: the gap that chance "
        "alone makes. n.e.: not estimable, for the reason given below the table."
    )
    yield ""
    yield from verdict_lines(found)
    yield from seed_statement(found)
    for _, block in found.summary.groupby(BLOCK, sort=False):
        yield from _block(found, block)
    yield from published_lines(found)
    yield from ranking_lines(found)
    yield from _failures(found)


def _rule(selection: str) -> str:
    if selection == "test-auc":
        return "test-auc (on the test set itself: optimistic)"
    if selection == "own":
        return "each variant's own rule, and the baseline by that same rule"
    return selection


def _block(found: Comparison, block: pd.DataFrame) -> Iterator[str]:
    """Yield everything about one test set and one set of initial weights."""
    first = block.iloc[0]
    yield f"## {escape(first['dataset'])}, {escape(first['model'])}"
    yield ""
    yield f"Test set {first['test_set']}, initial weights {first['weights']}."
    yield ""
    for attribute, rows in block.groupby("attribute", sort=False):
        yield f"### {escape(str(attribute))}"
        yield ""
        yield from _counts(rows)
        yield from _attribute_tables(found, rows[rows["main_rule"]])
    yield from _own_rules(found, block)
    yield from _selected(found, block)
    yield from confounded_lines(block)


def _counts(rows: pd.DataFrame) -> Iterator[str]:
    """Yield one line with the test samples of each group."""
    first = rows.drop_duplicates(["metric", "group"]).set_index(["metric", "group"])["mean"]
    counts = [
        f"{escape(group)} {first['n', group]:.0f}"
        # A label with several classes has no positives.
        + (f" ({first[positive]:.0f} positive)" if positive in first.index else "")
        for metric, group in first.index
        if metric == "n" and group
        for positive in [("n_positive", group)]
    ]
    if counts:
        yield f"Test samples: {', '.join(counts)}."
        yield ""


def _attribute_tables(found: Comparison, rows: pd.DataFrame) -> Iterator[str]:
    groups = rows.loc[rows["metric"] == "group_auc", "group"].drop_duplicates()
    columns = {(metric, ""): heading for metric, heading in PRIMARY.items()}
    columns |= {("group_auc", group): f"AUC {group} ↑" for group in groups}
    by_rule = found.selection == "own"
    names = ["variant", "protocol", *(["rule"] if by_rule else [])]
    # The baseline first: everything else is read against it.
    arms = sorted(_arms(rows), key=lambda arm: not arm["is_baseline"].iloc[0])
    yield from table(
        [*names, "seeds", *columns.values()],
        [
            [*_names(arm, by_rule), _seed_count(arm), *(level_cell(arm, *c) for c in columns)]
            for arm in arms
        ],
    )
    compared = [arm for arm in arms if not arm["is_baseline"].iloc[0]]
    if compared:
        yield (
            f"Difference to {escape(found.baseline)} in percentage points, with 95% Student t "
            "interval and number of pairs:"
        )
        yield ""
        yield from table(
            [*names, *columns.values()],
            [
                [*_names(arm, by_rule), *(difference_cell(arm, *c) for c in columns)]
                for arm in compared
            ],
        )
    yield from class_table(rows, names, [(arm, _names(arm, by_rule)) for arm in arms])
    columns |= class_columns(rows)
    notes = [*missing_lines(rows, columns), *degenerate_lines(rows, found.threshold)]
    yield from [*notes, ""] if notes else []


def _own_rules(found: Comparison, block: pd.DataFrame) -> Iterator[str]:
    """Yield the rows of variants whose source selects by another rule than the main tables."""
    other = block[block["own_rule"] & ~block["main_rule"] & ~block["is_baseline"]]
    if other.empty:
        return
    yield "### By each variant's own selection rule"
    yield ""
    yield f"The difference is to {escape(found.baseline)} selected by the same rule."
    yield ""
    body = []
    for arm in _arms(other, "attribute"):
        name = [*_names(arm), arm["attribute"].iloc[0], _rule(arm["selection"].iloc[0])]
        body.append([*name, *(level_cell(arm, m, "") for m in PRIMARY)])
        body.append(["↳ difference", "", "", "", *(difference_cell(arm, m, "") for m in PRIMARY)])
    yield from table(["variant", "protocol", "attribute", "rule", *PRIMARY.values()], body)


def _selected(found: Comparison, block: pd.DataFrame) -> Iterator[str]:
    rows = found.per_seed.drop_duplicates(["run", "attribute", "selection"])
    done = found.runs.loc[found.runs["state"] == "done", "run"]
    rows = rows[rows["seed"].notna() & rows["run"].isin(done) & rows["arm"].isin(block["arm"])]
    body = []
    keys = ["arm", "variant", "trained_on", "protocol", "selection"]
    for names, part in rows.groupby(keys, sort=False):
        by_seed = part.groupby("seed", sort=True)["epoch"].agg(lambda e: _epochs(e.tolist()))
        chosen = ", ".join(f"{seed}: {epochs}" for seed, epochs in by_seed.items())
        body.append([*(str(n) for n in names[1:]), chosen])
    if body:
        yield "### Selected epochs"
        yield ""
        yield from table(["variant", "trained on", "protocol", "rule", "seed: epoch"], body)


def _epochs(epochs: Sequence[int]) -> str:
    distinct = sorted({"none" if pd.isna(e) else str(e) for e in epochs})
    return "/".join(distinct)  # a group rule can select differently for each attribute


def _failures(found: Comparison) -> Iterator[str]:
    bad = found.runs[found.runs["state"] != "done"]
    if bad.empty:
        return
    counts = ", ".join(
        f"{n} {state}" for state, n in bad["state"].value_counts().sort_index().items()
    )
    yield f"## Runs without a result: {counts}"
    yield ""
    columns = ["run", "variant", "trained_on", "protocol", "seed", "state", "message"]
    yield from table(
        [column.replace("_", " ") for column in columns],
        [["" if pd.isna(r[c]) else str(r[c]) for c in columns] for r in bad.to_dict("records")],
    )


def _arms(rows: pd.DataFrame, *more: str) -> Iterator[pd.DataFrame]:
    for _, part in rows.groupby(["arm", *more], sort=False):
        yield part


def _names(arm: pd.DataFrame, by_rule: bool = False) -> list[str]:
    row = arm.iloc[0]
    mark = " (baseline)" if row["is_baseline"] else " †" if row["confounded"] else ""
    return [row["variant"] + mark, row["protocol"], *([row["selection"]] if by_rule else [])]


def _seed_count(arm: pd.DataFrame) -> str:
    n, lost = int(arm["n_runs"].iloc[0]), int(arm["n_lost"].iloc[0])
    count = str(n) if arm["trains"].iloc[0] else "none"
    return f"{count} (+{lost} lost)" if lost else count
