"""The report of a comparison, from which every form of it is laid out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.report.answers import answers_of, counts_of
from benchmark.report.figures import comparison_figures
from benchmark.report.levels_section import levels_section, rule_in_words
from benchmark.report.lost_section import lost_section
from benchmark.report.model import Figure, Report, Section
from benchmark.report.provenance_section import provenance_facts, provenance_section, warnings
from benchmark.report.published_section import published_section
from benchmark.report.ranking_section import ranking_section
from benchmark.report.selection_section import selection_section
from benchmark.report.statements import (
    enumerated,
    runs_statement,
    seed_statement,
    status_statement,
)
from benchmark.report.verdict_section import verdict_section
from benchmark.report.verdict_table import NAMES
from benchmark.stats.verdict import Verdict

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

FIGURE_SECTIONS = {
    "tradeoff": "Accuracy against fairness",
    "training": "Training",
    "distance": "Distance against fairness",
    "calibration": "Calibration and ROC by group",
    "groups": "Groups, and gaps that chance alone makes",
}
"""Key of `comparison_figures` → title of a section that holds figures alone."""

_MOST_NAMED = 6
"""A question about more variants than this counts them instead of naming them."""


def build_report(found: Comparison) -> Report:
    """Return the report of a comparison.

    Raises:
        FairbenchError: provenance of a run that cannot be read.
    """
    return Report(
        title=f"Comparison with {found.baseline}",
        question=_question(found),
        summary=tuple(_summary(found)),
        answers=answers_of(found.verdicts),
        sections=tuple(_sections(found, comparison_figures(found))),
    )


def facts_of(found: Comparison) -> dict[str, Any]:
    """Return what the JSON form holds besides the report."""
    return {
        "verdicts": found.verdicts,
        "analysis": {**found.analysis.model_dump(mode="json"), "margin": found.analysis.margins},
        "provenance": provenance_facts(found),
    }


def _question(found: Comparison) -> str:
    if found.asked is not None and found.asked.question:
        return found.asked.question
    arms = found.summary.loc[~found.summary["is_baseline"], ["variant", "attribute"]]
    variants, attributes = (list(dict.fromkeys(arms[name])) for name in arms)
    metrics = [NAMES.get(metric, metric) for metric in found.analysis.primary]
    if not variants:
        return f"How does {found.baseline} do?"
    verb = "Do" if len(variants) > 1 else "Does"
    who = enumerated(variants) if len(variants) <= _MOST_NAMED else f"{len(variants)} variants"
    where = f"in {enumerated(metrics)}, by {enumerated(attributes)}"
    return f"{verb} {who} differ from {found.baseline} {where}?"


def _summary(found: Comparison) -> Iterator[str]:
    yield from warnings(found.origins)
    for study in found.studies:
        yield from study.answers
    if not found.verdicts.empty:
        undecided = (found.verdicts["verdict"] == Verdict.UNDECIDED).any()
        where = ". What would decide the rest stands below the table of verdicts"
        yield f"{counts_of(found.verdicts)}{where if undecided else ''}."
        yield from status_statement(found.verdicts)
    yield runs_statement(found)
    yield (
        f"Epoch selected by: {rule_in_words(found.selection)}. "
        f"Decision threshold: {found.threshold}."
    )
    yield from seed_statement(found)


def _sections(found: Comparison, figures: Mapping[str, Sequence[Figure]]) -> Iterator[Section]:
    yield verdict_section(found, figures.get("verdicts", ()))
    yield from (study.section for study in found.studies)
    yield levels_section(found, figures.get("levels", ()))
    yield from _drawn(figures, "tradeoff")
    yield from selection_section(found, figures.get("selection", ()))
    yield from _drawn(figures, "training")
    yield from _drawn(figures, "distance")
    yield from _drawn(figures, "calibration")
    yield from _drawn(figures, "groups")
    yield from published_section(found)
    yield ranking_section(found, figures.get("ranking", ()))
    yield from lost_section(found)
    yield provenance_section(found)


def _drawn(figures: Mapping[str, Sequence[Figure]], key: str) -> Iterator[Section]:
    if figures.get(key):
        yield Section(f"{key}-section", FIGURE_SECTIONS[key], tuple(figures[key]))
