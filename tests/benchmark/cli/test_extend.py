import json
import re
import shutil

import pytest
import yaml

import benchmark.execute
from benchmark.comparison import analyse
from benchmark.errors import FairbenchError
from benchmark.plan import Request
from benchmark.sequential.extend import extend, look_analysis, seed_sequence
from benchmark.sequential.record import read_record, record_path
from benchmark.suite import load_suite
from benchmark.sweep import Silent
from benchmark.verdicts.analysis import Analysis

NAME = "growing"


@pytest.fixture(scope="module")
def content(mini):
    return {
        "name": NAME,
        "question": "Does anything differ?",
        "dataset": {"name": "fairvlmed", "data_dir": str(mini)},
        "protocol": "tiny",
        "set": {"epochs": 1, "batch_size": 48},
        "seeds": [3, 1],
        "runs": [{"variant": "clip"}, {"variant": "clip-ft"}],
        "compare": {"primary": ["auc"], "margin": {"auc": 0.02}},
    }


@pytest.fixture
def suite(tmp_path, content):
    """Write the suite, with changes, and return its file."""

    def write(**changes):
        path = tmp_path / "suite.yaml"
        path.write_text(yaml.safe_dump({**content, **changes}))
        return path

    return write


@pytest.fixture(scope="module")
def first_look(content, tmp_path_factory):
    """Results after the first of two looks; the runs are made once."""
    folder = tmp_path_factory.mktemp("first_look")
    (folder / "suite.yaml").write_text(yaml.safe_dump(content))
    found = extend(
        load_suite(str(folder / "suite.yaml")),
        Request(device="cpu"),
        folder / "results",
        looks=[2, 4],
        until=2,
        watcher=Silent(),
        on_design=lambda record: None,
        on_look=lambda record: None,
    )
    assert not found.failed
    return folder / "results"


@pytest.fixture
def extended(first_look, tmp_path):
    return shutil.copytree(first_look, tmp_path / "results")


def seeds_of(results):
    configs = [yaml.safe_load(path.read_text()) for path in results.glob("runs/*/config.yaml")]
    return sorted(config["seed"] for config in configs if config["trains"])


