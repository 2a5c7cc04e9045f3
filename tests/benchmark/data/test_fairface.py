from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.data.check import check
from benchmark.data.dataset import SPLITS, Source
from benchmark.data.fairface import read_fairface
from benchmark.errors import FairbenchError

TRAIN, VAL = "fairface_label_train.csv", "fairface_label_val.csv"
Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def change(path: Path, edit: Callable[[Rows], object]) -> None:
    rows = rows_of(path)
    edit(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def message(root: Path, cache: Path, **keys: Any) -> str:
    with pytest.raises(FairbenchError) as caught:
        read_fairface(root, cache, **keys)
    text = str(caught.value)
    assert "\n" not in text
    return text


class TestSamples:
    def test_captions_are_written_as_in_the_reproduction(
        self, face_folder: Path, cache: Path
    ) -> None:
        change(
            face_folder / VAL,
            lambda rows: rows[0].update(age="20-29", race="East Asian", gender="Male"),
        )
        test = read_fairface(face_folder, cache).splits["test"]
        expected = (
            "Image of a person that is 20-29 years old, and their race is: East AsianThey are Male"
        )
        assert test.notes[test.files.index("val/1.jpg")] == expected

    def test_codes_follow_the_tables(self, face_folder: Path, cache: Path) -> None:
        source: Source = read_fairface(face_folder, cache)
        assert source.schema.name == "fairface"
        assert source.schema.prompts == (
            "A picture of a female person",
            "A picture of a male person",
        )
        rows = {r["file"]: r for r in rows_of(face_folder / TRAIN) + rows_of(face_folder / VAL)}
        races, ages = source.schema.attributes["race"], source.schema.attributes["age"]
        assert (len(races), len(ages), ages[-1]) == (7, 9, "more than 70")
        for split in SPLITS:
            part = source.splits[split]
            for i, file in enumerate(part.files):
                assert part.label[i] == (rows[file]["gender"] == "Male")
                assert races[part.attributes["race"][i]] == rows[file]["race"]
                assert ages[part.attributes["age"][i]] == rows[file]["age"]

    def test_images_are_read_in_colour_as_pillow_decodes_them(
        self, face_folder: Path, cache: Path
    ) -> None:
        Image.new("L", (48, 48), 90).save(face_folder / "val/2.jpg")
        source = read_fairface(face_folder, cache)
        for file in ("val/1.jpg", "val/2.jpg"):
            with Image.open(face_folder / file) as stored:
                expected = np.asarray(stored.convert("RGB"))
            index = source.splits["test"].files.index(file)
            assert np.array_equal(source.image("test", index), expected)

    def test_the_labels_prompt_can_stand_for_the_caption(
        self, face_folder: Path, cache: Path
    ) -> None:
        part = read_fairface(face_folder, cache, text_source="label").splits["train"]
        expected = {"A picture of a female person": 0, "A picture of a male person": 1}
        assert [expected[note] for note in part.notes] == part.label.tolist()

    def test_a_generated_folder_has_a_name_of_its_own(self, faces: Path, cache: Path) -> None:
        assert read_fairface(faces, cache).schema.name == "synthetic-fairface"


class TestSplits:
    def test_the_published_validation_set_is_the_test_set(
        self, face_folder: Path, cache: Path
    ) -> None:
        source = read_fairface(face_folder, cache)
        assert set(source.splits["test"].files) == {r["file"] for r in rows_of(face_folder / VAL)}
        train, val = (set(source.splits[split].files) for split in SPLITS[:2])
        assert len(val) == 16
        assert not train & val
        assert train | val == {r["file"] for r in rows_of(face_folder / TRAIN)}

    def test_a_limit_keeps_the_first_rows_whole_and_draws_validation_after_them(
        self, face_folder: Path, cache: Path
    ) -> None:
        source = read_fairface(face_folder, cache, train_limit=100, val_fraction=0.2)
        files = [row["file"] for row in rows_of(face_folder / TRAIN)]
        assert set(source.splits["train"].files) == set(files[:100])
        assert set(source.splits["val"].files) < set(files[100:])
        assert len(source.splits["val"]) == 20

    def test_images_after_the_limit_need_not_be_there(self, face_folder: Path, cache: Path) -> None:
        before = read_fairface(face_folder, cache, train_limit=100)
        used = {file for split in SPLITS for file in before.splits[split].files}
        for path in face_folder.glob("train/*.jpg"):
            if f"train/{path.name}" not in used:
                path.unlink()
        after = read_fairface(face_folder, cache, train_limit=100)
        assert after.fingerprint == before.fingerprint

    def test_the_seed_decides_and_leaves_the_test_set_as_it_is(
        self, face_folder: Path, cache: Path
    ) -> None:
        a, again, b = (read_fairface(face_folder, cache, val_seed=seed) for seed in (1, 1, 2))
        assert a.fingerprint == again.fingerprint
        assert a.splits["val"].files != b.splits["val"].files
        assert a.test_fingerprint == b.test_fingerprint
        assert a.fingerprint != b.fingerprint

    def test_a_limit_that_leaves_no_validation_is_an_error(
        self, face_folder: Path, cache: Path
    ) -> None:
        text = message(face_folder, cache, train_limit=150)
        assert "160 rows leave 10 for 15 validation images" in text


class TestErrors:
    @pytest.mark.parametrize(
        ("column", "cell", "expected"),
        [
            ("race", "Martian", "column 'race' is 'Martian'; attribute 'race' knows East Asian"),
            ("age", "3-10", "column 'age' is '3-10'"),
            ("gender", "", "column 'gender' is empty"),
            ("file", "../1.jpg", "which holds '..'"),
            ("file", "val/99999.jpg", "is 'val/99999.jpg', which does not exist"),
        ],
    )
    def test_a_bad_cell_is_named(
        self, face_folder: Path, cache: Path, column: str, cell: str, expected: str
    ) -> None:
        change(face_folder / VAL, lambda rows: rows[3].update({column: cell}))
        text = message(face_folder, cache)
        assert text.startswith(f"{VAL}: row 5: ")
        assert expected in text

    def test_a_missing_table_and_a_missing_column_are_named(
        self, face_folder: Path, cache: Path
    ) -> None:
        change(face_folder / TRAIN, lambda rows: [row.pop("gender") for row in rows])
        assert "has no column 'gender'" in message(face_folder, cache)
        (face_folder / VAL).unlink()
        (face_folder / TRAIN).rename(face_folder / "labels.csv")
        assert f"{TRAIN} is missing" in message(face_folder, cache)

    def test_a_damaged_image_is_named_before_training_and_by_the_check(
        self, face_folder: Path, cache: Path
    ) -> None:
        path = face_folder / "val/7.jpg"
        path.write_bytes(path.read_bytes()[:-200])
        source = read_fairface(face_folder, cache)
        with pytest.raises(FairbenchError, match=r"val/7\.jpg: truncated, damaged"):
            source.image("test", source.splits["test"].files.index("val/7.jpg"))
        (problem,) = check(face_folder).problems
        assert "val/7.jpg: truncated, damaged" in problem


class TestCheck:
    def test_groups_and_intersections_are_counted(self, face_folder: Path) -> None:
        report = check(face_folder, dataset="fairface")
        assert report.usable
        rows = rows_of(face_folder / VAL)
        expected = Counter((r["race"], r["age"], r["gender"]) for r in rows)
        for cell in report.intersections:
            if cell.split == "test":
                race, age = cell.group.split(" × ")
                assert cell.by_class == (expected[race, age, "Female"], expected[race, age, "Male"])
        assert any("intersections of race×age" in line for line in report.warnings)

    def test_generated_faces_are_not_the_published_data(self, faces: Path) -> None:
        (problem,) = check(faces, dataset="fairface").problems
        assert "holds the dataset 'synthetic-fairface', not 'fairface'" in problem

    def test_an_image_in_both_tables_is_a_warning(self, face_folder: Path) -> None:
        (face_folder / "val/3.jpg").write_bytes((face_folder / "train/5.jpg").read_bytes())
        report = check(face_folder)
        assert report.usable
        assert any("two splits hold the same image" in line for line in report.warnings)
