from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from benchmark.batches import StepBatches
from benchmark.data.dataset import Dataset, Schema, Split, sample_ids
from benchmark.predictions import read_predictions
from benchmark.recorder import Recorder
from benchmark.step import TermFacts
from benchmark.trainer import EpochFacts, StepFacts
from benchmark.zeroshot import Scores

NO_BATCH = StepBatches(np.zeros(0, np.int64), {})


def split(n, seed):
    random = np.random.default_rng(seed)
    return Split(
        images=np.zeros((n, 1, 2, 2), np.uint8),
        tokens=np.zeros((n, 4), np.int32),
        label=random.integers(0, 2, n).astype(np.int8),
        attributes={"race": random.integers(-1, 3, n).astype(np.int8)},
        sample_id=sample_ids("made-up", [f"{seed}-{i}.npz" for i in range(n)]),
    )


@pytest.fixture
def data():
    schema = Schema("made-up", ("no", "yes"), ("a", "b"), {"race": ("r0", "r1", "r2", "empty")})
    return Dataset(schema, {"train": split(2, 0), "val": split(7, 1), "test": split(9, 2)}, "", "")


@pytest.fixture
def epoch(data):
    """Make the facts of an epoch with random scores."""

    def facts(number, scale=10.0):
        random = np.random.default_rng(number)
        scores = {
            name: Scores(*random.random((2, len(data.splits[name]))).astype(np.float32))
            for name in ("val", "test")
        }
        return EpochFacts(number, scores, scale, {"train": 1.5, "evaluate": 0.5})

    return facts


def step(epoch, number, value, norm=1.0):
    return StepFacts(epoch, number, 2, NO_BATCH, {"clip": TermFacts(value, norm, 1.0)})


def epochs_table(recorder, folder):
    recorder.write(folder)
    table = pd.read_parquet(folder / "epochs.parquet")
    return table.set_index(["epoch", "kind", "name"])["value"]


class TestPredictionsTable:
    def test_what_is_recorded_is_read_back_exactly(self, data, epoch, tmp_path):
        recorder, facts = Recorder(data), [epoch(1), epoch(2)]
        for one in facts:
            recorder.on_epoch(one)
        recorder.write(tmp_path)
        found = read_predictions(tmp_path)
        for name in ("val", "test"):
            part = data.splits[name]
            assert found[name].epochs.tolist() == [1, 2]
            for i, one in enumerate(facts):
                np.testing.assert_array_equal(found[name].score[i], one.scores[name].score)
                np.testing.assert_array_equal(
                    found[name].similarity[i], one.scores[name].similarity
                )
            np.testing.assert_array_equal(found[name].label, part.label)
            np.testing.assert_array_equal(found[name].codes["race"], part.attributes["race"])
            assert found[name].sample_id.tolist() == part.sample_id.tolist()

    @pytest.mark.parametrize("epochs", [1, 0])
    def test_three_classes_have_a_column_each(self, data, tmp_path, epochs):
        schema = replace(data.schema, classes=("no", "some", "much"), prompts=("a", "b", "c"))
        recorder = Recorder(replace(data, schema=schema))
        score = np.random.default_rng(0).random((9, 3), np.float32)
        score[1] = score[0]
        scores = {"test": Scores(score, np.zeros(9, np.float32))}
        if epochs:
            recorder.on_epoch(EpochFacts(1, scores, 1.0))
        table = epochs_table(recorder, tmp_path)
        stored = pd.read_parquet(tmp_path / "predictions.parquet")
        assert "score" not in stored.columns
        by_class = stored[["score_0", "score_1", "score_2"]].to_numpy()
        np.testing.assert_array_equal(by_class, score[: 9 * epochs])
        if epochs:
            assert table[1, "distinct_scores", "test"] == 8

    def test_without_an_epoch_there_are_columns_and_no_rows(self, data, epoch, tmp_path):
        recorder = Recorder(data)
        recorder.on_step(step(1, 1, float("nan")))
        recorder.write(tmp_path)
        assert read_predictions(tmp_path) == {}
        table = pd.read_parquet(tmp_path / "predictions.parquet")
        assert len(table) == 0
        assert {"epoch", "score", "attribute_race"} <= set(table.columns)


