import numpy as np
import pytest

from benchmark.comparison import compare
from benchmark.verdicts.analysis import CLAIMABLE, analysis_of
from benchmark.verdicts.claims import OVERALL

GROUPS = {"race": ("asian", "black", "white"), "gender": ("female", "male")}


@pytest.fixture
def write(write_scored):
    """Write runs on a test set with two attributes."""
    rng = np.random.default_rng(0)
    codes = {
        split: {"race": rng.integers(0, 3, n), "gender": rng.integers(0, 2, n)}
        for split, n in (("val", 60), ("test", 90))
    }

    def make(label, seeds, **more):
        for seed in seeds:
            write_scored(label, seed, groups=GROUPS, codes=codes, **more)

    return make


@pytest.fixture
def verdicts(tmp_path):
    return lambda **options: compare(tmp_path / "results", **options).verdicts


def named(frame):
    return set(zip(frame["variant"], frame["attribute"], frame["metric"], strict=True))


class TestClaims:
    def test_auc_of_an_arm_without_attribute_is_one_claim_and_gaps_are_one_each(
        self, write, verdicts
    ):
        write("clip-ft", (0, 1, 2))
        write("clip", (None,), own="last")
        assert named(verdicts()) == {
            ("clip", "all", "auc"),
            ("clip", "race", "deodds"),
            ("clip", "gender", "deodds"),
        }

    def test_an_arm_that_trains_on_an_attribute_is_judged_on_it(self, write, verdicts):
        write("clip-ft", (0, 1, 2))
        write("fairclip", (0, 1, 2), trained_on=("race",))
        write("fairclip", (0, 1, 2), trained_on=("gender",))
        assert named(verdicts(primary=["auc"])) == {
            ("fairclip", "race", "auc"),
            ("fairclip", "gender", "auc"),
        }

    def test_the_baseline_has_none(self, write, verdicts):
        write("clip-ft", (0, 1))
        assert verdicts().empty

    def test_intersections_are_shown_and_get_no_verdict(self, write, tmp_path):
        write("clip-ft", (0, 1))
        write("fairclip", (0, 1), trained_on=("race",))
        found = compare(tmp_path / "results", intersections=["race×gender"])
        # YAML files of hand-written runs list attributes by name.
        assert "gender×race" in set(found.summary["attribute"])
        assert set(found.verdicts["attribute"]) == {"race"}

    def test_an_arm_of_another_test_set_has_no_verdict_and_the_reason(self, write, verdicts):
        write("clip-ft", (0, 1))
        write("fairclip", (0, 1), trained_on=("race",), test_set="u" * 64)
        found = verdicts()
        assert set(found["verdict"]) == {""}
        assert set(found["reason"]) == {"no finished run of the baseline on this test set"}

    def test_an_arm_that_only_failed_is_not_estimable_with_its_message(
        self, write, write_run, verdicts
    ):
        write("clip-ft", (0, 1))
        write_run(
            "fairclip",
            0,
            state="failed",
            message="OSError: full",
            trained_on=("race",),
            groups=GROUPS,
            epochs=(1, 2, 3),
        )
        found = verdicts()
        assert set(found["verdict"]) == {"not estimable"}
        assert set(found["reason"]) == {"failed: OSError: full"}

    def test_a_one_class_group_is_not_estimable_with_its_counts(self, write_scored, verdicts):
        race = np.arange(90) % 3
        y = np.where(race == 0, 0, np.arange(90) % 2)
        data = {
            "label_of": {"val": np.arange(60) % 2, "test": y},
            "codes": {"val": {"race": np.arange(60) % 3}, "test": {"race": race}},
        }
        for seed in (0, 1):
            write_scored("clip-ft", seed, **data)
            write_scored("fairclip", seed, trained_on=("race",), **data)
        row = verdicts().set_index("metric").loc["deodds"]
        assert row["verdict"] == "not estimable"
        assert "asian" in row["reason"]
        assert "30" in row["reason"]


class TestMetrics:
    def test_those_over_all_samples_do_not_depend_on_the_attribute(self, write, tmp_path):
        write("clip-ft", (0,))
        summary = compare(tmp_path / "results").summary
        summary = summary[(summary["group"] == "") & summary["metric"].isin(CLAIMABLE)]
        values = summary.pivot_table(index="metric", columns="attribute", values="mean")
        equal = set(values.index[values["race"] == values["gender"]])
        assert equal == OVERALL

    def test_each_claimable_metric_can_be_primary(self):
        for metric in CLAIMABLE:
            analysis = analysis_of(primary=[metric], margin={metric: 0.01})
            assert set(analysis.margins) == {metric, "auc"}
