"""Dose and response: what a metric does as one numeric key of a method grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.blocks import anchors
from benchmark.report.figures.dose_response import dose_response_figure
from benchmark.report.model import Block, Bullets, Paragraph, Section
from benchmark.studies.dose_tables import response_table, trend_statements, trend_table
from benchmark.studies.dose_trends import trends
from benchmark.studies.doses import DoseSeries, dose_series
from benchmark.studies.response_values import response_values
from benchmark.studies.responses import responses
from benchmark.studies.study import Study

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

HOW_TO_READ = (
    "Arms that are equal but for one number are its doses. Differences are to the baseline, seed "
    "by seed, with 95% Student t intervals over seeds. A trend is the mean over seeds of each "
    "seed's slope over log₁₀ of the dose, tested over seeds; p is corrected by Holm over all "
    "trends of this comparison. Intervals are not corrected, and nothing here is a verdict."
)
GROUP = ["dataset", "test_set", "weights", "model", "protocol", "trained_on", "dose_name"]


def study(found: Comparison) -> Study:
    """Return levels, differences and trends over doses; a sentence where nothing has doses."""
    series = dose_series(found.arms)
    values = response_values(found, series)
    tables = {
        "values": values,
        "responses": responses(found, series, values),
        "trends": trends(series, values),
    }
    parts = list(_parts(tables, series))
    blocks: tuple[Block, ...] = (Paragraph(HOW_TO_READ), *parts)
    if not parts:
        blocks = (Paragraph("No three arms differ in one positive number alone: no doses."),)
    found_trends = tuple(trend_statements(tables["trends"], found.analysis.alpha))
    section = Section("dose-response", "Dose and response", blocks)
    return Study("dose-response", section, tables, found_trends)


def _parts(tables: dict[str, pd.DataFrame], series: Sequence[DoseSeries]) -> Iterator[Section]:
    """Yield a section for each block, protocol and kind of dose."""
    groups = list(tables["responses"].groupby(GROUP, sort=False))
    titles = [_title(rows, tables["responses"]) for _, rows in groups]
    for (key, rows), title, anchor in zip(groups, titles, anchors(titles), strict=True):
        apart = dict(zip(GROUP, key, strict=True))
        values, trend = (_within(tables[name], apart) for name in ("values", "trends"))
        inside = [one for one in series if one.first.runs[0].id in set(rows["arm"])]
        where = f"dose-response-{anchor}"
        figure = dose_response_figure(
            _points(values, str(rows["baseline"].iloc[0])),
            id=f"{where}-figure",
            title=title,
            dose=str(apart["dose_name"]),
        )
        attributes = rows["attribute"].drop_duplicates().tolist()
        of_attributes = [
            response_table(rows[rows["attribute"] == attribute], f"{where}-{attribute_anchor}")
            for attribute, attribute_anchor in zip(attributes, anchors(attributes), strict=True)
        ]
        blocks = (
            *_statements(rows, inside),
            figure,
            trend_table(trend, f"{where}-trends"),
            *of_attributes,
        )
        yield Section(where, title, blocks)


def _points(values: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return the points of a figure; the baseline, one for all series, under its own name."""
    base = values["dose"].isna()
    points = values.assign(variant=values["series"].mask(base, baseline))
    return points[~base | ~points.duplicated(["run", "attribute", "metric"])]


def _title(rows: pd.DataFrame, all_rows: pd.DataFrame) -> str:
    """Return the dose, and whatever tells this part from others of the study."""
    first = rows.iloc[0]
    several = ("dataset", "model", "protocol", "trained_on")
    shown = [str(first[name]) for name in several if (all_rows[name] != first[name]).any()]
    return ", ".join([f"Over {first['dose_name']}", *shown])


def _within(table: pd.DataFrame, apart: dict[str, object]) -> pd.DataFrame:
    same = pd.Series(True, index=table.index)
    for name, value in apart.items():
        same &= table[name] == value
    return table.loc[same]


def _statements(rows: pd.DataFrame, series: Sequence[DoseSeries]) -> Iterator[Block]:
    """Say where runs broke off, and what the runs cannot show."""
    doses = rows[rows["dose"].notna()].drop_duplicates("arm")
    broken = doses[doses["n_done"] < doses["n_runs"]]
    lines = [
        f"{row['series']} at {row['dose_name']} = {row['dose']:g}: {row['n_diverged']} diverged "
        f"and {row['n_failed']} failed of {row['n_runs']} runs ({row['message']})."
        for row in broken.to_dict("records")
    ]
    if lines:
        yield Paragraph("Runs that broke off; none of them is in a mean or a trend:")
        yield Bullets(tuple(lines))
    else:
        total = int(doses["n_runs"].sum())
        yield Paragraph(f"None of the {total} runs with a dose diverged or failed.")
    half = [one.first.conditions for one in series]
    if any(c.get("precision") == "fp16-weights" and c.get("device") == "cpu" for c in half):
        yield Paragraph(
            "The protocol's float16 weights are computed in float32 on a CPU, as these runs were: "
            "they cannot show where float16 overflows."
        )
