"""Does lowering the distance between groups' scores go with lowering DPD or DEOdds?

The first open question of the reproduction (arXiv 2509.06535): fairness terms lower a distance
between distributions of scores, and nobody has shown that gaps in decisions follow. Distances
are taken where the terms act, on image–note similarities, and where decisions are made, on
zero-shot margins. Nothing here is a cause: arms differ in more than the distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.report.blocks import anchors
from benchmark.report.cells import NOT_ESTIMABLE as NO_NUMBER
from benchmark.report.cells import number_cell
from benchmark.report.model import Block, Bullets, Cell, Column, Paragraph, Section, Table
from benchmark.report.verdict_table import metric_name
from benchmark.studies.association import (
    LEVELS,
    NOT_ESTIMABLE,
    OPPOSITE,
    TOGETHER,
    UNKNOWN,
    associations,
)
from benchmark.studies.courses import DISTANCES, courses
from benchmark.studies.lost import lost_runs
from benchmark.studies.mechanism_figure import mechanism_figure
from benchmark.studies.study import Study

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

ANSWERS = {
    TOGETHER: "the lower distance goes with the lower gap",
    OPPOSITE: "the lower distance goes with the higher gap",
    UNKNOWN: "not known yet",
    NOT_ESTIMABLE: "not estimable",
}

TITLE = "Distance and fairness"
NOTHING = (
    "No finished run that trains, of a label with two classes: this study is about distances over "
    "the course of training."
)
READING = (
    "A distance is ½·W₂² between the test scores of a group and of everyone, summed over groups: "
    "of image–note similarities s·⟨I, T⟩, which the terms are about, and of zero-shot margins "
    "(logit of class 1 minus that of class 0), which decide. Correlations are of its logarithm "
    "with the gap; above 0, the lower distance goes with the lower gap."
)
CAVEATS = (
    "Association is not cause: arms differ in more than their distance, and a distance falls as "
    "well when all scores shrink, whatever the groups are.",
    "Epochs and seeds are tested by exchanging whole seeds: runs of one seed share their "
    "batches, so arms that hardly differ are no further evidence.",
    "Over arms each seed gives one rank correlation, and seeds are tested: it is about these arms, "
    "and several weights of one method are hardly several methods. Any two quantities of a few "
    "arms are ranked somewhat alike or apart, and enough seeds show it: it is no sign that other "
    "arms would be.",
    "Scope: new seeds, these patients.",
)


def study(found: Comparison) -> Study:
    """Return the study: one sentence where no run of two classes trained."""
    points = _on_trained_attributes(courses(found))
    alpha = found.analysis.alpha
    tests = associations(points, alpha)
    if points.empty:
        section = Section("mechanism", TITLE, (Paragraph(NOTHING),))
        return Study("mechanism", section, {"associations": tests, "courses": points})
    verdict = _verdict(tests)
    blocks: list[Block] = [
        Paragraph(verdict),
        Bullets(tuple(_levels(tests, alpha))),
        Paragraph(READING),
        _table(tests, alpha),
        *_figures(points, found.baseline),
        Bullets((*CAVEATS, *_degenerate(points), *_lost(found, points))),
    ]
    section = Section("mechanism", TITLE, tuple(blocks))
    tables = {"associations": tests, "courses": points}
    return Study("mechanism", section, tables, (verdict,))


def _on_trained_attributes(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points on attributes that some arm trains on; all, if none does."""
    trained = {name for on in points["trained_on"].unique() for name in on.split("+") if name}
    return points[points["attribute"].isin(trained)] if trained else points


def _verdict(tests: pd.DataFrame) -> str:
    """Return the answer in plain words."""
    question = "Does lowering the distance go with lowering DPD or DEOdds?"
    counts = tests["answer"].value_counts()
    together, opposite = (int(counts.get(name, 0)) for name in (TOGETHER, OPPOSITE))
    of = f"{len(tests) - int(counts.get(NOT_ESTIMABLE, 0))} tests"
    shown = tests[tests["answer"].isin((TOGETHER, OPPOSITE))]
    if not shown.empty and (shown["level"] == "arms").all():
        return (
            f"{question} Not known yet beyond these arms: {len(shown)} of {of} show how these arms "
            "are ranked, and none that distance and gap move together from epoch to epoch or seed "
            "to seed."
        )
    if together and opposite:
        return f"{question} It depends: {together} of {of} say yes, {opposite} the opposite."
    if together:
        return f"{question} In part: {together} of {of} show it; the others are not known yet."
    if opposite:
        return (
            f"{question} Not here: {opposite} of {of} show that the gap is higher where the "
            "distance is lower; the others are not known yet."
        )
    if counts.get(UNKNOWN, 0):
        return f"{question} Not known yet: none of {of} shows it, nor the opposite."
    return f"{question} Not estimable; the table says why."


