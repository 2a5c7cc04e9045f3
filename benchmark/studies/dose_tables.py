"""The study of doses as tables of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isnan

import pandas as pd

from benchmark.metrics.catalogue import METRICS as CATALOGUE
from benchmark.report.cells import MISSING, NOT_ESTIMABLE, Row, number_cell, points
from benchmark.report.model import Cell, Column, Table
from benchmark.report.verdict_table import DEGENERATE, metric_name, p_cell
from benchmark.studies.response_values import METRICS

DISTANCE = (
    "Distance: Σ over groups of ½·W₂² between the group's test scores s·⟨I, T⟩ and everyone's, "
    "after the selected epoch. It falls as well when all scores shrink."
)
RATIO = (
    "Gradient ratio: norm of the weighted term's gradient over that of the contrastive loss, at "
    "the features of the main batch, mean over epochs and runs: the λ of a relative weight."
)


def response_table(rows: pd.DataFrame, id: str) -> Table:
    """Return one row for each series and dose, the baseline first.

    Args:
        rows: Of `responses`, of one attribute.
        id: Of the table.
    """
    first = rows.iloc[0]
    columns = (
        Column("series", "variant", filtered=True),
        Column("dose", first["dose_name"], numeric=True),
        Column("finished", "runs"),
        Column("gradient_ratio", "gradient ratio", numeric=True),
        *(Column(metric, _heading(metric), numeric=True) for metric in METRICS),
    )
    body = []
    for _, part in rows.groupby(["series", "dose"], sort=False, dropna=False):
        by_metric = {row["metric"]: row for row in part.to_dict("records")}
        row = by_metric[METRICS[0]]
        base = isnan(row["dose"])
        body.append(
            (
                Cell(f"{row['baseline']} (baseline)" if base else str(row["series"])),
                number_cell(row["dose"], "{:g}"),
                Cell(f"{row['n_done']} of {row['n_runs']}"),
                number_cell(row["gradient_ratio"], "{:.3g}"),
                *(_marked(_cell(by_metric[metric], base), by_metric[metric]) for metric in METRICS),
            )
        )
    # One baseline serves all series; it is shown once, first.
    unique = {tuple(cell.text for cell in row): row for row in sorted(body, key=_baseline_first)}
    notes = [
        "Distances are means; of metrics the baseline's row has the mean in percent, the others "
        "the difference to it in percentage points.",
        DISTANCE,
        RATIO,
    ]
    if rows["n_degenerate"].any():
        notes.append(
            f"{DEGENERATE}: in at least one run a group is predicted almost all one class, which "
            "makes gaps small without fairness; `dose-response-responses.csv` has how many."
        )
    if (first["confounded"] or "") != "":
        notes.append(f"No differences: the baseline differs in {first['confounded']}.")
    caption = f"Response by {first['dose_name']} on {first['attribute']}, {first['protocol']}."
    return Table(id, caption, columns, tuple(unique.values()), tuple(notes))


def trend_table(rows: pd.DataFrame, id: str) -> Table:
    """Return one row for each trend.

    Args:
        rows: Of `trends`.
        id: Of the table.
    """
    first = rows.iloc[0]
    columns = (
        Column("series", "variant", filtered=True),
        Column("attribute", "attribute", filtered=True),
        Column("metric", "metric", filtered=True),
        Column("over", f"over {first['dose_name']}"),
        Column("n", "seeds × doses"),
        Column("slope", "slope for each decade", numeric=True),
        Column("p", "p", numeric=True),
        Column("p_adjusted", "p, Holm", numeric=True),
        Column("page", "rank correlation", numeric=True),
    )
    body = []
    notes = []
    for row in rows.to_dict("records"):
        over = f"{row['lowest']:g} to {row['highest']:g}" if row["doses"] else MISSING
        body.append(
            (
                Cell(str(row["series"])),
                Cell(str(row["attribute"])),
                Cell(_heading(str(row["metric"]))),
                Cell(over),
                Cell(f"{row['seeds']} × {row['doses']}"),
                _slope(row),
                p_cell(row["p"]),
                p_cell(row["p_adjusted"]),
                number_cell(row["page"], "{:+.2f}"),
            )
        )
        for why in (row["left_out"], row["reason"]):
            if why:
                where = f"{row['series']}, {row['attribute']}, {_heading(str(row['metric']))}"
                notes.append(f"{where}: {why}.")
    notes = [
        "Slopes: percentage points of a metric, and units of the distance, for ten times the dose.",
        "Rank correlation of dose and value within seeds, +1 if every seed rises with every dose.",
        *dict.fromkeys(notes),
    ]
    caption = f"Trends over {first['dose_name']}, {first['protocol']}."
    return Table(id, caption, columns, tuple(body), tuple(notes))


def trend_statements(trends: pd.DataFrame, alpha: float) -> Iterator[str]:
    """Yield how many trends are shown, and each of those with its slope.

    Args:
        trends: What `benchmark.studies.dose_trends.trends` returns.
        alpha: The level at which one is shown, after Holm's correction.
    """
    tested = trends[trends["p_adjusted"].notna()]
    if tested.empty:
        return
    shown = tested[tested["p_adjusted"] <= alpha]
    yield (
        f"{len(shown)} of {len(tested)} trends over doses are shown (Holm's p at most {alpha:g})"
        f"{'; the others are not known yet' if len(shown) < len(tested) else ''}."
    )
    for row in shown.to_dict("records"):
        unit = " points" if row["metric"] in CATALOGUE else ""
        yield (
            f"{row['series']}, {row['attribute']}: {_heading(row['metric'])} changes by "
            f"{_slope(row).text}{unit} for each tenfold {row['dose_name']}."
        )


def _heading(metric: str) -> str:
    return metric_name(metric) if metric in CATALOGUE else metric


def _baseline_first(row: tuple[Cell, ...]) -> bool:
    return not row[0].text.endswith(" (baseline)")


def _cell(row: Row, base: bool) -> Cell:
    """Return a mean with its interval, or a metric's difference to the baseline with it."""
    if row["metric"] not in CATALOGUE:
        return _interval(row, "mean", ("mean_low", "mean_high"))
    if base:
        return number_cell(row["mean"], "{:.2%}") if not isnan(row["mean"]) else Cell(NOT_ESTIMABLE)
    if isnan(row["difference"]):
        return Cell(NOT_ESTIMABLE)
    return Cell(points(row["difference"], row["low"], row["high"]), float(row["difference"]))


def _marked(cell: Cell, row: Row) -> Cell:
    gap = row["metric"] in ("dpd", "deodds") and row["n_degenerate"] > 0
    return replace(cell, text=f"{cell.text} {DEGENERATE}") if gap else cell


def _slope(row: Row) -> Cell:
    if isnan(row["slope"]):
        return Cell(NOT_ESTIMABLE)
    if row["metric"] in CATALOGUE:
        return Cell(points(row["slope"], row["low"], row["high"]), float(row["slope"]))
    return _interval(row, "slope", ("low", "high"), "+.3g")


def _interval(row: Row, name: str, ends: tuple[str, str], form: str = ".3g") -> Cell:
    value, low, high = (float(row[key]) for key in (name, *ends))
    if isnan(value):
        return Cell(NOT_ESTIMABLE)
    text = f"{value:{form}}"
    return Cell(text if isnan(low) else f"{text} [{low:{form}}, {high:{form}}]", value)
