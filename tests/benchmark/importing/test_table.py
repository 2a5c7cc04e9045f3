import numpy as np
import pandas as pd
import pytest

from benchmark.comparison import compare
from benchmark.errors import FairbenchError
from benchmark.importing.run import store_run
from benchmark.importing.table import read_predictions_table
from benchmark.predictions import read_predictions
from benchmark.results import RunStore

GROUPS = ("asian", "black", "white")


@pytest.fixture
def exported(write_scored, tmp_path):
    """Runs of fairbench, and a table of the same predictions."""
    for label in ("clip-ft", "mine"):
        for seed in (0, 1, 2):
            write_scored(label, seed)
    parts = []
    for run in RunStore(tmp_path / "results").read():
        for split, found in read_predictions(run.path).items():
            for position, epoch in enumerate(found.epochs):
                parts.append(
                    pd.DataFrame(
                        {
                            "variant": run.config["variant"],
                            "seed": run.config["seed"],
                            "epoch": epoch,
                            "split": split,
                            "sample_id": found.sample_id,
                            "label": found.label,
                            "score": found.score[position].astype(float),
                            "attribute_race": [GROUPS[c] for c in found.codes["race"]],
                        }
                    )
                )
    return tmp_path / "results", pd.concat(parts).sample(frac=1, random_state=0)


def write(table, path):
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
    return path


def imported(path, results):
    for run in read_predictions_table(path):
        store_run(run, RunStore(results))
    return results


class TestRoundTrip:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_compare_gives_the_values_and_verdicts_of_the_runs_exported(
        self, exported, tmp_path, suffix
    ):
        results, table = exported
        other = imported(write(table, tmp_path / f"table{suffix}"), tmp_path / "imported")
        ours, theirs = (compare(folder) for folder in (other, results))
        key = ["variant", "attribute", "seed", "selection", "metric", "group"]
        values = [found.per_seed.set_index(key)["value"].sort_index() for found in (ours, theirs)]
        pd.testing.assert_series_equal(*values)
        columns = ["variant", "attribute", "metric", "verdict", "difference", "p_adjusted"]
        pd.testing.assert_frame_equal(ours.verdicts[columns], theirs.verdicts[columns])

    def test_the_order_of_rows_does_not_matter(self, exported, tmp_path):
        _, table = exported
        one = read_predictions_table(write(table, tmp_path / "a.csv"))
        two = read_predictions_table(write(table.iloc[::-1], tmp_path / "b.csv"))
        assert [run.identity() for run in one] == [run.identity() for run in two]

    def test_two_files_of_one_test_set_share_it(self, exported, tmp_path):
        _, table = exported
        mine = table["variant"] == "mine"
        paths = [write(table[mine], tmp_path / "a.csv"), write(table[~mine], tmp_path / "b.csv")]
        found = {run.test_fingerprint for path in paths for run in read_predictions_table(path)}
        assert len(found) == 1

    def test_ids_of_patients_are_not_in_a_run(self, exported, tmp_path):
        _, table = exported
        table["sample_id"] = "patient-" + table["sample_id"]
        [run, *_] = read_predictions_table(write(table, tmp_path / "a.csv"))
        assert not any("patient" in name for name in run.splits["test"].sample_id)