def _levels(tests: pd.DataFrame, alpha: float) -> Iterator[str]:
    """Yield what was found at each level, and whether it could have been found."""
    for level, meaning in LEVELS.items():
        rows = tests[tests["level"] == level]
        made = rows[rows["p"].notna()]
        head = meaning[0].upper() + meaning[1:]
        if made.empty:
            yield f"{head}: not estimable ({rows['reason'].iloc[0]})."
            continue
        shown = made[made["answer"].isin((TOGETHER, OPPOSITE))]
        if not shown.empty:
            yield f"{head}: {'; '.join(map(_finding, shown.to_dict('records')))}."
            continue
        text = f"{head}: not known yet; smallest adjusted p {made['p_adjusted'].min():.2f}"
        least = float(made["smallest_p"].min()) * len(made)
        if least > alpha:
            text += f", and with so few seeds it cannot be below {min(least, 1):.2f}"
        yield f"{text}."


def _finding(row: dict[Any, Any]) -> str:
    return (
        f"on {row['attribute']}, by {DISTANCES[row['distance']]}, {ANSWERS[row['answer']]} of "
        f"{metric_name(row['gap'])} (correlation {row['coefficient']:+.2f}, adjusted p "
        f"{row['p_adjusted']:.3f})"
    )


def _table(tests: pd.DataFrame, alpha: float) -> Table:
    apart = [n for n in ("dataset", "model", "protocol") if len(set(tests[n])) > 1]
    names = [*apart, "attribute"]
    columns = (
        *(Column(name, name, filtered=True) for name in names),
        Column("level", "what varies", filtered=True),
        Column("distance", "distance between", filtered=True),
        Column("gap", "gap", filtered=True),
        Column("coefficient", "correlation", numeric=True),
        Column("p", "p", numeric=True),
        Column("p_adjusted", "p, Holm", numeric=True),
        Column("n", "arms × seeds × epochs"),
        Column("answer", "answer", filtered=True),
    )
    order = {level: i for i, level in enumerate(LEVELS)}
    rows = sorted(tests.to_dict("records"), key=lambda row: order[row["level"]])
    family = {level: int(tests.loc[tests["level"] == level, "family"].max()) for level in LEVELS}
    sizes = ", ".join(f"{n} over {level}" for level, n in family.items())
    return Table(
        "mechanism-associations",
        "Whether distance and gap go together, and what of it is shown.",
        columns,
        tuple(
            (
                *(Cell(str(row[name])) for name in names),
                Cell(row["level"]),
                Cell(DISTANCES[row["distance"]]),
                Cell(metric_name(row["gap"])),
                _number(row["coefficient"], "{:+.2f}"),
                _number(row["p"], "{:.3f}"),
                _number(row["p_adjusted"], "{:.3f}"),
                Cell(f"{row['n_arms']} × {row['n_seeds']} × {row['n_epochs']}"),
                Cell(ANSWERS[row["answer"]], hint=row["reason"]),
            )
            for row in rows
        ),
        (
            *(f"{level}: {meaning}" for level, meaning in LEVELS.items()),
            f"shown where Holm's p is at most {alpha:g}; a family for each level (tests: {sizes})",
            *dict.fromkeys(f"{NO_NUMBER}: {r['reason']}" for r in rows if r["reason"]),
        ),
    )


def _number(value: float, text: str) -> Cell:
    return Cell(NO_NUMBER) if pd.isna(value) else number_cell(value, text)


def _figures(points: pd.DataFrame, baseline: str) -> Iterator[Block]:
    parts = [part for _, part in points.groupby(["cell", "attribute"], sort=False)]
    several = len(set(points["cell"])) > 1
    titles = []
    for part in parts:
        first = part.iloc[0]
        where = f", {first['dataset']}, {first['model']}, {first['protocol']}" if several else ""
        titles.append(f"{first['attribute']}{where}")
    for part, title, anchor in zip(parts, titles, anchors(titles), strict=True):
        yield mechanism_figure(part, f"mechanism-{anchor}", title, baseline)


def _lost(found: Comparison, points: pd.DataFrame) -> Iterator[str]:
    """Yield the runs without a result of arms on these attributes, and what they cost the rest."""
    judged = set(points["attribute"])
    arms = [arm for arm in found.arms if arm.trains and judged & set(arm.evaluated)]
    lines = list(lost_runs(arms))
    yield from lines
    if lines:
        yield (
            "A seed that one arm lost is left out of every arm in the table above; an arm that "
            "lost all its runs is not in it."
        )


def _degenerate(points: pd.DataFrame) -> Iterator[str]:
    """Yield how often a gap says where the threshold falls, not how groups differ."""
    known = points["degenerate"].dropna()
    if len(known) and known.any():
        yield (
            f"In {int(known.sum())} of {len(known)} epochs a group is predicted almost all one "
            "class: DPD and DEOdds then say where the threshold falls among its scores."
        )
