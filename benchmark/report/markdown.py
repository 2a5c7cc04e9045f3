"""The comparison as Markdown: levels, differences, selected epochs, failures, and caveats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.cells import difference_cell, level_cell, table
from benchmark.report.statements import confounded_lines, seed_statement

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

PRIMARY = ("dpd", "deodds", "auc", "es_auc")
"""Columns of the papers' tables, in their order; group AUCs follow."""

HEADINGS = {"dpd": "DPD ↓", "deodds": "DEOdds ↓", "auc": "AUC ↑", "es_auc": "ES-AUC ↑"}


def comparison_markdown(found: Comparison) -> str:
    """Return the whole report as GitHub Markdown."""
    return "\n".join(_lines(found)).rstrip() + "\n"


def _lines(found: Comparison) -> Iterator[str]:
    yield f"# Comparison with {found.baseline}"
    yield ""
    yield (
        f"Epoch selected by: {_rule(found.selection)}. Decision threshold: {found.threshold}. "
        "Metrics are on the test set, in percent: mean ± standard deviation over seeds. "
        "Fairness tests and verdicts are not part of this report."
    )
    yield ""
    yield from seed_statement(found)
    main = found.summary[found.summary["main_rule"]]
    for keys, block in main.groupby(["dataset", "model", "test_set", "attribute"], sort=False):
        dataset, model, _, attribute = keys
        yield f"## {attribute}: {dataset}, {model}"
        yield ""
        yield from _counts(found, str(attribute), str(keys[2]))
        yield from _attribute_tables(found, block, str(attribute))
    yield from _own_rules(found)
    yield from _selected(found)
    yield from _failures(found)
    yield from confounded_lines(found)


def _rule(selection: str) -> str:
    if selection == "test-auc":
        return "test-auc (on the test set itself: optimistic)"
    if selection == "own":
        return "each variant's own rule, and the baseline by that same rule"
    return selection


def _attribute_tables(found: Comparison, block: pd.DataFrame, attribute: str) -> Iterator[str]:
    groups = block.loc[block["metric"] == "group_auc", "group"].drop_duplicates().tolist()
    columns = [*((m, "") for m in PRIMARY), *(("group_auc", g) for g in groups)]
    headings = [HEADINGS[m] if not g else f"AUC {g} ↑" for m, g in columns]
    arms = list(_arms(block))
    yield from table(
        ["variant", "protocol", "seeds", *headings],
        [
            [
                _name(rows),
                rows["protocol"].iloc[0],
                str(_seed_count(rows)),
                *(level_cell(rows, m, g) for m, g in columns),
            ]
            for rows in arms
        ],
    )
    yield "In brackets: the gap's mean when group labels are permuted, that is, by chance alone."
    yield ""
    compared = [rows for rows in arms if not rows["is_baseline"].iloc[0]]
    if compared:
        yield (
            f"Difference to {found.baseline} in percentage points, "
            "with 95% Student t interval and number of pairs:"
        )
        yield ""
        yield from table(
            ["variant", *headings],
            [
                [_name(rows), *(difference_cell(rows, m, g) for m, g in columns)]
                for rows in compared
            ],
        )


def _counts(found: Comparison, attribute: str, test_set: str) -> Iterator[str]:
    """Yield one line with the test samples of each group."""
    rows = found.summary
    rows = rows[(rows["attribute"] == attribute) & (rows["test_set"] == test_set)]
    first = rows.drop_duplicates(["metric", "group"]).set_index(["metric", "group"])["mean"]
    counts = [
        f"{group} {first['n', group]:.0f} ({first['n_positive', group]:.0f} positive)"
        for metric, group in first.index
        if metric == "n" and group
    ]
    yield f"Test samples: {', '.join(counts)}."
    yield ""


def _own_rules(found: Comparison) -> Iterator[str]:
    """Yield the rows of variants whose source selects by another rule than the main tables."""
    rows = found.summary
    other = rows[rows["own_rule"] & ~rows["main_rule"] & (rows["trained_on"] != "")]
    if other.empty:
        return
    yield "## By each variant's own selection rule"
    yield ""
    yield f"The difference is to {found.baseline} selected by the same rule."
    yield ""
    headings = [HEADINGS[m] for m in PRIMARY]
    body = []
    for rows in _arms(other, "attribute"):
        name = [_name(rows), rows["attribute"].iloc[0], _rule(rows["selection"].iloc[0])]
        body.append([*name, *(level_cell(rows, m, "") for m in PRIMARY)])
        body.append(["↳ difference", "", "", *(difference_cell(rows, m, "") for m in PRIMARY)])
    yield from table(["variant", "attribute", "rule", *headings], body)


def _selected(found: Comparison) -> Iterator[str]:
    yield "## Selected epochs"
    yield ""
    rows = found.per_seed.drop_duplicates(["run", "attribute", "selection"])
    rows = rows[rows["seed"].notna()]
    body = []
    keys = ["variant", "trained_on", "protocol", "selection"]
    for names, part in rows.groupby(keys, sort=False):
        by_seed = part.groupby("seed", sort=True)["epoch"].agg(lambda e: _epochs(e.tolist()))
        chosen = ", ".join(f"{seed}: {epochs}" for seed, epochs in by_seed.items())
        body.append([*(str(n) for n in names), chosen])
    yield from table(["variant", "trained on", "protocol", "rule", "seed: epoch"], body)


def _epochs(epochs: Sequence[float]) -> str:
    distinct = sorted({"none" if pd.isna(e) else str(int(e)) for e in epochs})
    return "/".join(distinct)  # a group rule can select differently for each attribute


def _failures(found: Comparison) -> Iterator[str]:
    bad = found.runs[found.runs["state"] != "done"]
    if bad.empty:
        return
    counts = ", ".join(f"{n} {state}" for state, n in bad["state"].value_counts().items())
    yield f"## Runs without a result: {counts}"
    yield ""
    yield from table(
        ["run", "variant", "trained on", "seed", "state", "message"],
        [
            [r["run"], r["variant"], r["trained_on"], str(r["seed"]), r["state"], r["message"]]
            for r in bad.to_dict("records")
        ],
    )


def _arms(rows: pd.DataFrame, *more: str) -> Iterator[pd.DataFrame]:
    for _, part in rows.groupby(["arm", *more], sort=False):
        yield part


def _name(rows: pd.DataFrame) -> str:
    name = str(rows["variant"].iloc[0])
    if rows["is_baseline"].iloc[0]:
        return f"{name} (baseline)"
    return f"{name} †" if rows["confounded"].iloc[0] else name


def _seed_count(rows: pd.DataFrame) -> str:
    n = int(rows["n_runs"].iloc[0])
    lost = int(rows["n_lost"].iloc[0])
    count = str(n) if rows["trains"].iloc[0] else "none"
    return f"{count} (+{lost} lost)" if lost else count