class TestOptionalParts:
    def test_without_epoch_and_seed_there_is_one_run_of_one_epoch(self, exported, tmp_path):
        _, table = exported
        part = table[(table["epoch"] == 1) & (table["seed"] == 0) & (table["variant"] == "mine")]
        path = write(part.drop(columns=["epoch", "seed"]), tmp_path / "a.csv")
        [run] = read_predictions_table(path)
        assert (run.seed, run.epochs) == (None, [1])
        assert "seed" in run.unknown

    def test_without_validation_only_rules_without_it_apply(self, exported, tmp_path):
        _, table = exported
        path = write(table[table["split"] == "test"], tmp_path / "a.csv")
        results = imported(path, tmp_path / "imported")
        assert set(compare(results).verdicts["verdict"]) == {"not estimable"}
        assert "not estimable" not in set(compare(results, selection="last").verdicts["verdict"])

    def test_several_classes_have_a_score_each(self, tmp_path):
        rng = np.random.default_rng(0)
        score = rng.dirichlet([1, 1, 1], 30)
        names = ("none", "mild", "severe")
        table = pd.DataFrame(
            {
                "variant": "mine",
                "split": "test",
                "sample_id": [f"{i:02d}" for i in range(30)],
                "label": [names[i % 3] for i in range(30)],
                "attribute_sex": ["f", "m"] * 15,
                **{f"score_{name}": score[:, i] for i, name in enumerate(names)},
            }
        )
        [run] = read_predictions_table(write(table, tmp_path / "a.csv"))
        assert run.classes == names
        assert run.groups == {"sex": ("f", "m")}
        np.testing.assert_array_equal(run.splits["test"].score[0], score.astype(np.float32))
        np.testing.assert_array_equal(run.splits["test"].label, np.arange(30) % 3)

    def test_an_empty_attribute_is_unknown(self, exported, tmp_path):
        _, table = exported
        table.loc[table["attribute_race"] == "black", "attribute_race"] = ""
        [run, *_] = read_predictions_table(write(table, tmp_path / "a.csv"))
        assert run.groups == {"race": ("asian", "white")}
        assert -1 in run.splits["test"].codes["race"]


class TestBadTables:
    @pytest.mark.parametrize(
        ("column", "value", "message"),
        [
            ("label", "2", r"column 'label' is '2'; expected 0 or 1"),
            ("score", "1.5", r"column 'score' is '1\.5'; expected a probability"),
            ("score", "nan", r"column 'score' is 'nan'; expected a probability"),
            ("split", "train", r"column 'split' is 'train'; expected val or test"),
            ("seed", "-1", r"column 'seed' is '-1'; expected a whole number"),
            ("epoch", "1.5", r"column 'epoch' is '1\.5'; expected a whole number"),
            ("sample_id", "", r"column 'sample_id' is ''; expected a text"),
        ],
    )
    def test_a_cell_is_named_with_file_row_column_and_value(
        self, exported, tmp_path, column, value, message
    ):
        _, table = exported
        table = table.astype(str).reset_index(drop=True)
        table.loc[5, column] = value
        path = write(table, tmp_path / "a.csv")
        with pytest.raises(FairbenchError, match=rf"^a\.csv: row 7: {message}"):
            read_predictions_table(path)

    def test_an_epoch_that_lacks_a_sample(self, exported, tmp_path):
        _, table = exported
        path = write(table.iloc[1:], tmp_path / "a.csv")
        with pytest.raises(FairbenchError, match=r"has other samples than epoch .*every epoch"):
            read_predictions_table(path)

    def test_a_sample_given_twice(self, exported, tmp_path):
        _, table = exported
        path = write(pd.concat([table, table.iloc[:1]]), tmp_path / "a.csv")
        with pytest.raises(FairbenchError, match=r"a\.csv: row \d+: sample_id '.*' occurs twice"):
            read_predictions_table(path)

    def test_a_label_that_changes_between_epochs(self, exported, tmp_path):
        _, table = exported
        table = table.reset_index(drop=True)
        table.loc[3, "label"] = 1 - table.loc[3, "label"]
        with pytest.raises(FairbenchError, match=r"'label' is '\d', and another value for"):
            read_predictions_table(write(table, tmp_path / "a.csv"))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"label": None}, "has no column 'label'"),
            ({"score": None}, "has the score columns none"),
            ({"attribute_race": None}, "has no attribute to compare groups of"),
            ({"race": "x"}, "column 'race' is none of variant, .*named attribute_<name>"),
            ({"score_a": 0.5}, "has the score columns score, score_a"),
        ],
    )
    def test_columns_that_are_missing_or_of_no_use(self, exported, tmp_path, changes, message):
        _, table = exported
        for name, value in changes.items():
            table = table.drop(columns=name) if value is None else table.assign(**{name: value})
        with pytest.raises(FairbenchError, match=message):
            read_predictions_table(write(table, tmp_path / "a.csv"))

    def test_no_file(self, tmp_path):
        with pytest.raises(FairbenchError, match="cannot be read"):
            read_predictions_table(tmp_path / "a.csv")
