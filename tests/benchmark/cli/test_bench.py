import json
from dataclasses import asdict
from importlib import import_module

import pytest
from typer.testing import CliRunner

from benchmark.bench import topics
from benchmark.bench.figure import Figure
from benchmark.cli.main import app
from benchmark.errors import FairbenchError


@pytest.fixture
def measured(monkeypatch):
    figures = [Figure("one run", 1.25, "s", "< 2 s", "how"), Figure("loop", float("nan"), "s")]
    monkeypatch.setattr(topics, "TOPICS", ("stats",))
    monkeypatch.setattr(topics, "measure", lambda topic, progress: figures)
    monkeypatch.setattr(topics, "measure_all", lambda progress: figures)


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

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["stats", "--public-code", "."], "is for the topic train"),
            (["--public-code", "."], "no"),
        ],
    )
    def test_refuses_public_code_elsewhere_and_where_there_is_none(self, arguments, message):
        with pytest.raises(FairbenchError, match=message):
            CliRunner().invoke(app, ["bench", *arguments], catch_exceptions=False)


class TestTopics:
    @pytest.mark.parametrize("topic", topics.TOPICS)
    def test_each_is_a_module_with_its_function(self, topic):
        module = import_module(f"benchmark.bench.{topic}")
        assert callable(getattr(module, f"bench_{topic}"))

    def test_all_are_measured_in_processes_of_their_own(self, monkeypatch):
        seen = []

        def fresh(function, topic):
            seen.append(topic)
            return [asdict(Figure(topic, 1.0, "s"))]

        monkeypatch.setattr(topics, "in_fresh_process", fresh)
        figures = topics.measure_all(lambda _: None)
        assert tuple(figure.name for figure in figures) == tuple(seen) == topics.TOPICS
