import pandas as pd
import pytest

from benchmark.yaml_io import read_yaml, write_yaml

SECTIONS = [
    "Scope of reproducibility",
    "Methodology",
    "Results",
    "What was easy",
    "What was difficult",
    "Recommendations",
]


@pytest.fixture
def runs(write_scored, tmp_path):
    """Runs of two variants that are called synthetic, and one that failed."""
    for seed in (0, 1, 2):
        for label, trained_on in (("clip-ft", ()), ("fairclip", ("race",))):
            path = write_scored(label, seed, trained_on=trained_on)["folder"] / "config.yaml"
            config = read_yaml(path)
            config["dataset"]["name"] = "synthetic"
            path.write_text(write_yaml(config), encoding="utf-8")
    write_scored("fairclip", 3, trained_on=("race",), state="failed", message="out of memory")
    return tmp_path / "results"


class TestClaims:
    def test_without_a_ledger_lists_them(self, fairbench):
        result = fairbench("claims")
        assert result.code == 0
        assert "luo2024: 48 claims" in result.out
        assert "bakker2025: " in result.out

    def test_writes_the_sections_of_a_reproducibility_report(self, fairbench, runs, tmp_path):
        result = fairbench("claims", "luo2024", runs, "--out", tmp_path / "out")
        assert result.code == 0
        text = (tmp_path / "out" / "claims.md").read_text(encoding="utf-8")
        assert result.out.startswith(text)
        assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == SECTIONS
        assert text.count("_To be written by the author") == 3
        assert "out of memory" in text

    def test_claims_about_real_data_are_not_judged_on_synthetic_runs(
        self, fairbench, runs, tmp_path
    ):
        fairbench("claims", "luo2024", runs, "--out", tmp_path / "out")
        table = pd.read_csv(tmp_path / "out" / "claims.csv")
        assert set(table["status"]) == {"not tested"}
        assert set(table["reason"]) == {"no runs on fairvlmed"}
        text = (tmp_path / "out" / "claims.md").read_text(encoding="utf-8")
        assert "48 not tested" in text
        assert "not tested: no runs on fairvlmed" in text

    def test_a_dataset_that_is_named_stands_in_every_line_about_a_claim(
        self, fairbench, runs, tmp_path
    ):
        out = tmp_path / "out"
        fairbench("claims", "luo2024", runs, "--dataset", "synthetic", "--out", out)
        text = (out / "claims.md").read_text(encoding="utf-8")
        table = pd.read_csv(out / "claims.csv")
        tested = table[table["status"] != "not tested"]
        assert set(tested["entry"]) == {"fairclip-overall", "fairclip-white-auc"}
        entries = [x for x in text.splitlines() if x.startswith(("- **", "| fairclip-", "- not"))]
        assert len(entries) > len(tested) + 10
        for line in entries:
            assert "on synthetic" in line

    def test_the_table_is_that_of_the_csv(self, fairbench, runs, tmp_path):
        out = tmp_path / "out"
        fairbench("claims", "luo2024", runs, "--dataset", "synthetic", "--out", out)
        table = pd.read_csv(out / "claims.csv")
        text = (out / "claims.md").read_text(encoding="utf-8")
        for row in table[table["status"] != "not tested"].to_dict("records"):
            (line,) = (x for x in text.splitlines() if x.startswith(f"| {row['id']} |"))
            interval = f"[{100 * row['low']:+z.2f}, {100 * row['high']:+z.2f}]"
            assert f"{100 * row['difference']:+z.2f} {interval}" in line
            assert f"| {row['status']} on synthetic |" in line

    def test_no_runs_at_all_leave_every_claim_untested(self, fairbench, tmp_path):
        result = fairbench("claims", "bakker2025", tmp_path / "no", "--out", tmp_path / "out")
        assert result.code == 0
        assert "There are no finished runs in" in result.out
        assert set(pd.read_csv(tmp_path / "out" / "claims.csv")["status"]) == {"not tested"}

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            (["--selection", "best"], "unknown selection rule 'best'"),
            (["--alpha", "0.7"], "alpha"),
            (["--margin", "auc=2"], "margin"),
            (["--scope", "all"], "scope"),
        ],
    )
    def test_bad_settings_are_one_line(self, fairbench, runs, tmp_path, more, says):
        result = fairbench("claims", "luo2024", runs, *more, "--out", tmp_path / "out")
        assert (result.code, result.out) == (2, "")
        assert says in result.err
