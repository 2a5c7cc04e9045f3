"""A report that has every kind of block, with names that try to break out of the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmark.report.model import (
    Answer,
    Bullets,
    Cell,
    Code,
    Column,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><h1>late</h1>",
    '" onmouseover="alert(2)',
    "a & b &lt; c",
    "it's 100 % of_it",
    "{{ report }} {% raw %}",
    "שלום עולם",
    "日本語 ß ∅ 👩‍⚕️",
    "\u202eright to left\u202c",
)

VERDICTS = ("undecided", "worse", "not estimable", "better", "better, negligible", "equivalent")


def verdict_table() -> Table:
    """27 rows; `value` orders otherwise than `text` does."""
    columns = (
        Column("variant", "variant", filtered=True),
        Column("attribute", "attribute", filtered=True),
        Column("metric", "metric", filtered=True),
        Column("verdict", "verdict", filtered=True),
        Column("difference", "difference", numeric=True),
        Column("n", "n", numeric=True),
    )
    rows = []
    for i, name in enumerate(HOSTILE):
        for j, metric in enumerate(("AUC ↑", "DEOdds ↓", "ES-AUC ↑")):
            at = 3 * i + j
            difference = (-1) ** at * (at * 7 % 27) / 3
            word = VERDICTS[at % 6]
            rows.append(
                (
                    Cell(name),
                    Cell("race" if at % 2 else "gender"),
                    Cell(metric),
                    Cell(f"{word} ‡" if at == 3 else word, strong=word == "better"),
                    Cell("n.e.", hint='no "positives" <b>here</b>')
                    if at == 5
                    else Cell(
                        f"{difference:+.2f} [{difference - 1:+.2f}, {difference + 1:+.2f}]",
                        value=difference,
                    ),
                    Cell(str(3 + at % 10)),
                )
            )
    notes = ("difference: in percentage points", "‡ <em>says little</em>")
    caption = "Verdicts, one a claim & metric"
    return Table("verdict-table", caption, columns, tuple(rows), notes)


def long_table(rows: int, columns: int = 14) -> Table:
    heads = (Column(f"c{i}", f"c {i}", numeric=True) for i in range(columns))
    body = tuple(
        (Cell(str(seed)), *(Cell(f"{seed * i % 17 / 17:.4f}") for i in range(columns)))
        for seed in range(rows)
    )
    return Table(
        "per-seed", "Every seed's values", (Column("seed", "seed", numeric=True), *heads), body
    )


SEEDS = ("seed 0: 2 points", 'seed 1: 3 points, "<b>most</b>"', "seed 2: 1 point")


def scatter() -> Drawing:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(7, 4))
    axes = drawing.subplots()
    axes.scatter([1, 2, 3], [2, 3, 1], gid="points")
    axes.set_xlabel("seed")
    axes.set_ylabel("points")
    drawing.hover = {"points": SEEDS}  # type: ignore[attr-defined]
    return drawing


def hostile_report() -> Report:
    points = Table(
        "seeds-numbers",
        "AUC of each seed",
        (Column("seed", "seed", numeric=True), Column("auc", "AUC", numeric=True)),
        tuple((Cell(str(i)), Cell(f"{70 + i}.12", value=70.1234 + i)) for i in range(3)),
    )
    figure = Figure(
        "seeds",
        f"Seeds of {HOSTILE[0]}",
        "Each point is a seed. It does not show that the methods differ.",
        scatter,
        points,
    )
    inner = Section("inner", "Inner", (Paragraph("Deep."), Section("innermost", "Innermost", ())))
    return Report(
        title=f"Comparison with {HOSTILE[0]}",
        question=f"Is anything better than {HOSTILE[1]}?",
        summary=("3 seeds.", f"5 claims of {HOSTILE[3]} are undecided."),
        answers=tuple(
            Answer(VERDICTS[i % 6], f"{HOSTILE[i % 9]}: AUC +{i}.00 [-1.00, +2.00].")
            for i in range(15)
        ),
        sections=(
            Section("verdicts", "Verdicts", (Paragraph(HOSTILE[0]), verdict_table())),
            Section("figures", "Figures", (figure,)),
            Section(
                "provenance",
                "Provenance of </title>",
                (
                    Bullets(HOSTILE),
                    Code("fairbench run --suite 'a & b' <in\nfairbench compare --suite \"x\""),
                    inner,
                ),
            ),
            Section("seeds-all", "All seeds", (long_table(110, columns=15),)),
        ),
    )


@pytest.fixture(scope="session")
def report() -> Report:
    return hostile_report()


@pytest.fixture(scope="session")
def verdicts() -> Table:
    """The table that tests sort and filter."""
    return verdict_table()


@pytest.fixture(scope="session")
def full_grid() -> Report:
    """What 12 variants by 4 attributes and 10 seeds fill, without figures."""
    sections = []
    for number, rows in enumerate((96, 480, 480, 4800)):
        table = replace(long_table(rows), id=f"table-{number}")
        sections.append(Section(f"part-{number}", f"Part {number}", (table,)))
    answers = tuple(Answer("undecided", f"Claim {i} is undecided.") for i in range(96))
    return Report("Full grid", "Does it fit?", ("10 seeds.",), answers, tuple(sections))
