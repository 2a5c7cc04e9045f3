"""Published numbers beside ours, as a section of the comparison's report."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING, Any

from benchmark.published.matching import PUBLISHED_THRESHOLD
from benchmark.report.blocks import anchors
from benchmark.report.cells import MISSING
from benchmark.report.model import Block, Bullets, Cell, Column, Paragraph, Section, Table
from benchmark.report.published_table import difference, level, metric_of
from benchmark.report.verdict_table import p_cell

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

COLUMNS = (
    *(
        Column(name, heading, filtered=True)
        for name, heading in {
            "variant": "variant",
            "protocol": "protocol",
            "selection": "rule",
            "attribute": "attribute",
            "metric": "metric",
        }.items()
    ),
    Column("published", "published", numeric=True),
    Column("ours", "ours", numeric=True),
    Column("within", "within prediction"),
    Column("difference", "difference", numeric=True),
    Column("p_adjusted", "p (Holm)", numeric=True),
    Column("reach", "seeds that reach it", numeric=True),
    Column("best_of_k", "best of k", numeric=True),
)


def published_section(found: Comparison) -> Iterator[Section]:
    """Yield the section; nothing where no number was published about the runs' dataset."""
    beside = found.published
    if beside.table.empty and not beside.without:
        return
    blocks: list[Block] = []
    if not beside.table.empty:
        n = int(beside.table["p"].notna().sum())
        blocks.append(
            Paragraph(
                "Numbers as printed stand beside runs on the same dataset, architecture and "
                "initial weights, of the variant with no key changed, on the same attribute; the "
                "training protocol and the selection rule may differ and are shown. Mean ± "
                "standard deviation in percent (number of seeds). Within prediction: whether the "
                "published mean lies in the 95% prediction interval for a mean of as many seeds "
                "like ours; of many cells one in twenty falls outside by chance. Difference: ours "
                "minus published in points, with Welch's 95% interval; p adjusted over the "
                f"{n} tests of this section (Holm). Best of k: what reporting the best of k of our "
                "seeds would give on average."
            )
        )
        if found.threshold != PUBLISHED_THRESHOLD:
            blocks.append(
                Paragraph(
                    f"Decisions here are by threshold {found.threshold}, those published by "
                    f"{PUBLISHED_THRESHOLD}: DPD and DEOdds are not compared."
                )
            )
        blocks += _tables(found)
    reasons: dict[str, list[str]] = {}
    for arm, reason in beside.without.items():
        reasons.setdefault(reason, []).append(arm)
    if reasons:
        lines = [
            f"no published number beside {', '.join(arms)}: {reason}"
            for reason, arms in reasons.items()
        ]
        blocks.append(Bullets(tuple(lines)))
    yield Section("published-section", "Published numbers beside ours", tuple(blocks))


def _tables(found: Comparison) -> Iterator[Table]:
    """Yield a table for each table of each source, dataset and model."""
    groups = found.published.table.groupby(["source", "table", "dataset", "model"])
    titles = [
        f"{source}, table {name}: {dataset}, {model}"
        for (source, name, dataset, model), _ in groups
    ]
    for title, anchor, (_, rows) in zip(titles, anchors(titles), groups, strict=True):
        cells = tuple(_cells(row) for row in rows.to_dict("records"))
        yield Table(f"published-{anchor}", f"{title}.", COLUMNS, cells)


def _cells(row: Any) -> tuple[Cell, ...]:
    k = "" if isnan(row["published_n"]) else f" (k = {int(row['published_n'])})"
    within = MISSING
    if row["within"]:
        low, high = 100 * row["prediction_low"], 100 * row["prediction_high"]
        within = f"{row['within']} [{low:.2f}, {high:.2f}]"
    best = row["best_of_k"]
    return (
        *(Cell(row[name]) for name in ("variant", "protocol", "selection", "attribute")),
        Cell(metric_of(row)),
        Cell(level(row["published"], row["published_sd"], row["published_n"]), row["published"]),
        Cell(level(row["ours"], row["ours_sd"], row["ours_n"]), row["ours"]),
        Cell(within),
        Cell(difference(row), row["difference"]),
        p_cell(row["p_adjusted"]),
        Cell(f"{row['reach']} of {row['ours_n']}", float(row["reach"])),
        Cell(MISSING) if isnan(best) else Cell(f"{100 * best:.2f}{k}", best),
    )
