"""The page on published numbers says what the commands say, and its ledger is one."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.claims.ledger import load_ledger
from benchmark.published.cells import COLUMNS, shipped_cells
from benchmark.published.es_auc_check import check_es_auc
from benchmark.published.retest import retest

TEXT = (Path(__file__).parents[2] / "docs" / "published.md").read_text(encoding="utf-8")


def test_the_table_of_outcomes_is_what_the_published_numbers_give() -> None:
    cells = shipped_cells()
    claims, es_auc = retest(cells), check_es_auc(cells)
    row = re.compile(r"\| (\w+) \| (?:(\d), |(notebook), )`([\w-]+)` better than `([\w-]+)`.*")
    found = [match for line in TEXT.splitlines() if (match := row.fullmatch(line))]
    assert len(found) == len(claims.drop_duplicates(["source", "table", "variant"])) == 4
    for match in found:
        source, number, notebook, variant, against = match.groups()
        at = claims[(claims["source"] == source) & (claims["table"] == (number or notebook))]
        at = at[(at["variant"] == variant) & (at["against"] == against)]
        cells_of_row = [cell.strip() for cell in match[0].strip("|").split("|")]
        outcomes = [(at["outcome"] == name).sum() for name in ("better", "worse", "not shown")]
        assert [int(c) for c in cells_of_row[2:6]] == [len(at), *outcomes]
        raw = at[at["p"] <= 0.05]["improvement"] > 0
        counts = [raw.sum(), (~raw).sum()]
        assert [int(n) for n in re.findall(r"\d+", cells_of_row[6])] == [n for n in counts if n]
        checked = es_auc[(es_auc["source"] == source) & (es_auc["table"].isin(at["table"]))]
        checked = checked[checked["variant"].isin([variant, against])]
        both = [(checked["outcome"] == name).sum() for name in ("inside", "outside")]
        assert cells_of_row[7] == f"{both[0]} / {both[1]}"


def test_the_columns_are_those_of_the_csv() -> None:
    assert f"`{','.join(COLUMNS)}`" in TEXT


def test_the_ledger_on_the_page_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    claims = load_ledger(str(path)).claims
    assert len(claims) == 5
    assert claims[-1].orders_groups
