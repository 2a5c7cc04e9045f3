from __future__ import annotations

import shutil

import pandas as pd
import pytest

from benchmark.errors import FairbenchError

ENDS = ["--from", "fairclip", "--to", "a-fairclip"]


@pytest.fixture
def options(mini_options, tmp_path):
    own = ["--results", tmp_path / "results", "--out", tmp_path / "out", "--seeds", "0-1"]
    return [*ENDS, *mini_options, *own, "--epochs", "2", "--set", "batch_size=32"]


class TestAblate:
    def test_of_the_selection_rule_trains_nothing_new(self, fairbench, trained, tmp_path, options):
        shutil.copytree(trained, tmp_path / "results")
        before = {p.name for p in (tmp_path / "results" / "runs").iterdir()}
        result = fairbench("ablate", *options, "--keys", "selection", "--analyse-only")
        assert result.code == 0, result.err
        assert "together 2 cells, 4 runs over 2 seeds" in result.out
        assert {p.name for p in (tmp_path / "results" / "runs").iterdir()} == before
        text = (tmp_path / "out" / "ablation.md").read_text(encoding="utf-8")
        assert text.rstrip() in result.out
        effects = pd.read_csv(tmp_path / "out" / "effects.csv")
        assert set(effects["key"]) == {"selection", "all"}

    def test_dry_run_says_what_it_would_do(self, fairbench, tmp_path, options):
        designs = ["--design", "factorial", "--design", "ladder"]
        keys = ["--keys", "normalise,selection"]
        result = fairbench("ablate", *options, *designs, *keys, "--dry-run")
        assert result.code == 0, result.err
        assert "factorial: 2 keys, 4 cells, 4 runs of the variant" in result.out
        assert "6 runs over 2 seeds, 2 of them of the baseline clip-ft" in result.out
        assert "6 runs in " in result.out
        assert "0 done, 6 to do" in result.out
        assert "from measured steps)" in result.out
        assert not (tmp_path / "results").exists()

    def test_trains_so_many_runs_side_by_side(self, fairbench, options, monkeypatch):
        def sweep(*_, parallel):
            raise FairbenchError(f"asked for {parallel}")

        monkeypatch.setattr("benchmark.sweep.sweep", sweep)
        monkeypatch.setattr("benchmark.cost.estimate_runs", lambda *_: [])
        result = fairbench("ablate", *options, "--keys", "normalise", "--parallel", "3")
        assert (result.code, result.err) == (2, "fairbench: asked for 3\n")

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            (["--from-protocol", "official"], "go together"),
            (["--protocol", "tiny", "--to-protocol", "paper"], "--protocol is that of both ends"),
            (["--keys", "blur"], "--to-set blur=VALUE"),
            (["--analyse-only"], "no runs here"),
        ],
    )
    def test_refuses_in_one_line(self, fairbench, options, more, message):
        result = fairbench("ablate", *options, *more)
        assert result.code == 2
        assert message in result.err
        assert len(result.err.splitlines()) == 1
