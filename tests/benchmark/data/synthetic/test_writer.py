import csv
import json
import os

import numpy as np
import pytest

from benchmark.data.synthetic import make_config, write_synthetic
from benchmark.errors import FairbenchError

FEW = {"train": 6, "val": 3, "test": 5}


def few(seed=0, **knobs):
    return make_config("tiny", seed=seed, knobs={**FEW, **knobs})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic") / "set"
    return folder, write_synthetic(folder, make_config("tiny"))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


class TestWriteSynthetic:
    def test_files_are_numbered_on_over_the_three_folders(self, written):
        folder, _ = written
        found = {
            name: sorted(path.name for path in (folder / name).iterdir())
            for name in ("Training", "Validation", "Test")
        }
        assert [len(names) for names in found.values()] == [96, 40, 60]
        everything = [name for names in found.values() for name in names]
        assert everything == [f"data_{number:05d}.npz" for number in range(1, 197)]

    def test_every_field_has_the_type_and_the_codes_of_the_release_and_needs_no_pickle(
        self, written
    ):
        allowed = {
            "gender": {0, 1},
            "race": {0, 1, 2},
            "ethnicity": {-1, 0, 1},
            "language": {-1, 0, 1, 2},
            "maritalstatus": {-1, 0, 1, 2, 3, 4},
            "glaucoma": {0, 1},
        }
        for path in written[0].glob("*/*.npz"):
            with np.load(path, allow_pickle=False) as arrays:
                fields = {name: arrays[name] for name in arrays.files}
            assert set(fields) == {
                *("slo_fundus", "md", "tds", "age", "note", "note_extra", *allowed)
            }
            assert fields["slo_fundus"].dtype == np.uint8
            assert fields["slo_fundus"].shape == (83, 64)
            assert fields["tds"].dtype == np.float32
            assert fields["tds"].shape == (52,)
            for name, codes in allowed.items():
                assert fields[name].shape == ()
                assert int(fields[name]) in codes
            assert fields["note"].dtype.kind == fields["note_extra"].dtype.kind == "U"
            assert str(fields["note_extra"]).endswith(str(fields["note"]))

    def test_the_tables_agree_with_the_files(self, written):
        folder, _ = written
        header, *rows = rows_of(folder / "data_summary.csv")
        assert header == [
            *("filename", "age", "gender", "race", "ethnicity", "language", "maritalstatus"),
            *("note", "gpt4_summary", "glaucoma", "use"),
        ]
        folders = {"training": "Training", "validation": "Validation", "test": "Test"}
        for row in (dict(zip(header, values, strict=True)) for values in rows):
            with np.load(folder / folders[row["use"]] / row["filename"]) as fields:
                assert ["asian", "black", "white"][int(fields["race"])] == row["race"]
                assert ["female", "male"][int(fields["gender"])] == row["gender"]
                assert ["no", "yes"][int(fields["glaucoma"])] == row["glaucoma"]
                assert str(fields["note"]) == row["note"]
                assert float(fields["age"]) == float(row["age"])

    def test_the_summary_is_the_third_column_of_its_table(self, written):
        # The public code goes by position.
        folder, _ = written
        long = {row[0]: row for row in rows_of(folder / "data_summary.csv")[1:]}
        short = rows_of(folder / "gpt-4_summarized_notes.csv")
        original = rows_of(folder / "original_notes.csv")
        assert short[0] == ["filename", "note", "summary"]
        assert original[0] == ["filename", "note"]
        assert [row[:2] for row in short[1:]] == original[1:]
        for name, _, summary in short[1:]:
            assert long[name][8] == summary

    def test_the_description_says_how_to_make_it_again(self, written, tmp_path):
        folder, fingerprint = written
        described = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))
        assert described["fingerprint"] == fingerprint
        config = type(make_config()).model_validate(described["config"])
        assert write_synthetic(tmp_path / "again", config) == fingerprint

    def test_the_fingerprint_follows_the_seed_and_every_knob(self, tmp_path):
        configs = [few(), few(seed=1), few(noise=11), few(note_quality=0.1), few(test=6)]
        prints = {
            write_synthetic(tmp_path / str(number), config)
            for number, config in enumerate([*configs, few()])
        }
        assert len(prints) == len(configs)

    def test_the_fingerprint_does_not_depend_on_the_number_of_threads(self, tmp_path, monkeypatch):
        prints = set()
        for threads in (1, 4):
            monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
            prints.add(write_synthetic(tmp_path / str(threads), few()))
        assert len(prints) == 1

    def test_progress_counts_up_to_all_samples(self, tmp_path):
        seen = []
        write_synthetic(tmp_path / "set", few(), lambda done, total: seen.append((done, total)))
        assert seen == [(done, 14) for done in range(1, 15)]

    def test_a_folder_that_holds_something_is_refused_and_left_alone(self, tmp_path):
        (tmp_path / "mine.txt").write_text("keep")
        with pytest.raises(FairbenchError, match="not an empty folder"):
            write_synthetic(tmp_path, few())
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_an_empty_folder_is_filled(self, tmp_path):
        folder = tmp_path / "set"
        folder.mkdir()
        write_synthetic(folder, few())
        assert (folder / "synthetic.json").is_file()

    def test_an_interruption_leaves_nothing_behind(self, tmp_path):
        def interrupt(done, total):
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_synthetic(tmp_path / "set", few(), interrupt)
        assert list(tmp_path.iterdir()) == []

    def test_while_it_is_written_the_folder_has_another_name(self, tmp_path):
        folder = tmp_path / "set"
        there = []
        write_synthetic(folder, few(), lambda done, total: there.append(folder.exists()))
        assert not any(there)
        assert folder.is_dir()

    def test_a_parent_that_is_a_file_is_one_clear_line(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(FairbenchError, match="cannot write the dataset") as caught:
            write_synthetic(tmp_path / "file" / "set", few())
        assert "\n" not in str(caught.value)
