"""The report of an ablation: what was asked, what each key is, effects, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import pandas as pd

from benchmark.ablation.analysis import Ablation
from benchmark.ablation.cost import count_lines
from benchmark.ablation.design import TERMS, TOTAL, Design
from benchmark.ablation.keys_section import keys_section, odd_cells_section
from benchmark.ablation.outcomes import QUESTIONS
from benchmark.ablation.plan import AblationPlan
from benchmark.ablation.statements import (
    effect_cell,
    effects_of_keys,
    in_short,
    metric_heading,
    records,
    statements,
)
from benchmark.report.figures.waterfall import waterfall_figure
from benchmark.report.model import (
    Answer,
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Report,
    Section,
    Table,
)


def ablation_report(found: Ablation) -> Report:
    """Return the report of an ablation."""
    plan = found.plan
    return Report(
        title=f"Ablation: {plan.left.config.variant} → {plan.right.config.variant}",
        question=f"What does each key from {plan.left.name} to {plan.right.name} do to metrics "
        f"by {plan.attribute}, and to what is gained over {plan.settings.baseline}?",
        summary=tuple(_facts(found)),
        answers=tuple(_answers(found)),
        sections=(
            keys_section(plan),
            *odd_cells_section(plan),
            _how_to_read(plan),
            *(_question(found, question) for question in QUESTIONS),
            *_failures(found.runs),
        ),
    )


def _facts(found: Ablation) -> Iterator[str]:
    plan = found.plan
    config = plan.left.config
    model = config.model.name + (f" ({config.model.pretrained})" if config.model.pretrained else "")
    seeds = ", ".join(str(seed) for seed in plan.seeds)
    states = ", ".join(f"{n} {state}" for state, n in found.runs["state"].value_counts().items())
    yield f"dataset {config.dataset.name}, model {model}"
    yield f"{len(plan.seeds)} seeds ({seeds}); decision threshold {plan.settings.threshold}"
    yield from count_lines(plan)
    yield f"runs: {states}"


def _answers(found: Ablation) -> Iterator[Answer]:
    """Yield a sentence for each metric: what the keys do to the gain, by the first design."""
    plan = found.plan
    rows = _rows(found, "gain", plan.designs[0])
    for total in records(rows[rows["term"] == TOTAL]):
        of_keys = effects_of_keys(rows[rows["metric"] == total["metric"]])
        gained = f"Gain in {metric_heading(total['metric'])} over {plan.settings.baseline}"
        text = f"{gained}: {in_short(total, of_keys)}."
        yield Answer(_outcome(total, plan.settings.alpha), text)


def _outcome(total: Mapping[str, Any], alpha: float) -> str:
    if isnan(total["effect"]):
        return "not estimable"
    if isnan(total["p"]):
        return "not tested"
    return "shown" if total["p"] <= alpha else "not shown"


def _how_to_read(plan: AblationPlan) -> Section:
    text = (
        "Effects are value with the key as in 'to' minus value with it as in 'from', in percentage "
        f"points, paired over seeds: mean [{1 - plan.settings.alpha:.0%} Student t interval], and "
        "p after Holm's correction. A family is the keys of one design, question and metric: both "
        "effects of one-at-a-time together, main effects and interactions each by itself (column "
        "'family' of effects.csv). Intervals are not corrected; the total is tested alone. The "
        "arrow says which way a metric is better. n.e.: not estimable."
    )
    return Section("how-to-read-section", "How to read the tables", (Paragraph(text),))


def _question(found: Ablation, question: str) -> Section:
    plan = found.plan
    words = QUESTIONS[question].format(baseline=plan.settings.baseline)
    blocks: list[Block] = []
    figure = waterfall_figure(found) if question == "gain" else None
    if figure is not None:
        blocks.append(figure)
    blocks += [_design(found, question, design) for design in plan.designs]
    title = f"{question.capitalize()}: {words}"
    return Section(f"{question}-section", title, tuple(blocks))


def _design(found: Ablation, question: str, design: Design) -> Section:
    rows = _rows(found, question, design)
    terms = [
        f"{row['term']}: {TERMS[row['term']]}"
        for row in records(rows[rows["term"] != TOTAL].drop_duplicates("term"))
    ]
    if design.adds_up:
        terms.append(f"effects of term {design.adds_up} add up to the total, with every seed")
    if design.orders:
        terms.append(
            f"from {design.orders} sampled orders, ± the standard error of that sampling; "
            "intervals and p are about seeds, for these orders"
        )
    blocks = (Bullets(tuple(terms)), _effects_table(found.plan, question, design, rows))
    return Section(f"{question}-{design.name}-section", design.name, blocks)


def _effects_table(plan: AblationPlan, question: str, design: Design, rows: pd.DataFrame) -> Table:
    metrics = plan.settings.metrics
    body = []
    for (term, key), part in rows.groupby(["term", "key"], sort=False):
        cells = {row["metric"]: effect_cell(row) for row in records(part)}
        body.append((Cell(str(term)), Cell(str(key)), *(cells[metric] for metric in metrics)))
    return Table(
        f"effects-{question}-{design.name}",
        f"Effects of each key on the {question}, in percentage points, by the design "
        f"{design.name}.",
        (
            Column("term", "term", filtered=True),
            Column("key", "key", filtered=True),
            *(Column(metric, metric_heading(metric), numeric=True) for metric in metrics),
        ),
        tuple(body),
        tuple(_notes(rows)),
    )


def _notes(rows: pd.DataFrame) -> Iterator[str]:
    yield from statements(rows)
    reasons = rows[(rows["reason"] != "") & rows["effect"].isna()]
    for reason, part in reasons.groupby("reason", sort=False):
        yield f"not estimable ({', '.join(dict.fromkeys(part['key']))}): {reason}"
    lost = int(rows["seeds_left_out"].max())
    if lost:
        yield f"seeds left out because a cell has no value: up to {lost} (cells.csv says why)"


def _rows(found: Ablation, question: str, design: Design) -> pd.DataFrame:
    effects = found.effects
    return effects[(effects["question"] == question) & (effects["design"] == design.name)]


def _failures(runs: pd.DataFrame) -> Iterator[Section]:
    bad = runs[runs["state"] != "done"]
    if bad.empty:
        return
    names = ("run", "variant", "protocol", "seed", "state", "message")
    table = Table(
        "lost",
        "Runs that are counted as lost, and why.",
        tuple(Column(name, name) for name in names),
        tuple(
            tuple(Cell("" if pd.isna(row[name]) else str(row[name])) for name in names)
            for row in bad.to_dict("records")
        ),
    )
    yield Section("lost-section", "Runs without a result", (table,))
