import json
import shutil

import pandas as pd
import pytest

import benchmark
from benchmark.report.markdown import report_markdown

JSON = ("--format", "json")
"""Of a comparison whose HTML is not the point: it draws every figure."""


class TestCompare:
    def test_prints_what_it_writes(self, fairbench, trained, tmp_path):
        result = fairbench("compare", trained, *JSON, "--out", tmp_path / "out")
        assert result.code == 0
        text = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
        *printed, _ = result.out.rstrip().split("\nWritten: ")
        assert "\n".join(printed).rstrip() == text.rstrip()
        for name in ("comparison.md", "comparison.csv", "per_seed.csv", "runs.csv"):
            assert str(tmp_path / "out" / name) in result.out.splitlines()[-1]
            assert (tmp_path / "out" / name).is_file()

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"baseline": "clip"},
            {"selection": "own", "threshold": "youden"},
            {"selection": "last", "baseline": "fairclip"},
        ],
    )
    def test_gives_the_same_as_the_python_function(self, fairbench, trained, tmp_path, options):
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        assert fairbench("compare", trained, *flags, *JSON, "--out", tmp_path / "out").code == 0
        found = benchmark.compare(trained, **options)
        found.write(tmp_path / "python", [])
        for name in ("comparison.md", "comparison.csv", "per_seed.csv", "runs.csv"):
            one, other = ((tmp_path / where / name).read_bytes() for where in ("out", "python"))
            assert one == other
        assert (tmp_path / "out" / "comparison.md").read_text() == report_markdown(found.report)

    def test_every_run_of_the_folder_is_in_it(self, trained):
        found = benchmark.compare(trained)
        folders = {p.name for p in (trained / "runs").iterdir() if p.name != ".locks"}
        assert set(found.runs["run"]) == folders
        assert isinstance(found.summary, pd.DataFrame)

    def test_fairclip_as_baseline_is_compared_on_its_attribute_only(self, trained):
        rows = benchmark.compare(trained, baseline="fairclip").summary
        rows = rows[(rows["variant"] == "clip-ft") & (rows["metric"] == "auc")]
        pairs = rows.groupby("attribute")["n_pairs"].max()
        assert pairs["race"] == 2
        assert (pairs.drop("race") == 0).all()

    def test_output_that_is_no_terminal_has_no_control_characters(
        self, fairbench, trained, tmp_path
    ):
        out = fairbench("compare", trained, *JSON, "--out", tmp_path).out
        assert not [c for c in out if ord(c) < 32 and c != "\n"]


class TestForms:
    def test_html_is_written_unless_other_forms_are_asked_for(self, fairbench, trained, tmp_path):
        assert fairbench("compare", trained, "--out", tmp_path / "a").code == 0
        assert (tmp_path / "a" / "comparison.html").is_file()
        options = ["--format", "json,parquet", "--format", "json", "--out", tmp_path / "b"]
        result = fairbench("compare", trained, *options)
        assert result.code == 0
        names = {path.name for path in (tmp_path / "b").iterdir()}
        assert {"comparison.json", "comparison.parquet", "per_seed.parquet"} <= names
        assert "comparison.html" not in names
        assert str(tmp_path / "b" / "comparison.json") in result.out.splitlines()[-1]

    def test_an_unknown_form_is_refused_before_anything_is_computed(
        self, fairbench, trained, tmp_path
    ):
        result = fairbench("compare", trained, "--format", "docx", "--out", tmp_path / "out")
        assert result.code != 0
        assert "unknown format 'docx'" in result.err
        assert not (tmp_path / "out").exists()

    def test_strict_takes_runs_of_one_origin_and_refuses_others(self, fairbench, trained, tmp_path):
        results = tmp_path / "results"
        shutil.copytree(trained, results)
        assert fairbench("compare", results, "--strict", *JSON, "--out", tmp_path / "out").code == 0
        path = next((results / "runs").glob("*/provenance.json"))
        made = json.loads(path.read_text())
        path.write_text(json.dumps({**made, "commit": "another"}))
        result = fairbench("compare", results, "--strict", "--out", tmp_path / "out")
        assert result.code != 0
        assert f"(another): {path.parent.name}" in result.err
        assert fairbench("compare", results, *JSON, "--out", tmp_path / "out").code == 0
        text = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
        assert "Mixed code versions" in text.split("## ")[0]


class TestSuite:
    @pytest.fixture
    def suite(self, tmp_path, mini):
        path = tmp_path / "mine.yaml"
        path.write_text(
            f"""
name: mine
question: Does anything differ?
dataset: {{name: fairvlmed, data_dir: {mini}}}
protocol: tiny
set: {{epochs: 2, batch_size: 32}}
seeds: 0-1
runs: [{{variant: clip}}, {{variant: clip-ft}}]
compare: {{baseline: clip, selection: last}}
"""
        )
        return path

    def test_takes_its_runs_and_its_settings_only(self, fairbench, suite, trained, tmp_path):
        # All runs are there already: the suite adds a list of their ids.
        run = fairbench("run", "--suite", suite, "--results", trained)
        assert run.code == 0
        assert run.out.splitlines()[-1].endswith("3 present")
        assert fairbench("compare", trained, "--suite", "mine", *JSON, "--out", tmp_path).code == 0
        text = (tmp_path / "comparison.md").read_text(encoding="utf-8")
        assert text.startswith("# Comparison with clip\n\nDoes anything differ?\n\n")
        assert "\nEpoch selected by: last." in text
        assert set(pd.read_csv(tmp_path / "runs.csv")["variant"]) == {"clip", "clip-ft"}

    def test_options_go_before_its_settings(self, fairbench, suite, trained, tmp_path):
        assert fairbench("run", "--suite", suite, "--results", trained).code == 0
        options = ["--suite", "mine", "--baseline", "clip-ft", "--selection", "val-auc"]
        assert fairbench("compare", trained, *options, *JSON, "--out", tmp_path).code == 0
        text = (tmp_path / "comparison.md").read_text(encoding="utf-8")
        assert text.startswith("# Comparison with clip-ft\n\nDoes anything differ?\n\n")
        assert "\nEpoch selected by: val-auc." in text
