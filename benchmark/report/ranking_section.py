"""Many methods over many blocks: average ranks, Friedman, critical difference, pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.report.blocks import BLOCK, anchors
from benchmark.report.cells import number_cell
from benchmark.report.model import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    Paragraph,
    Section,
    Table,
)
from benchmark.report.verdict_table import metric_name
from benchmark.stats.friedman import friedman, nemenyi_cd, pairwise, refusal

if TYPE_CHECKING:
    from benchmark.comparison import Comparison


@dataclass(frozen=True)
class Levels:
    """What can be ranked: one metric on one attribute.

    Attributes:
        metric: Its key.
        attribute: Its name.
        anchor: For ids, unique.
        means: (blocks, variants), over seeds, of variants with a value in every block.
        reason: Why they are not ranked; "" if they are.
    """

    metric: str
    attribute: str
    anchor: str
    means: pd.DataFrame
    reason: str

    @property
    def title(self) -> str:
        """The metric as it is printed, and the attribute."""
        return f"{metric_name(self.metric)} by {self.attribute}"


def levels_to_rank(found: Comparison) -> Iterator[Levels]:
    """Yield each primary metric on each attribute, without confounded variants."""
    rows = found.summary
    rows = rows[rows["main_rule"] & (rows["group"] == "") & (rows["confounded"] == "")]
    names = rows["attribute"].drop_duplicates().tolist()
    of_attribute = dict(zip(names, anchors(names), strict=True))
    for metric in found.analysis.primary:
        for attribute, part in rows[rows["metric"] == metric].groupby("attribute", sort=False):
            values = part.pivot_table(index=BLOCK, columns="variant", values="mean", sort=False)
            values = values.dropna(axis="columns")
            anchor = f"{anchors([metric])[0]}--{of_attribute[str(attribute)]}"
            reason = refusal(len(values), values.shape[1])
            yield Levels(metric, str(attribute), anchor, values, reason)


def ranking_section(found: Comparison, figures: Sequence[Figure] = ()) -> Section:
    """Return the section; one sentence where there is nothing to rank.

    A block is a test set with a model. Attributes are ranked apart, because they share patients
    and runs. Only variants with a value in every block take part; confounded ones do not.
    """
    parts: list[Block] = []
    reasons: dict[str, list[str]] = {}
    for levels in levels_to_rank(found):
        if levels.reason:
            reasons.setdefault(levels.reason, []).append(levels.title)
        else:
            blocks = tuple(_ranks(levels, found.analysis.alpha))
            parts.append(Section(f"ranking-{levels.anchor}-section", levels.title, blocks))
    lines = [f"Not ranked ({', '.join(names)}): {reason}." for reason, names in reasons.items()]
    return Section(
        "ranking-section",
        "Ranks over blocks",
        (*figures, *parts, *([Bullets(tuple(lines))] if lines else [])),
    )


def _ranks(levels: Levels, alpha: float) -> Iterator[Block]:
    """Yield ranks, tests and pairs of one metric and attribute."""
    values = levels.means.to_numpy(dtype=float)
    names = list(levels.means.columns)
    more_is_better = METRICS[levels.metric].direction == "up"
    test = friedman(values, higher_is_better=more_is_better)
    if test.reason:
        yield Paragraph(f"No test: {test.reason}.")
    else:
        exact = "" if test.p_exact != test.p_exact else f", exact p {test.p_exact:.3g}"
        cd = nemenyi_cd(test.n_methods, test.n_blocks, alpha)
        yield Paragraph(
            f"{test.n_blocks} blocks. Friedman χ² {test.chi2:.2f} (ties corrected), Iman–Davenport "
            f"F({test.df1}, {test.df2}) {test.f:.2f}, p {test.p_f:.3g}{exact}. Average ranks "
            f"closer than {cd:.2f} do not differ (Nemenyi, {alpha:g})."
        )
    ranked = sorted(zip(test.average_ranks, names, strict=True))
    yield Table(
        f"ranks-{levels.anchor}",
        "Average rank over the blocks; 1 is best.",
        (Column("variant", "variant"), Column("rank", "average rank", numeric=True)),
        tuple((Cell(name), number_cell(float(rank), "{:.2f}")) for rank, name in ranked),
    )
    yield Table(
        f"rank-pairs-{levels.anchor}",
        "Every pair of variants.",
        (
            Column("pair", "pair"),
            Column("rank_difference", "rank difference", numeric=True),
            Column("p_nemenyi", "p Nemenyi", numeric=True),
            Column("p_wilcoxon", "p Wilcoxon (Holm)", numeric=True),
        ),
        tuple(
            (
                Cell(f"{names[pair.first]} – {names[pair.second]}"),
                number_cell(pair.rank_difference, "{:+.2f}"),
                number_cell(pair.p_nemenyi, "{:.3g}"),
                number_cell(pair.p_wilcoxon_holm, "{:.3g}"),
            )
            for pair in pairwise(values, higher_is_better=more_is_better)
        ),
    )
