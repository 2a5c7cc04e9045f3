import pandas as pd
import pytest


class TestExport:
    def test_says_how_many_were_exported_and_which_could_not_be(
        self, fairbench, write_scored, tmp_path
    ):
        pytest.importorskip("tensorboard")
        for seed in (0, 1):
            folder = write_scored(seed=seed)["folder"]
        write_scored(seed=2, state="failed", message="OSError: full")
        for path in folder.parent.iterdir():
            if path.is_dir():
                _write_epochs(path)
        asked = ("export", "tensorboard", tmp_path / "results", "--out", tmp_path / "out")
        assert "2 runs exported" in (first := fairbench(*asked)).out
        assert "1 failed and have nothing to export" in first.out
        assert "0 runs exported" in (second := fairbench(*asked)).out
        assert "2 were there already; 1 failed" in second.out

    def test_an_unknown_tracker_is_one_line(self, fairbench, write_scored, tmp_path):
        write_scored()
        result = fairbench("export", "tensorbord", tmp_path / "results", "--out", tmp_path / "out")
        assert result.code != 0
        assert "Did you mean 'tensorboard'" in result.err


def _write_epochs(folder):
    table = pd.DataFrame([(1, "term", "clip", 0.5)], columns=["epoch", "kind", "name", "value"])
    table.astype({"epoch": "int16"}).to_parquet(folder / "epochs.parquet")
