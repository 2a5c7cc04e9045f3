import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.errors import FairbenchError
from benchmark.results import RunStore
from benchmark.values import run_values


@pytest.fixture
def values(tmp_path):
    def of(*rules, attributes=("race",), threshold="0.5"):
        (run,) = RunStore(tmp_path / "results").read()
        return run_values(run, attributes, rules, threshold)

    return of


def metric(found, name, group=""):
    (value,) = (m.value for m in found.metrics if (m.metric, m.group) == (name, group))
    return value


class TestRunValues:
    def test_each_rule_has_the_test_metrics_of_its_epoch(self, write_scored, values):
        run = write_scored()
        y = run["label_of"]["test"]
        for found in values("last", "val-auc", "test-auc"):
            row = run["scores"]["test"][run["epochs"].index(found.selected.epoch)]
            assert metric(found, "auc") == pytest.approx(roc_auc_score(y, row), abs=1e-12)
            assert found.distinct_scores == len(np.unique(row))

    def test_the_later_of_tied_epochs_is_taken(self, write_scored, values):
        rng = np.random.default_rng(0)
        scores = {split: np.tile(rng.random(n), (3, 1)) for split, n in (("val", 60), ("test", 90))}
        write_scored(scores=scores)
        assert [found.selected.epoch for found in values("val-auc", "test-auc")] == [3, 3]

    def test_every_attribute_is_judged_on_its_own_groups(self, write_run, values):
        gender = {"val": np.arange(60) % 2, "test": np.arange(90) // 45}
        race = {"val": np.arange(60) % 3, "test": np.arange(90) % 3}
        write_run(
            groups={"race": ("a", "b", "c"), "gender": ("f", "m")},
            label_of={"val": np.arange(60) // 30, "test": np.arange(90) % 2},
            codes={s: {"race": race[s], "gender": gender[s]} for s in ("val", "test")},
            scores={"val": np.full((1, 60), 0.25), "test": np.full((1, 90), 0.75)},
        )
        by_race, by_gender = values("last", attributes=("race", "gender"))
        assert metric(by_race, "n", "c") == 30
        assert metric(by_gender, "n", "m") == 45

    def test_without_an_epoch_there_are_no_metrics(self, write_scored, values):
        write_scored(label_of={"val": np.ones(60, int), "test": np.arange(90) % 2})
        (found,) = values("val-auc")
        assert found.metrics == ()
        assert "0 negative" in found.selected.reason

    def test_an_intersection_is_judged_as_one_more_attribute(self, write_run, values):
        rng = np.random.default_rng(0)
        size, groups = {"val": 60, "test": 90}, {"gender": ("f", "m"), "race": ("a", "b", "c")}
        codes = {
            s: {a: rng.integers(-1, len(g), n) for a, g in groups.items()} for s, n in size.items()
        }
        label_of = {s: rng.integers(0, 2, n) for s, n in size.items()}
        scores = {s: rng.random((3, n)).astype(np.float32) for s, n in size.items()}
        write_run(groups=groups, codes=codes, label_of=label_of, scores=scores, epochs=(1, 2, 3))
        (found,) = values("val-worst-group-auc", attributes=("gender×race",))
        race, gender = codes["test"]["race"], codes["test"]["gender"]
        inside = (race == 2) & (gender == 0)
        assert found.attribute == "gender×race"
        assert metric(found, "n", "f × c") == inside.sum()
        row = scores["test"][found.selected.epoch - 1]
        rate = np.mean(row[inside] >= 0.5)
        assert metric(found, "positive_rate", "f × c") == pytest.approx(rate)
        worst = [
            min(
                roc_auc_score(label_of["val"][i], epoch[i])
                for i in (
                    (codes["val"]["race"] == r) & (codes["val"]["gender"] == g)
                    for r in range(3)
                    for g in range(2)
                )
            )
            for epoch in scores["val"]
        ]
        assert found.selected.value == pytest.approx(max(worst))

    def test_an_unknown_attribute_is_named(self, write_scored, values):
        write_scored()
        with pytest.raises(FairbenchError, match="unknown attribute 'shoe'"):
            values("last", attributes=("shoe",))

    def test_of_two_classes_a_run_is_judged_by_threshold_and_of_three_by_the_highest_score(
        self, write_run, values
    ):
        rng = np.random.default_rng(1)
        size = {"val": 60, "test": 90}
        scores = {s: rng.dirichlet(np.ones(3), (2, n)).astype(np.float32) for s, n in size.items()}
        label_of = {s: np.arange(n) % 3 for s, n in size.items()}
        write_run(
            label_of=label_of,
            codes={s: {"race": np.arange(n) // 3 % 3} for s, n in size.items()},
            scores=scores,
            epochs=(1, 2),
            classes=("x", "y", "z"),
        )
        (found,) = values("last")
        right = scores["test"][1].argmax(axis=1) == label_of["test"]
        assert metric(found, "accuracy") == pytest.approx(right.mean())
        assert found.distinct_scores == len(np.unique(scores["test"][1], axis=0))
        assert np.isnan(found.threshold)
        with pytest.raises(FairbenchError, match=r"'rate' is for two classes .* has 3"):
            values("last", threshold="rate")

    def test_an_attribute_that_was_not_stored_names_the_file(self, write_scored, values):
        write_scored(groups={"race": ("a", "b", "c"), "shoe": ("small", "large")})
        with pytest.raises(FairbenchError, match=r"predictions\.parquet: no val .* with shoe"):
            values("last", attributes=("shoe",))
