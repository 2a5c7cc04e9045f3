"""One sentence for each claim of the primary family, and how many claims ended how.

What would decide an undecided claim stands below the table of verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import pandas as pd

from benchmark.claims.outcome import Status
from benchmark.report.blocks import BLOCK
from benchmark.report.cells import Row
from benchmark.report.model import Answer
from benchmark.report.verdict_table import NAMES
from benchmark.stats.verdict import Verdict
from benchmark.verdicts.judge import NO_VERDICT

NO_VERDICT_NAME = "none"

SHOWN = 12
"""Of more answers than these the others are folded, the decided ones last."""

DECIDED_FIRST = tuple(
    str(name)
    for name in (
        Verdict.BETTER,
        Verdict.WORSE,
        Status.SUPPORTED,
        Status.REFUTED,
        Verdict.BETTER_NEGLIGIBLE,
        Verdict.WORSE_NEGLIGIBLE,
        Verdict.EQUIVALENT,
        Verdict.UNDECIDED,
        Verdict.NOT_ESTIMABLE,
        Status.NOT_TESTED,
    )
)
"""Verdicts in the order in which many answers are listed."""

SENTENCES = {
    Verdict.BETTER: "{variant} is better than {baseline} in {what}",
    Verdict.WORSE: "{variant} is worse than {baseline} in {what}",
    Verdict.EQUIVALENT: "{variant} is equivalent to {baseline} in {what}, within {margin} points",
    Verdict.BETTER_NEGLIGIBLE: (
        "{variant} is better than {baseline} in {what}, by less than the {margin} points that "
        "matter"
    ),
    Verdict.WORSE_NEGLIGIBLE: (
        "{variant} is worse than {baseline} in {what}, by less than the {margin} points that matter"
    ),
    Verdict.UNDECIDED: "Whether {variant} differs from {baseline} in {what} is undecided",
    Verdict.NOT_ESTIMABLE: "{variant} cannot be compared with {baseline} in {what}",
}


def answers_of(verdicts: pd.DataFrame) -> tuple[Answer, ...]:
    """Return an answer for each row of `Comparison.verdicts`, in its order."""
    if verdicts.empty:
        return ()
    blocks = len(verdicts[BLOCK].drop_duplicates()) > 1
    protocols = verdicts.duplicated([*BLOCK, "variant", "attribute", "metric"]).any()
    apart = [*(["dataset", "model"] if blocks else []), *(["protocol"] if protocols else [])]
    return tuple(_answer(row, apart) for row in verdicts.to_dict("records"))


def fold_answers(answers: Sequence[Answer]) -> tuple[Sequence[Answer], Sequence[Answer]]:
    """Return the answers to show and those to fold; a few stay in the report's order."""
    if len(answers) > SHOWN:
        answers = sorted(answers, key=_rank)
    return answers[:SHOWN], answers[SHOWN:]


def counts_of(verdicts: pd.DataFrame) -> str:
    """Return how many claims ended how, such as "7 claims: 1 worse; 6 undecided"."""
    counts = verdicts["verdict"].value_counts()
    found = [f"{counts[v.value]} {v.value}" for v in Verdict if v.value in counts]
    if NO_VERDICT in counts:
        found.append(f"{counts[NO_VERDICT]} without verdict")
    n = len(verdicts)
    return f"{n} claim{'s' if n > 1 else ''}: {'; '.join(found)}"


def _rank(answer: Answer) -> int:
    known = answer.verdict in DECIDED_FIRST
    return DECIDED_FIRST.index(answer.verdict) if known else len(DECIDED_FIRST)


def _answer(row: Row, apart: list[str]) -> Answer:
    where = f" ({', '.join(str(row[name]) for name in apart)})" if apart else ""
    of = "" if row["attribute"] == "all" else f" on {row['attribute']}"
    words = {
        "variant": row["variant"],
        "baseline": row["baseline"] or "a baseline",
        "what": f"{NAMES.get(row['metric'], row['metric'])}{of}{where}",
        "margin": f"±{100 * row['margin']:g}",
    }
    if row["verdict"] == NO_VERDICT:
        why = f"differs in {row['confounded']}" if row["confounded"] else row["reason"]
        text = "{variant} against {baseline} in {what} has no verdict".format(**words)
        return Answer(NO_VERDICT_NAME, f"{text}: {why}.")
    verdict = Verdict(row["verdict"])
    return Answer(verdict.value, f"{SENTENCES[verdict].format(**words)}{_evidence(row)}.")


def _evidence(row: Row) -> str:
    if row["verdict"] == Verdict.NOT_ESTIMABLE:
        return f": {row['reason']}"
    text = f": {100 * row['difference']:+z.2f} points"
    if isnan(row["low"]):
        return text
    bounds = f"[{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"
    return f"{text}, {100 * row['confidence']:g}% interval {bounds}"
