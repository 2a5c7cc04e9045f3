"""Sentences that go with the tables: what seeds allow, what is missing, what is confounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from scipy import stats

from benchmark.report.cells import NOT_ESTIMABLE
from benchmark.report.model import Block, Bullets, Paragraph
from benchmark.stats.paired import smallest_sign_flip_p

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

LEVEL = 0.05


def runs_statement(found: Comparison) -> str:
    """Return what was run: variants, seeds, data, models, and how many runs are lost."""
    runs = found.runs
    lost = int((runs["state"] != "done").sum())
    variants = runs["variant"].nunique()
    seeds = sorted(set(runs["seed"].dropna().astype(int)))
    where = runs[["dataset", "model"]].drop_duplicates()
    on = "; ".join(f"{data} with {model}" for data, model in where.itertuples(index=False))
    return (
        f"{_many(len(runs), 'run')}{f', {lost} of them without a result,' if lost else ''} of "
        f"{_many(variants, 'variant')} on {on}; {_seeds(seeds)}."
    )


def status_statement(verdicts: pd.DataFrame) -> Iterator[str]:
    """Yield how many claims were planned, and how many were not and why."""
    if not verdicts.empty:
        for status, n in verdicts["status"].value_counts(sort=False).items():
            yield f"{_many(n, 'claim')} {status}."


def seed_statement(found: Comparison) -> Iterator[str]:
    """Yield how many seeds there are and what so many can show at all."""
    paired = found.summary[found.summary["pairing"] == "by seed"]
    pairs = sorted({int(n) for n in paired["n_pairs"] if n > 0})
    if not pairs:
        yield (
            "No run shares a seed with a run of the baseline: no difference here is between "
            "two trainings alike but for the method, so every test takes the sides as unpaired "
            "and needs more seeds."
        )
    yield from map(what_seeds_allow, pairs)


def what_seeds_allow(n: int) -> str:
    """Return what n paired seeds can and cannot show, as one or two sentences."""
    p = smallest_sign_flip_p(n)
    text = f"{n} paired seed{'s' if n > 1 else ''}: "
    if n == 1:
        return text + "no standard deviation and no interval can be given; nothing is shown."
    half = stats.t.ppf(1 - LEVEL / 2, n - 1) / n**0.5
    text += (
        f"the 95% interval reaches {half:.2f} standard deviations of the difference to each "
        f"side, and an exact paired permutation test cannot give a two-sided p below {p:.2g}"
    )
    if p > LEVEL:
        text += f", so by it no difference, however large, is significant at {LEVEL:g}"
    return text + ". An interval that covers 0 does not show that two methods are equal."


def missing_lines(rows: pd.DataFrame, headings: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Yield why cells of an attribute's table have no number.

    Args:
        rows: The attribute's part of the summary, under the main rule.
        headings: (metric, group) → heading of the table's columns.
    """
    everyone = set(rows["arm"])
    of_reason: dict[str, tuple[set[str], list[str]]] = {}
    for row in rows[rows["mean"].isna()].to_dict("records"):
        heading = headings.get((row["metric"], row["group"]))
        if heading is not None:
            arms, columns = of_reason.setdefault(row["reason"], (set(), []))
            arms.add(row["arm"])
            columns += [heading] if heading not in columns else []
    for reason, (arms, columns) in of_reason.items():
        labels = rows.loc[rows["arm"].isin(arms), "variant"].drop_duplicates()
        who = "" if arms == everyone else f" for {', '.join(labels)}"
        yield f"{NOT_ESTIMABLE}{who} ({', '.join(columns)}): {reason}"
    level = rows[(rows["metric"] == "auc") & ~rows["is_baseline"] & rows["mean"].notna()]
    for row in level[level["n_pairs"] == 0].to_dict("records"):
        why = f"no seed in common with {row['baseline']}" if row["baseline"] else "no baseline here"
        yield f"no paired difference for {row['variant']}: {why}"


def degenerate_lines(rows: pd.DataFrame, threshold: str) -> Iterator[str]:
    """Yield which arms' decisions say little, from an attribute's part of the summary."""
    found = rows[(rows["metric"] == "degenerate") & (rows["group"] == "") & (rows["mean"] > 0)]
    protocols = rows.loc[rows["trains"], "protocol"].nunique()
    names = []
    for row in found.to_dict("records"):
        under = f", {row['protocol']}" if protocols > 1 else ""
        seeds = f" ({round(row['mean'] * row['n_seeds'])} of {row['n_seeds']} seeds{under})"
        names.append(row["variant"] + (seeds if row["trains"] else ""))
    if names:
        yield (
            f"Degenerate at threshold {threshold}, with under 5% or over 95% of some group "
            f"predicted positive, so that DPD and DEOdds mean little: {', '.join(names)}"
        )


def confounded_blocks(block: pd.DataFrame) -> Iterator[Block]:
    """Yield the legend of rows whose difference to the baseline is confounded."""
    rows = block[block["confounded"] != ""]
    if rows.empty:
        return
    yield Paragraph(
        "† Confounded: not trained under the baseline's conditions, so the difference is not "
        "that of the methods and gets no verdict."
    )
    columns = ["variant", "protocol", "confounded"]
    yield Bullets(
        tuple(
            f"{label} ({protocol}): differs in {keys}"
            for label, protocol, keys in rows[columns].drop_duplicates().itertuples(index=False)
        )
    )


def _seeds(seeds: Sequence[int]) -> str:
    if not seeds:
        return "no seeds"
    whole = list(range(seeds[0], seeds[-1] + 1))
    named = f"{seeds[0]} to {seeds[-1]}" if whole == seeds else ", ".join(map(str, seeds))
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds ({named})"


def _many(n: int, name: str) -> str:
    return f"{n} {name}{'' if n == 1 else 's'}"


def enumerated(names: Sequence[str]) -> str:
    """Return at least one name as a text lists them: `a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
