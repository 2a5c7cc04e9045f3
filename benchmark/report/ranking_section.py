"""Many methods over many blocks: average ranks, Friedman, critical difference, pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.metrics.catalogue import METRICS
from benchmark.report.cells import escape, table
from benchmark.report.verdict_table import BLOCK, metric_name
from benchmark.stats.friedman import friedman, nemenyi_cd, pairwise, refusal

if TYPE_CHECKING:
    from benchmark.comparison import Comparison


def ranking_lines(found: Comparison) -> Iterator[str]:
    """Yield the section as Markdown; one sentence where there is nothing to rank.

    A block is a test set with a model. Attributes are ranked apart, because they share patients
    and runs. Only variants with a value in every block take part; confounded ones do not.
    """
    rows = found.summary
    rows = rows[rows["main_rule"] & (rows["group"] == "") & (rows["confounded"] == "")]
    yield "## Ranks over blocks"
    yield ""
    reasons: dict[str, list[str]] = {}
    for metric in found.analysis.primary:
        for attribute, part in rows[rows["metric"] == metric].groupby("attribute", sort=False):
            levels = part.pivot_table(index=BLOCK, columns="variant", values="mean", sort=False)
            levels = levels.dropna(axis="columns")
            reason = refusal(len(levels), levels.shape[1])
            what = f"{metric_name(metric)} by {attribute}"
            if reason:
                reasons.setdefault(reason, []).append(what)
            else:
                yield from _ranks(levels, metric, what, found.analysis.alpha)
    for reason, names in reasons.items():
        yield f"- Not ranked ({escape(', '.join(names))}): {escape(reason)}."
    if reasons:
        yield ""


def _ranks(levels: pd.DataFrame, metric: str, what: str, alpha: float) -> Iterator[str]:
    """Yield ranks, tests and pairs of one metric and attribute; levels are (blocks, variants)."""
    values = levels.to_numpy(dtype=float)
    more_is_better = METRICS[metric].direction == "up"
    test = friedman(values, higher_is_better=more_is_better)
    yield f"### {escape(what)}"
    yield ""
    if test.reason:
        yield f"No test: {escape(test.reason)}."
    else:
        exact = "" if test.p_exact != test.p_exact else f", exact p {test.p_exact:.3g}"
        cd = nemenyi_cd(test.n_methods, test.n_blocks, alpha)
        yield (
            f"{test.n_blocks} blocks. Friedman χ² {test.chi2:.2f} (ties corrected), Iman–Davenport "
            f"F({test.df1}, {test.df2}) {test.f:.2f}, p {test.p_f:.3g}{exact}. Average ranks "
            f"closer than {cd:.2f} do not differ (Nemenyi, {alpha:g})."
        )
    yield ""
    ranked = sorted(zip(test.average_ranks, levels.columns, strict=True))
    yield from table(["variant", "average rank"], [[name, f"{rank:.2f}"] for rank, name in ranked])
    names = list(levels.columns)
    pairs = pairwise(values, higher_is_better=more_is_better)
    yield from table(
        ["pair", "rank difference", "p Nemenyi", "p Wilcoxon (Holm)"],
        [
            [
                f"{names[pair.first]} – {names[pair.second]}",
                f"{pair.rank_difference:+.2f}",
                f"{pair.p_nemenyi:.3g}",
                f"{pair.p_wilcoxon_holm:.3g}",
            ]
            for pair in pairs
        ],
    )
