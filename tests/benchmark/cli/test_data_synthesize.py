import json

import pytest
import typer
from typer.testing import CliRunner

from benchmark.cli.data_synthesize import synthesize
from benchmark.errors import FairbenchError


@pytest.fixture
def invoke():
    app = typer.Typer()
    app.command()(synthesize)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


class TestSynthesize:
    def test_it_prints_where_what_and_what_next(self, invoke, tmp_path):
        folder = tmp_path / "set"
        knobs = ("--set", "train=4", "--set", "race/black.noise=2", "--seed", "3")
        result = invoke(folder, "--size", "tiny", *knobs)
        assert result.exit_code == 0
        described = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))
        assert described["config"]["seed"] == 3
        assert described["config"]["train"] == 4
        assert described["config"]["groups"]["race/black"]["noise"] == 2
        assert result.output.splitlines() == [
            f"wrote {folder}",
            "samples: 4 training, 40 validation, 60 test; images 83x64; seed 3",
            f"fingerprint: {described['fingerprint']}",
            f"next: fairbench data check {folder}",
        ]

    def test_an_assignment_without_a_value_says_how_to_write_it(self, invoke, tmp_path):
        error = invoke(tmp_path / "set", "--set", "noise").exception
        assert isinstance(error, FairbenchError)
        assert "KNOB=VALUE" in str(error)

    def test_faces_are_another_format(self, invoke, tmp_path):
        folder = tmp_path / "faces"
        knobs = ("--set", "train=20", "--set", "test=10", "--set", "race/Black.noise=2")
        result = invoke(folder, "--format", "fairface", "--size", "tiny", *knobs)
        assert result.exit_code == 0
        described = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))
        assert described["config"]["groups"]["race/Black"]["noise"] == 2
        assert result.output.splitlines()[1:3] == [
            "samples: 20 training (validation is drawn from them), 10 test; images 48x48; seed 0",
            f"fingerprint: {described['fingerprint']}",
        ]

    def test_an_unknown_format_names_the_known_ones(self, invoke, tmp_path):
        error = invoke(tmp_path / "set", "--format", "fairfaces").exception
        assert isinstance(error, FairbenchError)
        assert "Did you mean 'fairface'? Known: fairface, fairvlmed" in str(error)
