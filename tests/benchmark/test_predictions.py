import numpy as np
import pandas as pd
import pytest

from benchmark.errors import FairbenchError
from benchmark.predictions import read_predictions

CODES = {"race": [0, 1, 2, -1]}


@pytest.fixture
def run(write_run):
    return write_run(
        epochs=(1, 3),
        label_of={"val": [0, 1, 0], "test": [0, 1, 1, 0]},
        codes={"val": {"race": [0, 1, 2]}, "test": CODES},
        scores={"val": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], "test": np.arange(8).reshape(2, 4) / 8},
    )


@pytest.fixture
def edit(run, edit_predictions):
    return lambda change: edit_predictions(run, change)


class TestReadPredictions:
    def test_every_split_has_its_epochs_and_samples(self, run):
        found = read_predictions(run)
        assert found.keys() == {"val", "test"}
        test = found["test"]
        assert test.epochs.tolist() == [1, 3]
        assert test.score.dtype == np.float32
        assert test.score.tolist() == (np.arange(8).reshape(2, 4) / 8).tolist()
        assert test.label.tolist() == [0, 1, 1, 0]
        assert {name: codes.tolist() for name, codes in test.codes.items()} == CODES
        assert test.sample_id.tolist() == ["test0000", "test0001", "test0002", "test0003"]
        assert found["val"].score[1].tolist() == np.float32([0.4, 0.5, 0.6]).tolist()

    @pytest.mark.parametrize("column", ["sample_id", "label", "attribute_race"])
    def test_epochs_with_different_samples_are_an_error(self, edit, column):
        def swap(table):
            table.loc[table.index[-1], column] = table[column].iloc[-2]
            return table

        with pytest.raises(FairbenchError, match=column):
            read_predictions(edit(swap))

    def test_a_missing_row_is_an_error(self, edit):
        with pytest.raises(FairbenchError, match="7 rows are not a whole number"):
            read_predictions(edit(lambda table: table.iloc[:-1]))

    def test_rows_in_another_order_are_an_error(self, edit):
        with pytest.raises(FairbenchError, match="order of epochs and samples"):
            read_predictions(edit(lambda table: table.sort_values(["sample_id", "epoch"])))

    def test_splits_with_different_epochs_are_an_error(self, edit):
        def drop(table):
            return table[(table["epoch"] == 1) | (table["split"] == "test")]

        with pytest.raises(FairbenchError, match=r"epochs of val are \[1\]"):
            read_predictions(edit(drop))

    @pytest.mark.parametrize("column", ["epoch", "split", "score", "similarity", "sample_id"])
    def test_a_missing_column_is_an_error(self, edit, column):
        with pytest.raises(FairbenchError, match=f"column '{column}' is not"):
            read_predictions(edit(lambda table: table.drop(columns=column)))

    def test_several_classes_have_a_score_each(self, write_run):
        scores = {
            s: np.random.default_rng(0).random((2, 4, 3), np.float32) for s in ("val", "test")
        }
        run = write_run(
            epochs=(1, 3),
            label_of={s: [0, 1, 2, 0] for s in scores},
            codes=dict.fromkeys(scores, CODES),
            scores=scores,
            classes=("a", "b", "c"),
        )
        for name, part in read_predictions(run).items():
            assert part.score.dtype == np.float32
            np.testing.assert_array_equal(part.score, scores[name])

    @pytest.mark.parametrize("missing", ["score_0", "score_1", "score_2"])
    def test_a_class_without_scores_is_an_error(self, write_run, edit_predictions, missing):
        scores = {s: np.zeros((1, 4, 4)) for s in ("val", "test")}
        run = write_run(
            label_of={s: [0, 1, 2, 3] for s in scores},
            codes=dict.fromkeys(scores, CODES),
            scores=scores,
            classes=("a", "b", "c", "d"),
        )
        edit_predictions(run, lambda table: table.drop(columns=missing))
        with pytest.raises(FairbenchError, match=r"column 'score_[0-3]' is not"):
            read_predictions(run)

    @pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
    def test_a_truncated_file_is_an_error(self, run, keep):
        path = run / "predictions.parquet"
        whole = path.read_bytes()
        path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
        with pytest.raises(FairbenchError, match=r"predictions\.parquet: cannot be read .*again"):
            read_predictions(run)

    def test_no_file_is_an_error(self, run):
        (run / "predictions.parquet").unlink()
        with pytest.raises(FairbenchError, match="cannot be read"):
            read_predictions(run)

    def test_a_column_of_another_type_is_an_error(self, run):
        path = run / "predictions.parquet"
        table = pd.read_parquet(path)
        table.assign(score=table["score"].astype("float64")).to_parquet(path, index=False)
        with pytest.raises(FairbenchError, match="not what a run writes"):
            read_predictions(run)

    def test_a_damaged_byte_is_an_error_and_never_another_score(self, run):
        path = run / "predictions.parquet"
        whole = path.read_bytes()
        before = read_predictions(run)
        errors = 0
        for position in np.random.default_rng(0).integers(0, len(whole), 200):
            damaged = bytearray(whole)
            damaged[position] ^= 0xFF
            path.write_bytes(bytes(damaged))
            try:
                found = read_predictions(run)
            except FairbenchError:
                errors += 1
                continue
            for name, part in before.items():
                np.testing.assert_array_equal(found[name].score, part.score)
                np.testing.assert_array_equal(found[name].label, part.label)
                np.testing.assert_array_equal(found[name].codes["race"], part.codes["race"])
        assert errors > 50