class TestExtend:
    def test_stops_at_the_budget_and_goes_on_when_called_again(
        self, extended, fairbench, suite, tmp_path
    ):
        results = extended
        assert seeds_of(results) == [1, 3]
        first = read_record(results, NAME)
        assert [look.n_seeds for look in first.looks] == [2]
        again = fairbench("extend", suite(), "--until", "2", "--results", results)
        assert read_record(results, NAME) == first  # no second look at the same seeds
        assert seeds_of(results) == [1, 3]
        assert again.code == 0
        assert "Looks at 2, 4 seeds, each at level 0.025 (0.05 / 2)" in again.out
        if not first.decided:
            fairbench("extend", suite(), "--results", results)
            assert seeds_of(results) == [1, 3, 4, 5]
            after = read_record(results, NAME)
            assert [look.n_seeds for look in after.looks] == [2, 4]
            assert after.looks[0] == first.looks[0]

    def test_trains_so_many_runs_side_by_side(self, fairbench, suite, tmp_path, monkeypatch):
        def sweep(*_, parallel):
            raise FairbenchError(f"asked for {parallel}")

        monkeypatch.setattr("benchmark.sweep.sweep", sweep)
        result = fairbench("extend", suite(), "--parallel", "3", "--results", tmp_path)
        assert (result.code, result.err) == (2, "fairbench: asked for 3\n")

    def test_keeps_the_looks_of_each_size_apart(self, extended, fairbench, suite):
        sizes = {"all": {}, "other": {"seeds": [9]}}
        options = ["--size", "all", "--looks", "2,4", "--until", "2", "--results", extended]
        assert fairbench("extend", suite(sizes=sizes), *options).code == 0
        (look,) = read_record(extended, f"{NAME}@all").looks
        assert look.claims == read_record(extended, NAME).looks[0].claims
        assert read_record(extended, f"{NAME}@other") is None

    def test_a_look_is_compare_at_its_level(self, extended):
        results = extended
        (look,) = read_record(results, NAME).looks
        analysis = Analysis(primary=("auc",), margin={"auc": 0.02}, alpha=0.025)
        (row,) = analyse(results, analysis, NAME).verdicts.to_dict("records")
        (claim,) = look.claims
        assert claim["verdict"] == row["verdict"]
        assert claim["difference"] == row["difference"]
        assert claim["low"] == row["low"]
        assert row["confidence"] == 0.975

    @pytest.mark.parametrize(
        ("options", "changes", "message"),
        [
            (["--looks", "2,5"], {}, "looks: 2, 5, and .* fixed 2, 4 before the first look"),
            ([], {"compare": {"primary": ["auc"], "margin": {"auc": 0.01}}}, "margin: .*0.01"),
            ([], {"compare": {"primary": ["auc"], "alpha": 0.1}}, "alpha: 0.1"),
            ([], {"set": {"epochs": 2, "batch_size": 48}}, "definition of the runs: "),
            ([], {"seeds": [1]}, "seeds: 1, 2, 3, 4, and .* fixed 1, 3, 4, 5"),
            (["--until", "3"], {}, "--until 3: the looks are at 2, 4 seeds"),
        ],
    )
    def test_nothing_can_be_changed_after_a_look(
        self, extended, fairbench, suite, options, changes, message
    ):
        results = extended
        before = record_path(results, NAME).read_bytes()
        result = fairbench("extend", suite(**changes), *options, "--results", results)
        assert result.code == 2
        assert result.err.count("\n") == 1
        assert re.search(message, result.err), result.err
        assert record_path(results, NAME).read_bytes() == before

    def test_an_earlier_look_of_other_runs_is_an_error(self, extended, fairbench, suite):
        from benchmark.data.file_index import sha256_of

        results = extended
        path = record_path(results, NAME)
        stored = json.loads(path.read_text())
        look = stored["looks"][0]
        look["runs"] = ["0" * 16]
        look["claims"][0]["verdict"] = "undecided"
        look.pop("hash")
        look["hash"] = sha256_of([stored["design"]["hash"], look])
        path.write_text(json.dumps(stored))
        result = fairbench("extend", suite(), "--results", results)
        assert result.code == 2
        assert "run 0000000000000000 of an earlier look is no run of the suite now" in result.err

    def test_compare_says_where_the_rules_verdicts_are(self, extended, fairbench, tmp_path):
        result = fairbench("compare", extended, "--suite", NAME, "--out", tmp_path / "out")
        assert result.code == 0
        last = result.out.splitlines()[-1]
        assert last.startswith(f"{NAME} was extended look by look: ")
        assert str(record_path(extended, NAME)) in last

    def test_runs_that_were_there_before_are_counted_and_said(self, extended, fairbench, suite):
        results = extended
        record_path(results, NAME).unlink()
        options = ["--looks", "2,4", "--until", "2", "--results", results]
        result = fairbench("extend", suite(), *options)
        assert "3 runs of the suite were finished before the looks were fixed" in result.out
        assert read_record(results, NAME).design.runs_before == 3

    def test_a_failed_run_makes_no_look(self, fairbench, suite, tmp_path, monkeypatch):
        train = benchmark.execute.train

        def fail(config, *rest):
            if config.seed == 3:
                raise RuntimeError("no memory")
            return train(config, *rest)

        monkeypatch.setattr(benchmark.execute, "train", fail)
        results = tmp_path / "results"
        result = fairbench("extend", suite(), "--looks", "2,4", "--results", results)
        assert result.code == 1
        assert "clip-ft: RuntimeError: no memory" in result.out
        assert read_record(results, NAME).looks == ()


class TestSettings:
    @pytest.mark.parametrize(
        "changes", [{"correction": "bh"}, {"test": "wilcoxon"}, {"scope": "patients"}]
    )
    def test_without_a_known_error_rate_are_refused(self, changes):
        (name,) = changes
        with pytest.raises(FairbenchError, match=f"the suite's compare says {name}"):
            look_analysis(Analysis(**changes), (5, 10))

    def test_level_is_divided_by_the_looks(self):
        assert look_analysis(Analysis(alpha=0.1), (5, 10, 15, 20)).alpha == 0.025

    def test_seeds_are_the_suites_and_then_those_that_follow(self):
        assert seed_sequence((1, 3), 5) == (1, 3, 4, 5, 6)
        assert seed_sequence((0, 1, 2, 3), 2) == (0, 1)

    def test_the_quickstart_can_be_extended(self):
        suite = load_suite("quickstart")
        assert look_analysis(suite.compare, (5, 10)).alpha == 0.025
