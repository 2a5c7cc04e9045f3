"""The verdicts as a section of the report: family, table, what would decide, what made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.cells import Row
from benchmark.report.model import Block, Cell, Column, Figure, Paragraph, Section, Table
from benchmark.report.statements import enumerated
from benchmark.report.verdict_table import (
    CONFOUNDED,
    DEGENERATE,
    NAMES,
    metric_name,
    verdict_table,
)
from benchmark.verdicts.analysis import Analysis
from benchmark.verdicts.claims import OVERALL
from benchmark.verdicts.judge import NO_VERDICT

if TYPE_CHECKING:
    from benchmark.comparison import Comparison


def verdict_section(found: Comparison, figures: Sequence[Figure] = ()) -> Section:
    """Return the section.

    Args:
        found: The comparison.
        figures: Shown below the verdict table.
    """
    blocks: list[Block] = []
    if found.verdicts.empty:
        text = f"No variant is compared with {found.baseline}: there is nothing to judge."
        blocks.append(Paragraph(text))
    else:
        notes = (*legend(found.verdicts, found.analysis), *claim_notes(found.verdicts))
        blocks.append(Paragraph(family_statement(found.verdicts, found.analysis)))
        blocks.append(verdict_table(found.verdicts, notes))
        blocks += [*figures, *_functions(found.verdicts)]
    return Section("verdicts-section", "Verdicts", tuple(blocks))


def family_statement(verdicts: pd.DataFrame, analysis: Analysis) -> str:
    """Return in words what was tested, with what margins, and for whom it would hold."""
    names = enumerated([_name(metric) for metric in analysis.primary])
    judged = verdicts[verdicts["verdict"] != NO_VERDICT]
    tests = 0
    for column in ("p", "p_equivalence"):
        tests += int(judged[column].notna().sum()) if column in judged else 0
    overall = [_name(metric) for metric in analysis.primary if metric in OVERALL]
    margins = ", ".join(
        f"{_name(metric)} ±{100 * analysis.margins[metric]:g} points" for metric in analysis.primary
    )
    once = f", for {' and '.join(overall)} once for all attributes" if overall else ""
    adjusted = (
        "not adjusted"
        if analysis.correction == "none"
        else f"adjusted together ({analysis.correction})"
    )
    return (
        f"Primary family: {names} of each variant against {analysis.baseline}, for each attribute "
        f"that the variant is judged on{once}: {len(judged)} claims, each tested for difference "
        f"and for equivalence; {tests} p-values, {adjusted}, level "
        f"{analysis.alpha:g}. Margins, the smallest differences that matter: {margins}. "
        f"Scope: would it hold with {_scope(judged, analysis)}? Everything outside this table is "
        "exploratory and has no verdict."
    )


def legend(verdicts: pd.DataFrame, analysis: Analysis) -> Iterator[str]:
    """Yield what the columns and signs mean, and whether the claims were planned."""
    level = 100 * (1 - analysis.alpha)
    yield (
        f"difference: variant minus baseline in percentage points, with its {level:g}% interval "
        "(not adjusted); p differs, p equivalent: adjusted; effect: Hedges' g_z unless "
        "verdicts.csv names another"
    )
    status = verdicts["status"].map(str)
    texts = status.drop_duplicates().tolist()
    for text in texts:
        which = (
            "" if len(texts) == 1 else f" ({_claims(verdicts[status == text].to_dict('records'))})"
        )
        yield f"{text}{which}"
    if (verdicts["confounded"] != "").any():
        yield (
            f"{CONFOUNDED} confounded: not trained under the baseline's conditions, so no verdict"
        )
    marked = [text for text in verdicts.get("degenerate", pd.Series()).dropna().unique() if text]
    if marked:
        yield (
            f"{DEGENERATE} under 5% or over 95% of some group is predicted positive, so the metric "
            f"says little (runs: {'; '.join(marked)})"
        )


def claim_notes(verdicts: pd.DataFrame) -> Iterator[str]:
    """Yield what would decide each undecided claim, and what else must stand beside it.

    Claims of which the same is to be said share a line.
    """
    said: dict[str, list[Row]] = {}
    for row in verdicts.to_dict("records"):
        said.setdefault(_beside(row), []).append(row)
    yield from (f"{_claims(rows)}: {text}" for text, rows in said.items() if text)


def _beside(row: Row) -> str:
    """Return the sentences that go with a claim; "" if there are none."""
    decide, reason, note = (_filled(row, c) for c in ("would_decide", "reason", "note"))
    parts = [decide, "" if reason in decide else reason, note]
    sentences = [text[:1].upper() + text[1:] + "." for text in parts if text]
    return " ".join([f"{row['verdict'] or 'no verdict'}.", *sentences]) if sentences else ""


def _functions(verdicts: pd.DataFrame) -> Iterator[Table]:
    """Yield which test was used in which rows, why, and the functions that made the numbers."""
    columns = [c for c in verdicts if str(c).startswith("function_")]
    if not columns:
        return
    used = verdicts[verdicts[columns].notna().any(axis=1)]
    keys = ["test", "why", *columns]
    rows = []
    for names, part in used.fillna(dict.fromkeys(columns, "")).groupby(keys, sort=False):
        paths: dict[str, list[str]] = {}
        for column, path in zip(columns, names[2:], strict=True):
            if path:
                paths.setdefault(str(path), []).append(str(column).removeprefix("function_"))
        made = "; ".join(f"{', '.join(what)}: {path}" for path, what in paths.items())
        rows.append(
            (
                Cell(str(names[0])),
                Cell(str(names[1])),
                Cell(made),
                Cell("all" if len(part) == len(used) else _claims(part.to_dict("records"))),
            )
        )
    yield Table(
        "functions",
        "Which test was used where, and which function made each number.",
        tuple(Column(name, name) for name in ("test", "why", "functions", "claims")),
        tuple(rows),
    )


def _scope(judged: pd.DataFrame, analysis: Analysis) -> str:
    scopes = judged["scope"].drop_duplicates().tolist()
    return " (or, where so marked, ".join(scopes) + ")" * (len(scopes) - 1) if scopes else ""


def _claims(rows: Iterable[Row]) -> str:
    """Return "fairclip race: AUC ↑, DEOdds ↓; clip all: AUC ↑"."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(f"{row['variant']} {row['attribute']}", []).append(
            metric_name(row["metric"])
        )
    return "; ".join(f"{who}: {', '.join(metrics)}" for who, metrics in found.items())


def _name(metric: str) -> str:
    return NAMES.get(metric, metric)


def _filled(row: Row, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""
