"""Tables of every shape that reports have, with names that would break a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmark.report.model import (
    Answer,
    Bullets,
    Cell,
    Code,
    Column,
    Paragraph,
    Report,
    Section,
    Table,
)

HOSTILE = (
    "<script>alert('x')</script>",
    "a & b",
    "a_b",
    "100%",
    "$x$",
    "#1",
    "\\input{/etc/passwd}",
    "\\end{tabular}",
    "{",
    "=1+1",
    "@SUM(A1)",
    "[1pt]",
    "*",
    'say "no"',
    "it's --so ``q''",
    "日本語 😀",
    "naïve Łódź",
    "~^|",
    "two\nlines",
    "nul\x00",
)


@pytest.fixture
def names() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """A table of differences: a name, then numbers by group."""

    def make(
        table_id: str = "t", rows: Sequence[str] = ("a", "b"), groups: Sequence[str] = ("x", "y")
    ) -> Table:
        random = np.random.default_rng(len(rows))

        def cell(i: int, j: int) -> Cell:
            mean, low, high = random.normal(0, 20, 3)
            text = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}] (3)"
            return Cell("n.e.") if (i, j) == (1, 1) else Cell(text, mean, strong=i == j == 0)

        columns = [Column(f"auc:{j}", f"AUC {g} ↑", numeric=True) for j, g in enumerate(groups)]
        return Table(
            table_id,
            f"Differences of {len(rows)} & more.",
            (Column("variant", "variant"), *columns),
            tuple(
                (Cell(name), *(cell(i, j) for j in range(len(groups))))
                for i, name in enumerate(rows)
            ),
            ("‡ a note with 50% & a_b.",),
        )

    return make


@pytest.fixture
def report(make_table: Callable[..., Table], names: tuple[str, ...]) -> Report:
    words = Table(
        "words",
        "Long texts.",
        (Column("run", "run"), Column("message", "message"), Column("made", "functions")),
        tuple((Cell(f"{i:016x}"), Cell("why " * 30), Cell("a.module.name " * 9)) for i in range(9)),
    )
    tables = (
        make_table("hostile", names, names[:2]),
        make_table("wide", ("a", "b"), [f"group {i}" for i in range(12)]),
        make_table("long", [f"variant {i}" for i in range(150)], ("asian", "black")),
        make_table("none", (), ("asian",)),
        words,
    )
    return Report(
        "A & B",
        "Is a_b < c?",
        ("50% ± λ", *names),
        tuple(Answer("undecided", f"{name}: -3.89 points [-4.44, -3.33]") for name in names),
        (
            Section(
                "s",
                "Section & more",
                (
                    Paragraph("; ".join(names)),
                    Bullets(names),
                    Code("fairbench compare --out 'a b'\n" + "\n".join(names)),
                    Section("inner", "Tables", tables),
                ),
            ),
        ),
    )
