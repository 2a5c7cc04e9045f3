"""Who is on the Pareto front of AUC and fairness, and how surely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.blocks import anchors
from benchmark.report.cells import MISSING, NOT_ESTIMABLE, Row
from benchmark.report.model import Block, Cell, Column, Paragraph, Section, Table
from benchmark.report.verdict_table import metric_name
from benchmark.studies.fronts import PATIENTS, PERFORMANCE, RESAMPLES, SEEDS, fronts
from benchmark.studies.pareto_figure import pareto_figure
from benchmark.studies.study import Study

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

HOW_TO_READ = (
    "An arm is on the front if no other is at least as good in AUC and in the fairness metric and "
    "better in one of them. Its share is that of bootstrap resamples in which it is: of seeds, the "
    f"same for all arms, and of seeds and patients. {RESAMPLES} resamples draw one seed less than "
    "there are, so that the variance of a mean is not too small. A share is no probability of "
    "being on the true front: the means that are resampled hold noise already, and of equal arms "
    "some are always on it. So beside it stands the share that noise alone gives the arm: the same "
    "resamples with all arms moved to one point. Gaps between groups grow by resampling, most "
    "where they are small, which costs fair arms some of their share. Nothing here is a verdict."
)
SET = ["dataset", "test_set", "weights", "model", "baseline_arm", "attribute"]


def study(found: Comparison) -> Study:
    """Return the fronts; a sentence where no two arms can be compared."""
    table = fronts(found)
    parts = list(_parts(table))
    blocks: tuple[Block, ...] = (Paragraph(HOW_TO_READ), *parts)
    if not parts:
        blocks = (Paragraph("No two arms were trained under equal conditions: no front."),)
    return Study("pareto", Section("pareto", "Pareto fronts", blocks), {"fronts": table})


def _parts(table: pd.DataFrame) -> Iterator[Section]:
    """Yield a section for each set of arms that a front compares."""
    groups = [part for _, part in table.groupby(SET, sort=False)]
    titles = [_title(part, table) for part in groups]
    for part, title, anchor in zip(groups, titles, anchors(titles), strict=True):
        numbers = {arm: k for k, arm in enumerate(part["arm"].drop_duplicates(), start=1)}
        rows = part.assign(number=part["arm"].map(numbers))
        where = f"pareto-{anchor}"
        tables = [
            _table(of_metric, f"{where}-{name}")
            for (metric, of_metric), name in zip(
                rows.groupby("fairness", sort=False),
                anchors(map(str, rows["fairness"].drop_duplicates())),
                strict=True,
            )
        ]
        figure = pareto_figure(rows[rows["resampled"] == SEEDS], id=f"{where}-figure", title=title)
        yield Section(where, title, (figure, *tables))


def _title(part: pd.DataFrame, table: pd.DataFrame) -> str:
    """Return the attribute, and whatever tells these arms from others of the study."""
    first = part.iloc[0]
    several = ("dataset", "model", "protocol")
    shown = [str(first[name]) for name in several if (table[name] != first[name]).any()]
    return ", ".join([f"Fronts by {first['attribute']}", *shown])


def _table(rows: pd.DataFrame, id: str) -> Table:
    """Return one row for each arm, of one fairness metric."""
    metric = str(rows["fairness"].iloc[0])
    columns = (
        Column("number", "#", numeric=True),
        Column("variant", "variant", filtered=True),
        Column("auc", metric_name(PERFORMANCE), numeric=True),
        Column("value", metric_name(metric), numeric=True),
        Column("on_front", "on the front", filtered=True),
        Column("share", "share, seeds", numeric=True),
        Column("share_if_equal", "if all were equal", numeric=True),
        Column("share_patients", "share, seeds and patients", numeric=True),
        Column("share_patients_if_equal", "if all were equal", numeric=True),
    )
    body, notes = [], []
    for _, part in rows.groupby("arm", sort=False):
        by_kind = {row["resampled"]: row for row in part.to_dict("records")}
        row = by_kind[SEEDS]
        shares = [
            _share(by_kind.get(kind, {}).get(name))
            for kind in (SEEDS, PATIENTS)
            for name in ("share", "share_if_equal")
        ]
        body.append(
            (
                Cell(str(row["number"]), float(row["number"])),
                Cell(str(row["variant"])),
                _interval(row, "auc"),
                _interval(row, "value"),
                Cell("yes" if row["on_front"] else "no" if row["auc"] == row["auc"] else MISSING),
                *shares,
            )
        )
        if row["reason"]:
            notes.append(f"{row['number']}, {row['variant']}: {row['reason']}.")
    seeds = int(rows["seeds"].iloc[0])
    attribute = rows["attribute"].iloc[0]
    caption = f"{metric_name(PERFORMANCE)} and {metric_name(metric)} by {attribute}, {seeds} seeds."
    legend = "Means in percent, with 95% Student t intervals over seeds."
    return Table(id, caption, columns, tuple(body), (legend, *notes))


def _share(share: float | None) -> Cell:
    if share is None or share != share:
        return Cell(MISSING)
    return Cell(f"{share:.0%}", float(share))


def _interval(row: Row, name: str) -> Cell:
    value, low, high = (row[key] for key in (name, f"{name}_low", f"{name}_high"))
    if value != value:
        return Cell(NOT_ESTIMABLE)
    text = f"{100 * value:.2f}"
    return Cell(text if low != low else f"{text} [{100 * low:.2f}, {100 * high:.2f}]", float(value))
