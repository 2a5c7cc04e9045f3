import re

import pandas as pd
import pytest


class TestPublished:
    def test_without_a_source_lists_them(self, fairbench):
        result = fairbench("published")
        assert result.code == 0
        for name in ("luo2024", "bakker2025", "104 numbers"):
            assert name in result.out

    def test_prints_what_a_source_supports_and_writes_the_same(self, fairbench, tmp_path):
        result = fairbench("published", "luo2024", "--out", tmp_path)
        assert result.code == 0
        assert result.out.startswith((tmp_path / "published.md").read_text(encoding="utf-8"))
        claims = pd.read_csv(tmp_path / "claims.csv")
        table_3 = claims[claims["table"] == 3]
        assert len(table_3) == 52
        assert "fairclip better than clip-ft: 52 claims" in result.out
        assert (
            "After correction **0 are supported**, 0 shown to be worse, 52 not shown" in result.out
        )
        es_auc = pd.read_csv(tmp_path / "es_auc.csv")
        inside, outside = ((es_auc["outcome"] == o).sum() for o in ("inside", "outside"))
        assert f"{inside} inside, **{outside} outside**" in result.out

    def test_rows_of_the_markdown_are_rows_of_the_csv(self, fairbench, tmp_path):
        out = fairbench("published", "luo2024", "--out", tmp_path).out
        lines = [x for x in out.splitlines() if x.startswith("| ") and " better than " in x]
        rows = pd.read_csv(tmp_path / "claims.csv", dtype={"table": str}).to_dict("records")
        assert len(lines) == len(rows)
        by_table = [row for t in ("2", "3") for row in rows if row["table"] == t]
        for line, row in zip(lines, by_table, strict=True):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            numbers = [float(n) for n in re.findall(r"[-+]?\d+\.\d+", " ".join(cells[4:7]))]
            names = ["mean", "sd", "mean_against", "sd_against", "difference", "low", "high"]
            assert numbers == pytest.approx([100 * row[n] for n in names], abs=0.00501)

    def test_the_reproduction_may_be_called_so(self, fairbench):
        out = fairbench("published", "reproduction").out
        assert "clip-ft better than clip: 23 claims" in out
        assert "40 distances (sinkhorn) of one run each are not tested" in out

    @pytest.mark.parametrize(
        ("argv", "says"),
        [
            (["published", "lou2024"], "Did you mean 'luo2024'"),
            (["published", "luo2024", "--alpha", "0.7"], "--alpha is 0.7"),
            (["published", "--out", "x"], "name it"),
            (["published", "--published", "none.csv"], "none.csv: cannot be read"),
        ],
    )
    def test_bad_input_is_one_line(self, fairbench, argv, says):
        result = fairbench(*argv)
        assert (result.code, result.out) == (2, "")
        assert says in result.err
        assert result.err.count("\n") == 1
