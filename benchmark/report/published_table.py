"""What published tables support on their own, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

import pandas as pd

from benchmark.published.cells import UNITLESS, Cell
from benchmark.published.es_auc_check import INSIDE, NOT_CHECKED, OUTSIDE
from benchmark.published.retest import BETTER, FAMILY, NO_TEST, NOT_SHOWN, WORSE
from benchmark.published.sources import SOURCES
from benchmark.report.cells import escape, table
from benchmark.report.verdict_table import metric_name, p_text


def source_list(cells: Sequence[Cell]) -> Iterator[tuple[str, str, str]]:
    """Yield source, its tables with their counts, and its title."""
    counts: dict[str, dict[str, int]] = {}
    for cell in cells:
        tables = counts.setdefault(cell.source, {})
        tables[cell.table] = tables.get(cell.table, 0) + 1
    for source, tables in counts.items():
        title = SOURCES[source].title if source in SOURCES else "(a file of your own)"
        held = ", ".join(f"{name}: {n} numbers" for name, n in tables.items())
        yield source, held, title


def source_markdown(
    source: str,
    cells: Sequence[Cell],
    claims: pd.DataFrame,
    es_auc: pd.DataFrame,
    alpha: float,
) -> str:
    """Return the report on one source.

    Args:
        source: Its name.
        cells: Its numbers.
        claims: From `retest`.
        es_auc: From `check_es_auc`.
        alpha: Level of each family.
    """
    return "\n".join(_lines(source, cells, claims, es_auc, alpha)).rstrip() + "\n"


def _lines(
    source: str,
    cells: Sequence[Cell],
    claims: pd.DataFrame,
    es_auc: pd.DataFrame,
    alpha: float,
) -> Iterator[str]:
    yield f"# Published numbers of {escape(source)}, tested on their own"
    yield ""
    known = SOURCES.get(source)
    if known is not None:
        yield f"{known.title}. Note: {'; '.join(known.notes)}."
        yield ""
    yield (
        "Each claim that one method is better than another is tested from the printed mean ± "
        "standard deviation and number of seeds by Welch's t (unpaired: a table does not say "
        "which runs shared a seed; had they been paired, a smaller difference could have been "
        f"shown). p is corrected by Holm over all claims of a table, at level {alpha:g}; an AUC "
        "printed with the same numbers for several attributes is one claim. A claim that is not "
        "shown is not refuted. Numbers in percent, differences in points; the interval is of one "
        f"claim ({100 * (1 - alpha):g}%)."
    )
    yield ""
    if claims.empty:
        yield "No table has two methods of which one claims to be better."
        yield ""
    else:
        for names, found in claims.groupby(FAMILY, sort=False):
            yield from _family([str(name) for name in names], found, alpha)
    yield from _es_auc(es_auc)
    untested = [c for c in cells if c.metric in UNITLESS]
    if untested:
        yield f"{len(untested)} distances (sinkhorn) of one run each are not tested."


def _family(names: Sequence[str], found: pd.DataFrame, alpha: float) -> Iterator[str]:
    source, name, protocol = names
    known = SOURCES.get(source)
    what = known.tables.get(name, "") if known else ""
    yield f"## Table {escape(name)}, {protocol}" if name.isdigit() else f"## {name}, {protocol}"
    yield ""
    if what:
        yield f"Holds: {what}."
        yield ""
    tests = int(found["p"].notna().sum())
    yield f"Family: {len(found)} claims, {tests} p-values."
    yield ""
    for (variant, against), part in found.groupby(["variant", "against"], sort=False):
        counts = part["outcome"].value_counts()
        raw = part["p"] <= alpha
        yield (
            f"- {escape(str(variant))} better than {escape(str(against))}: {len(part)} claims; "
            f"the printed means favour it in {int((part['improvement'] > 0).sum())}. "
            f"After correction **{counts.get(BETTER, 0)} are supported**, "
            f"{counts.get(WORSE, 0)} shown to be worse, {counts.get(NOT_SHOWN, 0)} not shown, "
            f"{counts.get(NO_TEST, 0)} not testable; "
            f"without correction {int((raw & (part['improvement'] > 0)).sum())} better and "
            f"{int((raw & (part['improvement'] < 0)).sum())} worse at p ≤ {alpha:g}."
        )
    yield ""
    columns = ["claim", "model", "attribute", "metric", "variant", "against", "difference"]
    body = [_claim_cells(row) for row in found.to_dict("records")]
    yield from table([*columns, "p", "p (Holm)", "supported"], body)


def _claim_cells(row: Any) -> list[str]:
    return [
        f"{row['variant']} better than {row['against']}",
        row["arch"],
        row["attribute"],
        metric_of(row),
        level(row["mean"], row["sd"], row["n"]),
        level(row["mean_against"], row["sd_against"], row["n_against"]),
        difference(row),
        p_text(row["p"]),
        p_text(row["p_adjusted"]),
        {BETTER: "yes", WORSE: "no: worse", NO_TEST: f"no test: {row['reason']}"}.get(
            row["outcome"], "not shown"
        ),
    ]


def _es_auc(found: pd.DataFrame) -> Iterator[str]:
    if found.empty:
        return
    yield "## Is ES-AUC consistent with the AUCs beside it?"
    yield ""
    counts = found["outcome"].value_counts()
    yield (
        "ES-AUC = AUC / (1 + Σ|AUC − group AUC|), recomputed from the printed numbers of its row. "
        "The bounds hold for every set of runs with the printed means and deviations: rounding of "
        "the last digit, and a mean of ES-AUCs that is not the ES-AUC of the means. Inside: the "
        "printed ES-AUC is possible. Outside: it cannot come from the AUCs in its row. "
        f"{counts.get(INSIDE, 0)} inside, **{counts.get(OUTSIDE, 0)} outside**, "
        f"{counts.get(NOT_CHECKED, 0)} not checked."
    )
    yield ""
    body = [
        [
            row["table"],
            row["protocol"],
            row["variant"],
            row["arch"],
            row["attribute"],
            f"{100 * row['printed']:.2f}",
            _percent(row["from_means"]),
            "–" if isnan(row["low"]) else f"{100 * row['low']:.2f} to {100 * row['high']:.2f}",
            f"{row['outcome']}: {row['reason']}" if row["reason"] else row["outcome"],
        ]
        for row in found.to_dict("records")
    ]
    columns = ["table", "protocol", "variant", "model", "attribute", "printed"]
    yield from table([*columns, "from the means", "possible", "outcome"], body)


def metric_of(row: Any) -> str:
    """Return the metric as printed, with its group: "AUC asian ↑"."""
    if row["metric"] == "group_auc":
        return f"AUC {row['group']} ↑"
    return f"{metric_name(row['metric'])} {row['group']}".rstrip()


def level(mean: float, sd: float, n: float | None) -> str:
    """Return `mean ± SD (n)` in percent; what is not known is left out."""
    text = f"{100 * mean:.2f}"
    text += "" if isnan(sd) else f" ± {100 * sd:.2f}"
    return text if n is None or isnan(n) else f"{text} ({int(n)})"


def difference(row: Any) -> str:
    """Return `difference [low, high]` in points."""
    text = f"{100 * row['difference']:+z.2f}"
    if isnan(row["low"]):
        return text
    return f"{text} [{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"


def _percent(value: float) -> str:
    return "–" if isnan(value) else f"{100 * value:.2f}"