class TestEpochsTable:
    def test_terms_are_means_over_the_steps_of_their_epoch(self, data, epoch, tmp_path):
        recorder = Recorder(data)
        for number, values in ((1, [4.0, 2.0]), (2, [1.0, 0.0])):
            for i, value in enumerate(values, start=1):
                recorder.on_step(step(number, i, value, norm=2 * value))
            recorder.on_epoch(epoch(number))
        table = epochs_table(recorder, tmp_path)
        assert table[1, "term", "clip"] == 3.0
        assert table[2, "term", "clip"] == 0.5
        assert table[1, "gradient_norm", "clip"] == 6.0
        assert table[1, "weight", "clip"] == 1.0
        assert table[1, "steps", ""] == 2
        assert table[1, "seconds", "train"] == 1.5
        assert table[1, "logit_scale", ""] == 10.0
        assert recorder.epochs_done == 2

    def test_an_unfinished_epoch_keeps_its_finite_steps(self, data, epoch, tmp_path):
        recorder = Recorder(data)
        recorder.on_epoch(epoch(1))
        for i, value in enumerate([3.0, 5.0, float("inf")], start=1):
            recorder.on_step(step(2, i, value))
        table = epochs_table(recorder, tmp_path)
        assert table[2, "term", "clip"] == 4.0
        assert table[2, "steps", ""] == 3
        assert recorder.epochs_done == 1

    def test_a_term_that_was_never_finite_is_nan(self, data, tmp_path):
        recorder = Recorder(data)
        recorder.on_step(step(1, 1, float("nan")))
        assert np.isnan(epochs_table(recorder, tmp_path)[1, "term", "clip"])

    def test_distinct_scores_count_ties_once(self, data, epoch, tmp_path):
        facts = epoch(1)
        facts.scores["test"].score[:] = [0.5] * 8 + [0.25]
        recorder = Recorder(data)
        recorder.on_epoch(facts)
        table = epochs_table(recorder, tmp_path)
        assert table[1, "distinct_scores", "test"] == 2
        assert table[1, "distinct_scores", "val"] == 7

    def test_distances_are_half_squared_wasserstein_of_scaled_similarities(
        self, data, epoch, tmp_path
    ):
        recorder, facts = Recorder(data), epoch(1, scale=3.0)
        recorder.on_epoch(facts)
        table = epochs_table(recorder, tmp_path)
        race = data.splits["test"].attributes["race"]
        score = 3.0 * facts.scores["test"].similarity.astype(np.float64)
        for code, group in enumerate(("r0", "r1", "r2")):
            members = score[race == code]
            # Both sets repeated to one size: sorted values then pair off one to one.
            x = np.sort(np.repeat(members, len(score)))
            y = np.sort(np.repeat(score, len(members)))
            expected = 0.5 * np.mean((x - y) ** 2)
            assert table[1, "distance", f"test/race/{group}"] == pytest.approx(expected, rel=1e-9)
        assert (1, "distance", "test/race/empty") not in table.index


class TestAdversary:
    """What is stored of a term that classifies the batch."""

    def step(self, epoch, confusion):
        term = TermFacts(1.0, 1.0, -0.5, confusion=np.array(confusion))
        return StepFacts(epoch, 1, 1, NO_BATCH, {"adversary/race": term})

    def rates(self, recorder, folder, epoch=1):
        kinds = ("accuracy", "balanced_accuracy", "majority_rate", "classified")
        table = epochs_table(recorder, folder)
        return [table[epoch, kind, "adversary/race"] for kind in kinds]

    def test_rates_are_those_of_all_guesses_of_an_epoch(self, data, epoch, tmp_path):
        recorder = Recorder(data)
        first, second = [[5, 1, 0], [2, 0, 2], [0, 0, 1]], [[20, 3, 1], [0, 4, 0], [1, 1, 1]]
        for confusion in (first, second):
            recorder.on_step(self.step(1, confusion))
        recorder.on_epoch(epoch(1))
        recorder.on_step(self.step(2, [[0, 1, 0], [0, 0, 0], [0, 0, 0]]))
        total = np.add(first, second)
        truth = np.repeat([0, 1, 2], total.sum(axis=1))
        guess = np.concatenate([np.repeat([0, 1, 2], row) for row in total])
        assert self.rates(recorder, tmp_path) == pytest.approx(
            [
                accuracy_score(truth, guess),
                balanced_accuracy_score(truth, guess),
                np.mean(truth == 0),
                42,
            ]
        )
        assert self.rates(recorder, tmp_path, epoch=2) == [0, 0, 1, 1]

    def test_a_group_without_a_sample_is_no_part_of_the_balanced_accuracy(self, data, tmp_path):
        recorder = Recorder(data)
        recorder.on_step(self.step(1, [[3, 1, 0], [0, 0, 0], [1, 0, 1]]))
        assert self.rates(recorder, tmp_path) == pytest.approx([4 / 6, 0.625, 4 / 6, 6])

    def test_rates_of_nobody_are_undefined(self, data, tmp_path):
        recorder = Recorder(data)
        recorder.on_step(self.step(1, np.zeros((3, 3), np.int64)))
        found = self.rates(recorder, tmp_path)
        assert np.isnan(found[:3]).all()
        assert found[3] == 0
