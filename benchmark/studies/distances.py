"""The reproduction's distance table: each variant's selected epoch, group by group.

Bakker et al., arXiv 2509.06535, 2025: do terms that are to bring the groups' similarities together
do so? Beside the distance stand what chance makes of groups of that size, and what part of a
change is no more than a change of the spread of all scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.report.blocks import Part, attributes_of, blocks_of
from benchmark.report.cells import MISSING
from benchmark.report.model import Block, Cell, Column, Paragraph, Section, Table
from benchmark.studies.similarity_distances import PARTS, changes, group_distances
from benchmark.studies.study import Study

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

DEFINITION = (
    "The distance of a group is ½·W₂² between the scores s·⟨I, T⟩ of its test pairs (notes, not "
    "class prompts; s is the logit scale) and those of all test pairs, exact by sorting, after the "
    "selected epoch. It is what the reproduction's geomloss Sinkhorn divergence (p = 2, blur 1e-4, "
    "scaling 0.95) tends to with blur and iterations, not its number: that one starts from a fixed "
    "diameter of 2, and on recorded scores with s = 100 gives 0.41 to 0.98 of the distance shown "
    "here. Published distances have an unknown scale and stand beside none of these."
)
READING = (
    "A distance falls when groups move together, and as well when the scores of everyone move "
    "closer to each other or s falls. So σ, the standard deviation of all scores, stands beside "
    "it, the second table gives W₂ in units of σ, and the last one parts each change in two. "
    "Nothing here has a verdict; intervals are 95% Student t over seeds and not corrected for "
    "their number."
)
RATIOS = ("total distance", "= spread σ²", "× distance at equal σ")
"""Headings of `PARTS`."""


def study(found: Comparison) -> Study:
    """Return the tables of distances, and of their changes against the baseline."""
    groups = group_distances(found)
    changed = changes(found, groups)
    blocks = blocks_of(groups)
    parts = [_block(found, block, _within(changed, block), len(blocks) > 1) for block in blocks]
    inside: Sequence[Block] = parts if len(parts) > 1 else parts[0].blocks if parts else ()
    section = Section(
        "distances",
        "Distances of groups' similarities",
        (Paragraph(DEFINITION), Paragraph(READING), *inside),
    )
    return Study("distances", section, {"groups": groups, "changes": changed})


def _within(table: pd.DataFrame, block: Part) -> pd.DataFrame:
    first = block.rows.iloc[0]
    same = (table["test_set"] == first["test_set"]) & (table["weights"] == first["weights"])
    rows: pd.DataFrame = table.loc[same]
    return rows


def _block(found: Comparison, block: Part, changed: pd.DataFrame, several: bool) -> Section:
    where = f"{block.anchor}--" if several else ""
    tables: list[Block] = []
    for part in attributes_of(block.rows):
        tables += _attribute(found, part, f"{where}{part.anchor}")
    if not changed.empty:
        tables.append(_changes(found, changed, where))
    return Section(f"distances-{block.anchor}-section", block.title, tuple(tables))


def _attribute(found: Comparison, part: Part, where: str) -> Iterator[Table]:
    """Yield the distances of one attribute's groups, as they are and in units of σ."""
    rows = part.rows[part.rows["group"] != ""]
    sizes = {str(g): int(n.iloc[0]) for g, n in rows.groupby("group", sort=False)["n"]}
    arms = [of for _, of in part.rows.groupby("arm", sort=False)]
    arms.sort(key=lambda of: of["variant"].iloc[0] != found.baseline)
    names = _names(part.rows)
    headings = tuple(Column(f"group:{g}", f"{g} (n = {n})", True) for g, n in sizes.items())
    seeds, spread = Column("seeds", "seeds", True), Column("sd", "σ", True)
    reasons = tuple(sorted({str(r) for r in part.rows["reason"] if r}))
    yield Table(
        f"distances-{where}",
        f"Distance of each group of {part.title} from everyone, mean ± standard deviation over "
        "seeds.",
        (*_columns(names), seeds, spread, *headings),
        tuple(
            (
                *_name_cells(of, names),
                _count(of.loc[of["distance"].notna(), "run"].nunique()),
                _level(of.drop_duplicates("run")["sd"]),
                *(_level(of.loc[of["group"] == group, "distance"]) for group in sizes),
            )
            for of in arms
        ),
        tuple(f"{MISSING}: {reason}" for reason in reasons),
    )
    chance = ("groups drawn at random", *[""] * (len(names) - 1))
    by_chance = (_mean(rows.loc[rows["group"] == g, "relative_permuted"]) for g in sizes)
    yield Table(
        f"distances-{where}-relative",
        f"The same as W₂ in units of σ, by {part.title}: distance without scale.",
        (*_columns(names), *headings),
        (
            *(
                (
                    *_name_cells(of, names),
                    *(_level(of.loc[of["group"] == group, "relative"]) for group in sizes),
                )
                for of in arms
            ),
            (*map(Cell, chance), *by_chance),
        ),
        ("The last row is the mean over all runs: what groups of these sizes have by chance.",),
    )


def _changes(found: Comparison, changed: pd.DataFrame, where: str) -> Table:
    names = ["variant", *(["protocol"] if len(set(changed["protocol"])) > 1 else []), "attribute"]
    reasons = sorted({str(reason) for reason in changed["reason"] if reason})
    return Table(
        f"distances-{where}changes",
        f"Ratio to {found.baseline} of the distance summed over groups, and its two factors: "
        "geometric mean over seeds with interval.",
        (
            *_columns(names),
            Column("pairs", "pairs", True),
            *(Column(part, heading, True) for part, heading in zip(PARTS, RATIOS, strict=True)),
        ),
        tuple(
            (
                *(Cell(str(row[name])) for name in names),
                _count(row["n_pairs"]),
                *(_ratio(row[p], row[f"{p}_low"], row[f"{p}_high"], row["reason"]) for p in PARTS),
            )
            for row in changed.to_dict("records")
        ),
        (
            "Below 1: smaller than with the baseline. Attribute: whose groups are summed over.",
            *(f"{MISSING}: {reason}" for reason in reasons),
        ),
    )


def _names(rows: pd.DataFrame) -> list[str]:
    """Return the columns that tell arms apart."""
    several = [name for name in ("protocol", "selection") if len(set(rows[name])) > 1]
    return ["variant", "trained_on", *several]


def _columns(names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(Column(name, name.replace("_", " "), filtered=True) for name in names)


def _name_cells(rows: pd.DataFrame, names: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(Cell(str(rows[name].iloc[0])) for name in names)


def _count(n: int) -> Cell:
    return Cell(str(n), float(n))


def _level(values: pd.Series[float]) -> Cell:
    known = values.dropna().to_numpy(dtype=np.float64)
    if not len(known):
        return Cell(MISSING)
    mean = float(known.mean())
    text = f"{mean:.3g}"
    return Cell(f"{text} ± {known.std(ddof=1):.2g}" if len(known) > 1 else text, mean)


def _mean(values: pd.Series[float]) -> Cell:
    known = values.dropna()
    return Cell(f"{known.mean():.3g}", float(known.mean())) if len(known) else Cell(MISSING)


def _ratio(value: float, low: float, high: float, reason: str) -> Cell:
    if np.isnan(value):
        return Cell(MISSING, hint=reason)
    text = f"{value:.3g}"
    return Cell(text if np.isnan(low) else f"{text} [{low:.3g}, {high:.3g}]", value)
