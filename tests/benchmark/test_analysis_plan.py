import json
from dataclasses import replace

import pytest
import yaml

from benchmark.analysis_plan import find_plan, freeze, frozen_plans, newest_plan, read_plan
from benchmark.comparison import compare
from benchmark.errors import FairbenchError

PLAN = {
    "question": "Does FairCLIP differ?",
    "dataset": "fairvlmed",
    "model": "tiny",
    "protocol": "tiny",
    "variants": ["fairclip"],
    "attributes": ["race"],
    "seeds": "0-2",
}


@pytest.fixture
def plan_file(tmp_path):
    def write(**changes):
        path = tmp_path / "analysis.yaml"
        content = {k: v for k, v in {**PLAN, **changes}.items() if v is not None}
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def frozen(plan_file, tmp_path):
    return lambda **changes: freeze(read_plan(plan_file(**changes)), tmp_path / "results")


@pytest.fixture
def runs(write_scored):
    """Write both arms as runs that were started under a plan."""

    def write(plan, seeds=(0, 1, 2), labels=("clip-ft", "fairclip"), **more):
        for label in labels:
            for seed in seeds:
                trained_on = ("race",) if label == "fairclip" else ()
                run = write_scored(label, seed, trained_on=trained_on, **more)
                record = {"started": "2026-01-01T00:00:00+00:00", "plan": plan}
                (run["folder"] / "provenance.json").write_text(json.dumps(record))

    return write


@pytest.fixture
def status(tmp_path):
    """Return the set of statuses that the report gives."""

    def of(**options):
        return set(compare(tmp_path / "results", **options).verdicts["status"])

    return of


class TestReadPlan:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"seeds": None}, "field 'seeds' is missing"),
            ({"seeds": "4-2"}, "runs backwards"),
            ({"variants": []}, "variants"),
            ({"margins": {"auc": 0.1}}, "unknown field 'margins'"),
            ({"margin": {"auc": 3}}, "expected a fraction between 0 and 1"),
            ({"primary": ["dpd"]}, "primary metric 'dpd' has no margin"),
            ({"correction": "none at all"}, "unknown correction 'none at all'"),
        ],
    )
    def test_names_the_file_and_what_is_wrong(self, plan_file, changes, message):
        with pytest.raises(FairbenchError, match=rf"analysis\.yaml: .*{message}"):
            read_plan(plan_file(**changes))


class TestFreeze:
    def test_the_frozen_file_has_every_default_written_out(self, frozen):
        found, path = frozen()
        stored = yaml.safe_load(path.read_text())
        assert path.stem == stored["hash"] == found.hash
        assert stored["plan"]["margin"] == {"auc": 0.02, "deodds": 0.05}
        assert stored["plan"]["seeds"] == [0, 1, 2]
        assert stored["plan"]["correction"] == "holm"

    def test_reading_gives_what_was_frozen(self, frozen, tmp_path):
        found, _ = frozen(margin={"auc": 0.013})
        assert frozen_plans(tmp_path / "results") == {found.hash: found}
        assert find_plan(tmp_path / "results", found.hash[:5]) == found

    def test_the_same_plan_frozen_twice_is_two_plans(self, frozen, tmp_path):
        first, second = frozen()[0], frozen()[0]
        assert first.hash != second.hash
        assert newest_plan(tmp_path / "results") == second.hash

    @pytest.mark.parametrize(
        ("old", "new"),
        [("deodds: 0.05", "deodds: 0.09"), ("frozen: '2", "frozen: '1"), ("hash: ", "hash: 0")],
    )
    def test_a_changed_file_is_an_error(self, frozen, tmp_path, old, new):
        _, path = frozen()
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(FairbenchError, match=rf"{path.name}: was changed after it was frozen"):
            newest_plan(tmp_path / "results")

    def test_a_renamed_file_is_an_error(self, frozen, tmp_path):
        _, path = frozen()
        path.rename(path.with_name("0123456789abcdef.yaml"))
        with pytest.raises(FairbenchError, match="was changed"):
            frozen_plans(tmp_path / "results")

    def test_without_a_plan_it_says_how_to_get_one(self, tmp_path):
        assert newest_plan(tmp_path) is None
        with pytest.raises(FairbenchError, match="fairbench plan"):
            find_plan(tmp_path, "newest")


