import json
import shlex

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.comparison import compare
from benchmark.report.markdown import block_lines
from benchmark.report.model import Code, Table
from benchmark.report.provenance_section import provenance_section


@pytest.fixture
def results(write_scored, tmp_path):
    """Four runs of two commands, one run of another machine."""
    for seed in (0, 1):
        for label, on in (("clip-ft", ()), ("fairclip", ("race",))):
            made = write_scored(label, seed, trained_on=on, own="test-auc")
            record = {
                "fairbench": "0.2.0",
                "commit": "abc+",
                "python": "3.11.7",
                "packages": {"torch": "2.9.0" if seed else "2.8.0"},
                "device_name": "x86_64",
                "command": ["fairbench", "run", "--variant", label, "--seeds", "0-1"],
                "started": f"2026-01-01T0{seed}:00:00+00:00",
                "finished": f"2026-01-01T0{seed}:01:00+00:00",
            }
            (made["folder"] / "provenance.json").write_text(json.dumps(record))
    return tmp_path / "results"


def tables(section):
    return {block.id: block for block in section.blocks if isinstance(block, Table)}


class TestProvenanceSection:
    def test_every_run_is_named_with_its_seed(self, results):
        found = compare(results)
        table = tables(provenance_section(found))["runs"]
        text = " ".join(row[4].text for row in table.rows)
        for run in found.runs.to_dict("records"):
            assert f"{run['seed']}: {run['run']}" in text
        assert [row[5].value for row in table.rows] == [120, 120]

    def test_packages_and_devices_are_counted(self, results):
        table = tables(provenance_section(compare(results)))["environment"]
        counts = {(row[0].text, row[1].text): row[2].value for row in table.rows}
        assert counts["torch", "2.8.0"] == counts["torch", "2.9.0"] == 2
        assert counts["device", "cpu x86_64"] == counts["fairbench", "0.2.0 (abc+)"] == 4

    def test_time_is_summed_and_changed_code_is_flagged_at_the_top_too(self, results):
        found = compare(results)
        text = "\n".join(block_lines(provenance_section(found), {}))
        assert "4 runs with a result. Together they took 4 min between 2026-01-01T00:00:00" in text
        assert "the commit does not say what ran" in text
        assert any("uncommitted changes made some runs" in line for line in found.report.summary)

    def test_claims_are_counted_as_planned_or_post_hoc(self, results):
        text = "\n".join(block_lines(provenance_section(compare(results)), {}))
        assert "- 2 claims post hoc: no plan was frozen." in text

    def test_a_rule_other_than_the_sources_is_named(self, results):
        text = "\n".join(block_lines(provenance_section(compare(results)), {}))
        assert "Selected here by val-auc; the sources of clip-ft, fairclip by test-auc" in text

    def test_each_command_is_listed_once(self, results):
        (code,) = (b for b in provenance_section(compare(results)).blocks if isinstance(b, Code))
        *runs, last = code.text.splitlines()
        assert runs == [
            "fairbench run --variant clip-ft --seeds 0-1",
            "fairbench run --variant fairclip --seeds 0-1",
        ]
        assert last.startswith("fairbench compare ")

    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {
                "baseline": "fairclip",
                "selection": "own",
                "threshold": "youden",
                "primary": ("dpd", "es_auc"),
                "margin": {"dpd": 0.0300000001, "es_auc": 0.1},
                "alpha": 0.1,
                "correction": "hommel",
                "test": "t",
            },
        ],
    )
    def test_its_command_gives_the_same_comparison(self, results, settings, tmp_path):
        found = compare(results, **settings)
        (code,) = (b for b in provenance_section(found).blocks if isinstance(b, Code))
        _, *arguments = shlex.split(code.text.splitlines()[-1])
        out = ["--out", str(tmp_path / "again"), "--format", "json"]
        assert CliRunner().invoke(app, [*arguments, *out]).exit_code == 0
        found.write(tmp_path / "first", ["json"])
        for name in ("comparison.json", "comparison.md", "verdicts.csv"):
            texts = [(tmp_path / where / name).read_text() for where in ("first", "again")]
            assert texts[0] == texts[1]
