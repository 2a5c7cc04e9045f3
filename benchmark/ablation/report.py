"""The ablation as Markdown: what was asked, what each key is, effects, and what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmark.ablation.analysis import Ablation
from benchmark.ablation.cells import without_effect
from benchmark.ablation.cost import count_lines
from benchmark.ablation.design import TERMS, TOTAL, Design
from benchmark.ablation.outcomes import QUESTIONS, cell_name
from benchmark.ablation.plan import AblationPlan
from benchmark.ablation.statements import effect_cell, metric_heading, records, statements
from benchmark.report.cells import escape, table

SOURCES = ("paper", "official", "reproduction")
MOVED_BY = {"objective": "variant", "protocol": "variant and baseline", "selection": "both, no run"}
"""Whose key it is → which runs a change of it moves."""


def ablation_markdown(found: Ablation) -> str:
    """Return the whole report as GitHub Markdown."""
    return "\n".join(_lines(found)).rstrip() + "\n"


def keys_table(plan: AblationPlan) -> pd.DataFrame:
    """Return one row for each key on which the ends differ, with its sources."""
    merged = {part.name: key.name for key in plan.keys for part in key.parts}
    parts = [part for key in plan.keys for part in key.parts]
    return pd.DataFrame(
        {
            "key": part.name,
            "changed_as": merged.get(part.name, "not changed: as in from"),
            "of": part.scope,
            "from": str(part.left),
            "to": str(part.right),
            "sources": " / ".join(f"{who}: {what}" for who, what in part.sources.items()),
        }
        for part in [*parts, *plan.held]
    )


def _lines(found: Ablation) -> Iterator[str]:
    plan = found.plan
    baseline = plan.settings.baseline
    yield f"# Ablation: {escape(plan.left.config.variant)} → {escape(plan.right.config.variant)}"
    yield ""
    yield f"From {escape(plan.left.name)} to {escape(plan.right.name)}; judged on {plan.attribute}."
    yield ""
    yield from _facts(found)
    yield from _keys(plan)
    yield from _odd_cells(plan)
    yield "## How to read the tables"
    yield ""
    yield (
        "Effects are value with the key as in `to` minus value with it as in `from`, in percentage "
        f"points, paired over seeds: mean [{1 - plan.settings.alpha:.0%} Student t interval], and "
        "p after Holm's correction. A family is the keys of one design, question and metric: both "
        "effects of one-at-a-time together, main effects and interactions each by itself (column "
        "`family` of effects.csv). Intervals are not corrected; the total is tested alone. The "
        "arrow says which way a metric is better. n.e.: not estimable."
    )
    yield ""
    for question, words in QUESTIONS.items():
        yield f"## {question.capitalize()}: {words.format(baseline=baseline)}"
        yield ""
        for design in plan.designs:
            rows = found.effects[
                (found.effects["question"] == question) & (found.effects["design"] == design.name)
            ]
            yield from _design(plan, design, rows)
    yield from _failures(found.runs)


def _facts(found: Ablation) -> Iterator[str]:
    plan = found.plan
    config = plan.left.config
    model = config.model.name + (f" ({config.model.pretrained})" if config.model.pretrained else "")
    seeds = ", ".join(str(seed) for seed in plan.seeds)
    yield f"- dataset {escape(config.dataset.name)}, model {escape(model)}"
    yield f"- {len(plan.seeds)} seeds ({seeds}); decision threshold {plan.settings.threshold}"
    yield from (f"- {line}" for line in count_lines(plan))
    states = ", ".join(f"{n} {state}" for state, n in found.runs["state"].value_counts().items())
    yield f"- runs: {states}"
    yield ""


def _keys(plan: AblationPlan) -> Iterator[str]:
    yield "## Keys"
    yield ""
    yield from table(
        ["key", "from", "to", "changes", *SOURCES],
        [
            [
                part.name if len(key.parts) == 1 else f"{part.name} (in {key.name})",
                str(part.left),
                str(part.right),
                MOVED_BY[part.scope],
                *(part.sources.get(who, "") for who in SOURCES),
            ]
            for key in plan.keys
            for part in key.parts
        ],
    )
    for part in (part for key in plan.keys for part in key.parts if part.scope == "selection"):
        rules = "; ".join(f"{rule}: {source}" for rule, source in part.sources.items())
        yield f"Selection rules: {escape(rules)}."
        yield ""
    if plan.held:
        held = ", ".join(f"{p.name} ({p.left}, in `to` {p.right})" for p in plan.held)
        yield f"The ends also differ in what is not changed here and stays as in `from`: {held}."
        yield ""


def _odd_cells(plan: AblationPlan) -> Iterator[str]:
    """Yield what the designs could not ask: impossible cells, and changes without effect."""
    notes = [
        f"- impossible: {escape(cell_name(cell, plan.keys))} ({escape(reason)})"
        for cell, reason in plan.impossible.items()
    ]
    if notes:
        merge = "effects that need them are not estimable; merge keys that exclude each other (a+b)"
        notes.append(f"- {merge}")
    for j, key in enumerate(plan.keys):
        same, pairs = without_effect(plan.cells, j)
        if same:
            where = "; ".join(f"'{cell_name(before, plan.keys)}'" for before, _ in same)
            notes.append(
                f"- {escape(key.name)} has no effect (the change is the same run, its effect 0) "
                f"in {len(same)} of the {len(pairs)} cells that it can change: {escape(where)}"
            )
    if notes:
        yield "## Cells that are no experiment of their own"
        yield ""
        yield from notes
        yield ""


def _design(plan: AblationPlan, design: Design, rows: pd.DataFrame) -> Iterator[str]:
    yield f"### {design.name}"
    yield ""
    terms = rows[rows["term"] != TOTAL].drop_duplicates("term")
    for row in records(terms):
        yield f"- {row['term']}: {TERMS[row['term']]}"
    if design.adds_up:
        yield f"- effects of term {design.adds_up} add up to the total, with every seed"
    if design.orders:
        yield (
            f"- from {design.orders} sampled orders, ± the standard error of that sampling; "
            "intervals and p are about seeds, for these orders"
        )
    yield ""
    metrics = plan.settings.metrics
    body = []
    for (term, key), part in rows.groupby(["term", "key"], sort=False):
        cells = {row["metric"]: effect_cell(row) for row in records(part)}
        body.append([str(term), str(key), *(cells[metric] for metric in metrics)])
    yield from table(["term", "key", *(metric_heading(metric) for metric in metrics)], body)
    yield from (f"- {escape(line)}" for line in statements(rows))
    reasons = rows[(rows["reason"] != "") & rows["effect"].isna()]
    for reason, part in reasons.groupby("reason", sort=False):
        keys = ", ".join(dict.fromkeys(part["key"]))
        yield f"- not estimable ({escape(keys)}): {escape(str(reason))}"
    lost = int(rows["seeds_left_out"].max())
    if lost:
        yield f"- seeds left out because a cell has no value: up to {lost} (cells.csv says why)"
    yield ""


def _failures(runs: pd.DataFrame) -> Iterator[str]:
    bad = runs[runs["state"] != "done"]
    if bad.empty:
        return
    yield "## Runs without a result"
    yield ""
    columns = ["run", "variant", "protocol", "seed", "state", "message"]
    yield from table(
        columns,
        [["" if pd.isna(r[c]) else str(r[c]) for c in columns] for r in bad.to_dict("records")],
    )
