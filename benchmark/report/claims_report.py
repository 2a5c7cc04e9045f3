"""A judged ledger in the sections that reports on reproducibility have.

Source of the sections: the template of the ML Reproducibility Challenge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.claims.ledger import Claims, LedgerClaim
from benchmark.claims.outcome import Status
from benchmark.metrics.catalogue import METRICS
from benchmark.report.cells import NOT_ESTIMABLE, escape, table
from benchmark.report.verdict_table import metric_name, p_text

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

TO_AUTHOR = "_To be written by the author of the report: {}_"

EASY = "which steps took little time, and what of the original made them so."
DIFFICULT = "which steps took long, and what was missing, ambiguous or wrong."
ADVICE = "what the original's authors, and those who reproduce it next, should do differently."

_WORDS = {
    "better": "better than {against}",
    "worse": "worse than {against}",
    "not-better": "not better than {against}",
    "equivalent": "as {against}",
    "highest": "highest of the groups",
    "lowest": "lowest of the groups",
}


def claims_markdown(
    claims: Claims,
    judged: pd.DataFrame,
    found: Comparison | None,
    results: Path,
    dataset: str | None = None,
) -> str:
    """Return the report as GitHub Markdown.

    Args:
        claims: The ledger.
        judged: From `evaluate`.
        found: The comparison that it was judged on; None without runs.
        results: Its folder.
        dataset: Whose runs claims about other data were judged on; None: their own.
    """
    lines = _lines(claims, judged, found, results, dataset)
    return "\n".join(lines).rstrip() + "\n"


def _lines(
    claims: Claims,
    judged: pd.DataFrame,
    found: Comparison | None,
    results: Path,
    dataset: str | None,
) -> Iterator[str]:
    yield f"# Claims of {escape(claims.ledger.paper)}"
    yield ""
    if dataset is not None:
        yield (
            f"**Judged on runs on {escape(dataset)}, of any model: this says whether the claims "
            "hold there, and nothing of the data that they are about.**"
        )
        yield ""
    yield from _scope(claims, judged, dataset)
    yield from _methodology(found, results, judged)
    yield from _results(judged, dataset)
    for heading, prompt in (("What was easy", EASY), ("What was difficult", DIFFICULT)):
        yield f"## {heading}"
        yield ""
        yield TO_AUTHOR.format(prompt)
        yield ""
        if heading == "What was difficult":
            yield from _lost(found)
    yield from _recommendations(judged)


def _scope(claims: Claims, judged: pd.DataFrame, dataset: str | None) -> Iterator[str]:
    yield "## Scope of reproducibility"
    yield ""
    firsts: dict[str, LedgerClaim] = {}
    for claim in claims.claims:
        firsts.setdefault(claim.entry, claim)
    for entry, claim in firsts.items():
        counts = judged.loc[judged["entry"] == entry, "status"].value_counts()
        # In the order of the statuses, so that reports can be compared by eye.
        said = ", ".join(f"{counts[s.value]} {s.value}" for s in Status if s.value in counts)
        on = "" if dataset is None else f" (on {escape(dataset)}, not {claim.dataset})"
        yield f"- **{escape(entry)}** ({escape(claim.source)}): {escape(claim.text)} → {said}{on}"
    yield ""
    if claims.ledger.not_covered:
        yield "Claimed by the paper and not tested here:"
        yield ""
        yield from (f"- {escape(text)}" for text in claims.ledger.not_covered)
        yield ""


def _methodology(found: Comparison | None, results: Path, judged: pd.DataFrame) -> Iterator[str]:
    yield "## Methodology"
    yield ""
    if found is None:
        yield f"There are no finished runs in {escape(str(results))}: nothing could be tested."
        yield ""
        return
    analysis = found.analysis
    tests = int(judged["p"].notna().sum()) if "p" in judged else 0
    tests += int(judged["p_equivalence"].notna().sum()) if "p_equivalence" in judged else 0
    done = found.runs[found.runs["state"] == "done"]
    level = f"{analysis.alpha:g}"
    corrected = "not corrected" if analysis.correction == "none" else analysis.correction
    yield (
        f"Runs: {len(done)} finished of {len(found.runs)} in {escape(str(results))}, on "
        f"{escape(', '.join(sorted(set(done['dataset']))))} with "
        f"{escape(', '.join(sorted(set(done['model']))))}. Epoch selected by "
        f"{analysis.selection}; decision threshold {analysis.threshold}. A claim is judged on the "
        "runs of its dataset, model and variant (no key changed), against runs of the same test "
        "set, initial weights and conditions."
    )
    yield ""
    yield (
        "Two variants are compared by the tests of `fairbench compare` (paired by seed where "
        f"seeds pair; scope: {analysis.scope}). Groups are ordered by their AUCs over seeds and "
        "patients at once, whatever the scope: a group is first only if it is shown to be above "
        "each other one. A claim is *supported* if what it says is shown, *refuted* if the "
        "contrary is, *equivalent* if the difference is shown to be within the margin, else "
        f"*undecided*; two-sided p, {tests} of this ledger adjusted together ({corrected}), level "
        f"{level}. A claim is judged as it is worded: a gain in fairness that costs AUC counts "
        "here, and not in the verdicts of `compare`."
    )
    yield ""


def _results(judged: pd.DataFrame, dataset: str | None) -> Iterator[str]:
    yield "## Results"
    yield ""
    tested = judged[judged["status"] != Status.NOT_TESTED.value]
    counts = judged["status"].value_counts()
    yield ", ".join(f"{counts.get(s.value, 0)} {s.value}" for s in Status) + "."
    yield ""
    if not tested.empty:
        yield (
            "Difference: variant minus other (group minus the closest other group) in points, "
            "with the interval of this one claim. p and p equivalent are adjusted."
        )
        yield ""
        columns = ["claim", "says", "status", "runs", "difference", "margin", "p"]
        rows = tested.to_dict("records")
        body = [_cells(row, dataset) for row in rows]
        yield from table([*columns, "p equivalent", "n", "test", "holds for"], body)
        beside = [(row["id"], _beside(row)) for row in rows]
        yield from (f"- {escape(name)}: {escape(text)}" for name, text in beside if text)
        yield ""
    untested = judged[judged["status"] == Status.NOT_TESTED.value]
    if not untested.empty:
        on = "" if dataset is None else f" on {escape(dataset)}"
        for reason, part in untested.groupby("reason", sort=False):
            counts = part["entry"].value_counts(sort=False)
            names = ", ".join(f"{entry} ({n})" for entry, n in counts.items())
            yield f"- not tested{on}: {escape(str(reason))}: {escape(names)}"
        yield ""


def _cells(row: Any, dataset: str | None) -> list[str]:
    status = row["status"]
    if dataset is not None:
        status += f" on {dataset}"
    missing = isnan(row["margin"])
    return [
        row["id"],
        statement(row),
        status,
        f"{row['judged_on']}, {row['model']}, {row['protocol']}",
        _difference(row),
        "–" if missing else f"±{100 * row['margin']:g}",
        p_text(row["p_adjusted"]),
        p_text(row["p_equivalence_adjusted"]),
        row["n"],
        row["test"],
        row["scope"],
    ]


def statement(row: Any) -> str:
    """Return what a claim says, in its own terms."""
    metric = f"AUC {row['group']}" if row["metric"] == "group_auc" else row["metric"]
    if row["metric"] in METRICS and row["metric"] != "group_auc":
        metric = f"{metric_name(row['metric'])} {row['group']}".rstrip()
    size = f" by more than {100 * row['by_more_than']:g} points" if row["by_more_than"] else ""
    if row["direction"] == "equivalent":
        size = f" within {100 * row['by_more_than']:g} points"
    relation = _WORDS[row["direction"]].format(against=row["against"])
    return f"{row['variant']}, {metric} on {row['attribute']}: {relation}{size}"


def _difference(row: Any) -> str:
    if isnan(row["difference"]):
        return NOT_ESTIMABLE
    text = f"{100 * row['difference']:+z.2f}"
    if isnan(row["low"]):
        return text
    return f"{text} [{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"


def _beside(row: Any) -> str:
    parts = [row["note"], row["reason"], row["would_decide"]]
    return ". ".join(text[:1].upper() + text[1:] for text in parts if text)


def _lost(found: Comparison | None) -> Iterator[str]:
    lost = [] if found is None else found.runs[found.runs["state"] != "done"].to_dict("records")
    if lost:
        yield f"{len(lost)} runs have no result:"
        yield ""
        columns = ("variant", "trained_on", "protocol", "dataset", "seed", "state", "message")
        body = [["" if pd.isna(r[c]) else str(r[c]) for c in columns] for r in lost]
        yield from table([column.replace("_", " ") for column in columns], body)


def _recommendations(judged: pd.DataFrame) -> Iterator[str]:
    yield "## Recommendations"
    yield ""
    yield TO_AUTHOR.format(ADVICE)
    yield ""
    undecided = judged[judged["status"] == Status.UNDECIDED.value]
    untested = judged[judged["status"] == Status.NOT_TESTED.value]
    if not undecided.empty:
        yield (
            f"- {len(undecided)} claims are undecided, which is neither support nor refutation; "
            "what would decide them stands with the results."
        )
    missing: dict[str, Sequence[str]] = {
        str(name): sorted({str(v) for v in part["variant"]})
        for name, part in untested.groupby("dataset")
    }
    for name, variants in missing.items():
        yield f"- Runs that are missing on {escape(name)}: {escape(', '.join(variants))}."
