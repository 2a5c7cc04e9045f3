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

    def test_an_attribute_that_was_not_stored_names_the_file(self, write_scored, values):
        write_scored()
        with pytest.raises(FairbenchError, match=r"predictions\.parquet: no val .* with shoe"):
            values("last", attributes=("shoe",))