class TestRunsUnderAPlan:
    def test_store_the_hash_of_the_newest(self, train, frozen, tmp_path):
        frozen()
        newest, _ = frozen()
        table = train("clip", tmp_path / "results")
        record = tmp_path / "results" / "runs" / table["id"].item() / "provenance.json"
        assert json.loads(record.read_text())["plan"] == newest.hash

    def test_without_a_plan_store_none(self, train, tmp_path):
        table = train("clip", tmp_path / "results")
        record = tmp_path / "results" / "runs" / table["id"].item() / "provenance.json"
        assert json.loads(record.read_text())["plan"] is None


class TestStatus:
    def test_is_planned_where_every_run_was_started_under_the_plan(self, frozen, runs, status):
        found, _ = frozen()
        runs(found.hash)
        assert status() == {f"planned ({found.hash})"}
        assert status(plan="newest") == {f"planned ({found.hash})"}

    def test_is_post_hoc_without_a_plan(self, runs, status):
        runs(None)
        assert status() == {"post hoc: no plan was frozen"}

    def test_is_post_hoc_where_one_run_is_older(self, frozen, runs, status):
        found, _ = frozen()
        runs(found.hash, labels=("clip-ft",))
        runs(found.hash, seeds=(0, 1), labels=("fairclip",))
        runs(None, seeds=(2,), labels=("fairclip",))
        (text,) = status()
        assert text.startswith("post hoc: not every run was started after")

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({"alpha": 0.1}, "alpha is 0.1, the plan says 0.05"),
            ({"margin": {"deodds": 0.06}}, "the margin of deodds is 0.06, the plan says 0.05"),
            ({"selection": "last"}, "selection is last, the plan says val-auc"),
            ({"test": "t"}, "test is t, the plan says auto"),
            ({"primary": ["auc"]}, "planned claims are missing: fairclip deodds on race"),
        ],
    )
    def test_is_post_hoc_where_the_analysis_is_another(self, frozen, runs, status, options, why):
        found, _ = frozen()
        runs(found.hash)
        assert f"post hoc: {why}" in status(**options)
        assert not any(text.startswith("planned") for text in status(**options))

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"seeds": "0-3"}, "seeds of fairclip are not those of the plan"),
            ({"variants": ["a-fairclip"]}, "the plan does not name fairclip"),
            ({"attributes": ["gender"]}, "the plan does not name race"),
            ({"dataset": "synthetic"}, "the plan is for dataset synthetic"),
            ({"model": "ViT-B-16"}, "the plan is for model ViT-B-16"),
            ({"protocol": "paper"}, "protocol of fairclip is tiny, not paper"),
            (
                {"variants": ["fairclip", "a-fairclip"]},
                "planned claims are missing: a-fairclip auc on race, a-fairclip deodds on race",
            ),
        ],
    )
    def test_is_post_hoc_where_the_plan_names_something_else(
        self, frozen, runs, status, changes, why
    ):
        found, _ = frozen(**changes)
        runs(found.hash)
        assert status() == {f"post hoc: {why}"}

    def test_a_plan_that_was_deleted_plans_nothing(self, frozen, runs, status):
        found, path = frozen()
        frozen()
        runs(found.hash)
        path.unlink()
        (text,) = status()
        assert text.startswith("post hoc")


class TestCompareByPlan:
    def test_judges_only_what_the_plan_names_and_as_it_says(self, frozen, runs, tmp_path):
        found, _ = frozen(margin={"auc": 0.03}, alpha=0.1)
        runs(found.hash)
        runs(found.hash, labels=("a-fairclip",))
        results = tmp_path / "results"
        assert set(compare(results).verdicts["variant"]) == {"fairclip", "a-fairclip"}
        by_plan = compare(results, plan=found.hash)
        assert set(by_plan.verdicts["variant"]) == {"fairclip"}
        assert by_plan.verdicts.set_index("metric").loc["auc", "margin"] == 0.03
        assert by_plan.analysis.alpha == 0.1
        # Everything is still in the tables.
        assert "a-fairclip" in set(by_plan.summary["variant"])

    def test_settings_are_those_of_the_plan_to_the_last_field(self, frozen, runs, tmp_path):
        found, _ = frozen(correction="bh", selection="last")
        runs(found.hash)
        assert compare(tmp_path / "results", plan="newest").analysis == found.plan
        assert replace(found).plan.correction == "bh"
