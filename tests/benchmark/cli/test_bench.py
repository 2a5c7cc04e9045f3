import json

import pytest
from typer.testing import CliRunner

from benchmark.bench import topics
from benchmark.bench.figure import Figure
from benchmark.cli.main import app
from benchmark.errors import FairbenchError


@pytest.fixture
def measured(monkeypatch):
    figures = [Figure("one run", 1.25, "s", "< 2 s", "how"), Figure("loop", float("nan"), "s")]
    monkeypatch.setattr(topics, "TOPICS", {"stats": lambda progress: figures})


@pytest.mark.usefixtures("measured")
class TestBench:
    def test_prints_value_and_target(self):
        printed = CliRunner().invoke(app, ["bench", "stats"]).stdout
        assert "1.25 s" in printed
        assert "< 2 s" in printed

    def test_json_has_null_for_what_was_not_measured(self):
        one, loop = json.loads(CliRunner().invoke(app, ["bench", "--json"]).stdout)
        assert (one["value"], one["unit"], one["target"]) == (1.25, "s", "< 2 s")
        assert loop["value"] is None

    def test_an_unknown_topic_lists_the_known_ones(self):
        with pytest.raises(FairbenchError, match="stats"):
            CliRunner().invoke(app, ["bench", "stat"], catch_exceptions=False)
