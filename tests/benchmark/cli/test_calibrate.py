import pandas as pd
import pytest


class TestCalibrate:
    def test_writes_the_tables_as_markdown_and_csv(self, fairbench, tmp_path):
        out = tmp_path / "new" / "study.md"
        found = fairbench(
            "calibrate", "--grids", 2, "--seeds", "2", "--scope", "seeds", "--out", out
        )
        assert found.code == 0
        assert out.read_text(encoding="utf-8") in found.out
        rates = pd.read_csv(out.with_suffix(".csv"))
        assert set(rates["metric"]) == {"auc", "es_auc", "dpd", "deodds", "any of the family"}
        assert set(rates["n"]) <= {1, 2}
        assert "1/4 2 seeds, scope seeds, smallest group 15, effect none" in found.err

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--grids", "5,5,5"), "one for each"),
            (("--grids", "0"), "one for each"),
            (("--grids", "few"), "one for each"),
            (("--seeds", "1,3"), "start at 2"),
            (("--scope", "patient"), "Did you mean 'patients'?"),
            (("--out", "study.csv"), "beside it"),
        ],
    )
    def test_bad_options_are_one_line(self, fairbench, arguments, said):
        found = fairbench("calibrate", *arguments)
        assert found.code == 2
        assert said in found.err
        assert found.err.count("\n") == 1
