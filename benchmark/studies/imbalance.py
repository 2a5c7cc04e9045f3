"""What happens to metrics, and to their spread over seeds, where a training group is small.

Arms of one variant that differ in `train_share` alone are a ladder: nested training sets in
which some groups get smaller and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.report.cells import MISSING, points
from benchmark.report.cells import NOT_ESTIMABLE as NO_NUMBER
from benchmark.report.model import Block, Bullets, Cell, Column, Paragraph, Section, Table
from benchmark.report.verdict_table import metric_name
from benchmark.studies.group_sizes import (
    BY_GROUP,
    SLOPE_COLUMNS,
    SPREAD_COLUMNS,
    ladders,
    slopes,
    spreads,
)
from benchmark.studies.imbalance_figure import imbalance_figure
from benchmark.studies.lost import lost_runs
from benchmark.studies.study import Study

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

READING = (
    "Each variant is compared with itself: the same seeds, with fewer training samples of the "
    "named groups and the same of everyone else. Training sets are nested, drawn once, so the "
    "spread over seeds is that of training on one subset, not that of drawing another. Test sets "
    "are equal throughout."
)
TITLE = "Small training groups"
NOTHING = (
    "No variant was trained on two shares of a training group: run one with --set "
    "train_share={race/black: 0.5}, or the suite imbalance."
)
SPREAD_NOTE = (
    "SD over seeds with its 95% χ² interval, which takes values to be roughly normal; slopes "
    "are of log SD on log size: -0.5 where spread falls as that of a mean, 0 where size does "
    "not matter."
)


def study(found: Comparison) -> Study:
    """Return the study: one sentence where no variant was trained on two shares of a group."""
    steps = ladders(found)
    if not steps:
        columns = {"spreads": SPREAD_COLUMNS, "slopes": SLOPE_COLUMNS}
        nothing = {name: pd.DataFrame(columns=names) for name, names in columns.items()}
        return Study("imbalance", Section("imbalance", TITLE, (Paragraph(NOTHING),)), nothing)
    table = spreads(found, steps)
    trend = slopes(table)
    alpha = found.analysis.alpha
    # A share at which every run was lost is in no ladder.
    steps_of = {(arm.label, arm.attributes) for ladder in steps for arm in ladder.arms}
    lost = lost_runs(arm for arm in found.arms if (arm.label, arm.attributes) in steps_of)
    findings = tuple(_findings(table, alpha))
    blocks: list[Block] = [Bullets((*findings, *lost)), Paragraph(READING)]
    blocks += [_levels(table, alpha), _trends(trend), _test_sizes(table, trend)]
    blocks += _figures(table)
    blocks += _degenerate(found, table)
    section = Section("imbalance", TITLE, tuple(blocks))
    return Study("imbalance", section, {"spreads": table, "slopes": trend}, findings)


def _findings(table: pd.DataFrame, alpha: float) -> Iterator[str]:
    """Yield for each ladder what is shown of levels; of spread nothing is tested."""
    for _, part in table.groupby("ladder", sort=False):
        first, sizes = part.iloc[0], part["n_smaller"].drop_duplicates().astype(int)
        name = _name(first)
        head = f"{name}, {first['smaller']} from {sizes.max()} to {sizes.min()} training samples"
        tested = part[part["p"].notna()]
        shown = tested[tested["p_adjusted"] <= alpha]
        if tested.empty:
            yield f"{head}: differences are not estimable."
        elif shown.empty:
            yield (
                f"{head}: no change of a metric is shown yet ({len(tested)} differences, "
                f"smallest adjusted p {tested['p_adjusted'].min():.2f})."
            )
        else:
            what = "; ".join(map(_change, shown.to_dict("records")))
            yield f"{head}: {what}. The other {len(tested) - len(shown)} are not shown yet."


def _degenerate(found: Comparison, table: pd.DataFrame) -> Iterator[Block]:
    """Yield how often a gap says where the threshold falls, not how groups differ."""
    rows = found.per_seed
    attributes = set(table["smaller"].str.partition("/")[0])
    rows = rows[rows["arm"].isin(table["arm"]) & rows["attribute"].isin(attributes)]
    main = found.summary.loc[found.summary["main_rule"], ["arm", "attribute", "selection"]]
    rows = rows.merge(main.drop_duplicates(), on=["arm", "attribute", "selection"])
    rows = rows[(rows["metric"] == "degenerate") & (rows["group"] == "")]
    flags = rows.drop_duplicates(["run", "attribute"])["value"].dropna()
    if flags.any():
        text = (
            f"In {int(flags.sum())} of {len(flags)} runs a group is predicted almost all one "
            "class: DPD and DEOdds then say where the threshold falls among its scores."
        )
        yield Paragraph(text)


def _change(row: dict[Any, Any]) -> str:
    change = points(row["difference"], row["low"], row["high"])
    return f"{_metric(row)} changes by {change} points at {row['n_smaller']:.0f}"


def _name(row: Any) -> str:
    on = f" on {row['trained_on']}" if row["trained_on"] else ""
    return f"{row['variant']}{on}"


def _metric(row: dict[Any, Any]) -> str:
    name = metric_name(row["metric"]).replace("_", " ").replace("auc", "AUC")
    return f"{name}, {row['group']}" if row["group"] else name


def _levels(table: pd.DataFrame, alpha: float) -> Table:
    rows = table[table["attribute"] == table["smaller"].str.partition("/")[0]]
    family = int(table["family"].max())
    missing = rows[rows[["mean", "sd"]].isna().any(axis=1)]
    reasons = dict.fromkeys(r for r in missing["reason"] if r)
    return Table(
        "imbalance-levels",
        "Metrics in percent by the training size of the groups that were made smaller.",
        (
            Column("variant", "variant", filtered=True),
            Column("smaller", "made smaller", filtered=True),
            Column("n_smaller", "training samples", numeric=True),
            Column("metric", "metric", filtered=True),
            Column("mean", "mean", numeric=True),
            Column("sd", "SD [interval]", numeric=True),
            Column("difference", "difference to largest [interval] (n)", numeric=True),
            Column("p_adjusted", "p, Holm", numeric=True),
        ),
        tuple(
            (
                Cell(_name(row)),
                Cell(row["smaller"]),
                Cell(f"{row['n_smaller']:.0f}", float(row["n_smaller"])),
                Cell(_metric(row)),
                _percent(row["mean"], row["reason"]),
                _scatter(row),
                _difference(row),
                _p(row["p_adjusted"], row["is_reference"]),
            )
            for row in rows.to_dict("records")
        ),
        (
            f"Differences are paired by seed; Holm over all {family} of them, shown where p is at "
            f"most {alpha:g}; intervals are not corrected.",
            SPREAD_NOTE,
            *(f"{NO_NUMBER}: {reason}" for reason in reasons),
        ),
    )


def _trends(trend: pd.DataFrame) -> Table:
    rows = trend[trend["against"] == "training size"]
    reasons = dict.fromkeys(r for r in rows["reason"] if r)
    return Table(
        "imbalance-slopes",
        "Slope of log SD over seeds on log training size, along each variant's ladder.",
        (
            Column("variant", "variant", filtered=True),
            Column("metric", "metric", filtered=True),
            Column("sizes", "sizes", numeric=True),
            Column("slope", "slope [interval]", numeric=True),
        ),
        tuple(
            (
                Cell(_name(row)),
                Cell(_metric(row)),
                Cell(f"{row['sizes']:.0f}", float(row["sizes"])),
                _slope(row),
            )
            for row in rows.to_dict("records")
        ),
        (
            "95% intervals follow from the numbers of seeds, and hold for values that are roughly "
            "normal from trainings that are independent. Gaps at a threshold are bounded and often "
            "jump, so their intervals are too short: nothing here is tested.",
            *(f"{NO_NUMBER}: {reason}" for reason in reasons),
        ),
    )


def _test_sizes(table: pd.DataFrame, trend: pd.DataFrame) -> Table:
    rows = table[table["is_reference"] & (table["metric"] == BY_GROUP)]
    slope = trend[trend["against"] == "test size"]
    notes = [
        f"{_name(row)}: slope of log SD on log test size "
        + (f"{row['slope']:+.2f}" if pd.notna(row["slope"]) else f"{NO_NUMBER} ({row['reason']})")
        for row in slope.to_dict("records")
    ]
    return Table(
        "imbalance-test-sizes",
        "SD over seeds of each group's AUC by its size in the test set, largest training set.",
        (
            Column("variant", "variant", filtered=True),
            Column("attribute", "attribute", filtered=True),
            Column("group", "group", filtered=True),
            Column("n_train", "training samples", numeric=True),
            Column("n_test", "test samples", numeric=True),
            Column("sd", "SD [interval]", numeric=True),
        ),
        tuple(
            (
                Cell(_name(row)),
                Cell(row["attribute"]),
                Cell(row["group"]),
                *(Cell(f"{row[n]:.0f}", float(row[n])) for n in ("n_train", "n_test")),
                _scatter(row),
            )
            for row in rows.sort_values(["ladder", "n_test"]).to_dict("records")
        ),
        (
            *notes,
            "Groups share runs and patients and differ in more than size, so this slope has "
            "neither interval nor test.",
        ),
    )


def _percent(value: float, reason: str) -> Cell:
    return Cell(NO_NUMBER, hint=reason) if pd.isna(value) else Cell(f"{100 * value:.2f}", value)


def _scatter(row: dict[Any, Any]) -> Cell:
    if pd.isna(row["sd"]):
        return Cell(NO_NUMBER, hint=row["reason"])
    text = f"{100 * row['sd']:.2f}"
    if pd.notna(row["sd_low"]):
        text += f" [{100 * row['sd_low']:.2f}, {100 * row['sd_high']:.2f}]"
    return Cell(text, float(row["sd"]))


def _difference(row: dict[Any, Any]) -> Cell:
    if row["is_reference"]:
        return Cell(MISSING)
    if pd.isna(row["difference"]):
        return Cell(NO_NUMBER, hint=row["reason"])
    text = points(row["difference"], row["low"], row["high"])
    return Cell(f"{text} ({row['n_pairs']:.0f})", float(row["difference"]))


def _slope(row: dict[Any, Any]) -> Cell:
    if pd.isna(row["slope"]):
        return Cell(NO_NUMBER, hint=row["reason"])
    text = f"{row['slope']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
    return Cell(text, float(row["slope"]))


def _p(value: float, is_reference: bool) -> Cell:
    if pd.isna(value):
        return Cell(MISSING if is_reference else NO_NUMBER)
    return Cell(f"{value:.3f}", float(value))


def _figures(table: pd.DataFrame) -> Sequence[Block]:
    inside = table[table["attribute"] == table["smaller"].str.partition("/")[0]]
    names = inside["smaller"].drop_duplicates().tolist()
    return [
        imbalance_figure(inside[inside["smaller"] == name], f"imbalance-spread-{i + 1}", name)
        for i, name in enumerate(names)
    ]
