"""Published numbers beside ours, as a section of the comparison's report."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING, Any

from benchmark.published.matching import PUBLISHED_THRESHOLD
from benchmark.report.cells import escape, table
from benchmark.report.published_table import difference, level, metric_of
from benchmark.report.verdict_table import p_text

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

COLUMNS = (
    "variant",
    "protocol",
    "rule",
    "attribute",
    "metric",
    "published",
    "ours",
    "within prediction",
    "difference",
    "p (Holm)",
    "seeds that reach it",
    "best of k",
)


def published_lines(found: Comparison) -> Iterator[str]:
    """Yield the section; nothing where no number was published about the runs' dataset."""
    beside = found.published
    if beside.table.empty and not beside.without:
        return
    yield "## Published numbers beside ours"
    yield ""
    if not beside.table.empty:
        n = int(beside.table["p"].notna().sum())
        yield (
            "Numbers as printed stand beside runs on the same dataset, architecture and initial "
            "weights, of the variant with no key changed, on the same attribute; the training "
            "protocol and the selection rule may differ and are shown. Mean ± standard deviation "
            "in percent (number of seeds). Within prediction: whether the published mean lies in "
            "the 95% prediction interval for a mean of as many seeds like ours; of many cells one "
            "in twenty falls outside by chance. Difference: ours minus published in points, with "
            f"Welch's 95% interval; p adjusted over the {n} tests of this section (Holm). Best of "
            "k: what reporting the best of k of our seeds would give on average."
        )
        yield ""
    if not beside.table.empty and found.threshold != PUBLISHED_THRESHOLD:
        yield (
            f"Decisions here are by threshold {found.threshold}, those published by "
            f"{PUBLISHED_THRESHOLD}: DPD and DEOdds are not compared."
        )
        yield ""
    if not beside.table.empty:
        for names, rows in beside.table.groupby(["source", "table", "dataset", "model"]):
            source, name, dataset, model = (escape(str(part)) for part in names)
            yield f"### {source}, table {name}: {dataset}, {model}"
            yield ""
            yield from table(COLUMNS, [_cells(row) for row in rows.to_dict("records")])
    reasons: dict[str, list[str]] = {}
    for arm, reason in beside.without.items():
        reasons.setdefault(reason, []).append(arm)
    for reason, arms in reasons.items():
        yield f"- no published number beside {escape(', '.join(arms))}: {escape(reason)}"
    if reasons:
        yield ""


def _cells(row: Any) -> list[str]:
    k = "" if isnan(row["published_n"]) else f" (k = {int(row['published_n'])})"
    within = "–"
    if row["within"]:
        low, high = 100 * row["prediction_low"], 100 * row["prediction_high"]
        within = f"{row['within']} [{low:.2f}, {high:.2f}]"
    return [
        row["variant"],
        row["protocol"],
        row["selection"],
        row["attribute"],
        metric_of(row),
        level(row["published"], row["published_sd"], row["published_n"]),
        level(row["ours"], row["ours_sd"], row["ours_n"]),
        within,
        difference(row),
        p_text(row["p_adjusted"]),
        f"{row['reach']} of {row['ours_n']}",
        "–" if isnan(row["best_of_k"]) else f"{100 * row['best_of_k']:.2f}{k}",
    ]
