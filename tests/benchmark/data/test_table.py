from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.data.check import check
from benchmark.data.dataset import SPLITS, Source
from benchmark.data.table import load_table, read_table
from benchmark.errors import FairbenchError


def message(table: Any, cache: Path, **arguments: Any) -> str:
    with pytest.raises(FairbenchError) as caught:
        read_table(table.write(), cache, **arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def image(path: Path, seed: int, mode: str = "RGB") -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3)).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


class TestReading:
    def test_codes_texts_and_pixels_are_those_of_the_table(self, table: Any, cache: Path) -> None:
        source: Source = read_table(table.write(), cache)
        assert source.schema.name == "clinic"
        assert source.schema.attributes == {
            "sex": ("female", "male"),
            "age": ("0 to under 40", "40 to under 65", "65 and over"),
        }
        rows = {row["path"]: row for row in table.rows}
        for split, cell in zip(SPLITS, ("train", "dev", "test"), strict=True):
            part = source.splits[split]
            assert part.files == tuple(sorted(p for p, r in rows.items() if r["part"] == cell))
            for i, file in enumerate(part.files):
                row = rows[file]
                assert part.label[i] == int(row["finding"])
                assert part.attributes["sex"][i] == "FM".index(row["sex"])
                age = int(row["age"])
                assert part.attributes["age"][i] == (0 if age < 40 else 1 if age < 65 else 2)
                assert part.notes[i] == row["report"]
                with Image.open(table.root / file) as stored:
                    assert np.array_equal(source.image(split, i), np.asarray(stored))

    def test_parquet_with_typed_columns_is_the_same_dataset(self, table: Any, cache: Path) -> None:
        expected = read_table(table.write(), cache)
        frame = pd.read_csv(table.root / "labels.csv")
        frame["finding"] = frame["finding"].astype(float)
        frame.to_parquet(table.root / "labels.parquet")
        table.spec["table"] = "labels.parquet"
        assert read_table(table.write(), cache).fingerprint == expected.fingerprint

    def test_a_yaml_file_and_its_folder_mean_the_same(self, table: Any, cache: Path) -> None:
        root = table.write()
        assert (
            read_table(root / "clinic.yaml", cache).fingerprint
            == read_table(root, cache).fingerprint
        )

    def test_a_template_is_filled_from_columns(self, table: Any, cache: Path) -> None:
        table.spec["text"] = {"template": "An eye of a person of {age} years, {sex}"}
        notes = read_table(table.write(), cache).splits["train"].notes
        assert notes[0] == "An eye of a person of 30 years, F"

    def test_without_text_the_labels_prompts_serve(self, table: Any, cache: Path) -> None:
        del table.spec["text"]
        assert "text_source=label" in message(table, cache)
        train = read_table(table.root, cache, text_source="label").splits["train"]
        prompts = ("a photo of a healthy eye", "a photo of an ill eye")
        assert train.notes == tuple(prompts[label] for label in train.label)

    def test_more_than_two_classes_and_any_group_name(self, table: Any, cache: Path) -> None:
        classes = table.spec["label"]["classes"]
        classes.append({"name": "fraglich", "prompt": "?", "values": ["maybe"]})
        for i in (0, 4, 8, 2, 6, 10):
            table.rows[i]["finding"] = "maybe" if i % 4 == 0 else "0"
        table.spec["attributes"]["sex"]["groups"] = {"女性 / Frau": ["F"], "[männlich]": ["M"]}
        source = read_table(table.write(), cache)
        assert source.schema.classes == ("healthy", "ill", "fraglich")
        assert Counter(source.splits["test"].label.tolist()) == {0: 1, 1: 2, 2: 1}
        assert source.schema.attributes["sex"] == ("女性 / Frau", "[männlich]")

    def test_rows_can_be_left_out_by_their_label(self, table: Any, cache: Path) -> None:
        table.spec["label"]["leave_out"] = [-1, None]
        table.rows[0]["finding"], table.rows[1]["sex"] = "-1.0", "F"
        table.rows[0]["path"] = "nowhere.png"
        assert len(read_table(table.write(), cache).splits["train"]) == 3

    def test_validation_and_test_drop_unknown_attributes(self, table: Any, cache: Path) -> None:
        for i, cell in ((0, "U"), (4, ""), (8, "U")):
            table.rows[i]["sex"] = cell
        source = read_table(table.write(), cache)
        assert source.dropped == {"train": 0, "val": 1, "test": 1}
        assert source.splits["train"].attributes["sex"][0] == -1

    def test_cells_outside_all_lists_can_be_one_group(self, table: Any, cache: Path) -> None:
        table.rows[0]["sex"] = "X"
        table.spec["attributes"]["sex"]["otherwise"] = "diverse"
        source = read_table(table.write(), cache)
        assert source.schema.attributes["sex"] == ("female", "male", "diverse")
        assert source.splits["train"].attributes["sex"][0] == 2

    @pytest.mark.parametrize("cell", ["yes", "True", "TRUE", "Yes"])
    def test_words_for_yes_are_what_yaml_makes_of_them(
        self, table: Any, cache: Path, cell: str
    ) -> None:
        table.spec["label"]["classes"][1]["values"] = [True]
        for row in table.rows:
            row["finding"] = cell if row["finding"] == "1" else "0"
        assert read_table(table.write(), cache).splits["val"].label.sum() == 2

    def test_grey_images_stay_grey_unless_one_is_not(self, table: Any, cache: Path) -> None:
        for i in range(12):
            image(table.root / f"images/{i:02d}.png", i, "L")
        grey = read_table(table.write(), cache)
        assert grey.image("train", 0).shape == (20, 24)
        image(table.root / "images/11.png", 11)
        mixed = read_table(table.root, cache)
        assert mixed.image("train", 0).shape == (20, 24, 3)
        assert np.array_equal(mixed.image("train", 0)[..., 1], grey.image("train", 0))


class TestDrawnSplits:
    def seeded(self, table: Any, **more: Any) -> Any:
        table.spec["split"] = {"seed": 7, "val_fraction": 0.25, "test_fraction": 0.25, **more}
        return table

    def test_have_the_fractions_and_do_not_depend_on_the_order_of_rows(
        self, table: Any, cache: Path
    ) -> None:
        first = read_table(self.seeded(table).write(), cache)
        assert [len(first.splits[split]) for split in SPLITS] == [6, 3, 3]
        table.rows.reverse()
        second = read_table(table.write(), cache)
        assert second.fingerprint == first.fingerprint

    def test_another_seed_is_another_split(self, table: Any) -> None:
        found = {
            tuple(load_table(self.seeded(table, seed=seed).write()).listed["test"].files)
            for seed in range(5)
        }
        assert len(found) >= 4  # of 220 possible ones

    def test_a_patients_images_stay_together(self, table: Any, cache: Path) -> None:
        table.spec["patient"] = "person"
        source = read_table(self.seeded(table).write(), cache)
        person = {row["path"]: row["person"] for row in table.rows}
        held = [{person[file] for file in source.splits[split].files} for split in SPLITS]
        assert sum(map(len, held)) == len(set().union(*held)) == 6

    def test_a_patient_in_two_given_splits_is_an_error_without_a_name(
        self, table: Any, cache: Path
    ) -> None:
        table.spec["patient"] = "person"
        table.rows[4]["person"] = table.rows[0]["person"] = "Jane Doe"
        text = message(table, cache)
        assert "rows 2 (train) and 6 (val) have one 'person'; 1 patients are in two" in text
        assert "Jane" not in text


class TestFingerprints:
    def test_each_covers_what_it_names(self, table: Any, cache: Path) -> None:
        def read() -> tuple[str, str, str]:
            source = read_table(table.write(), cache)
            return source.fingerprint, source.test_fingerprint, source.image_fingerprint

        start = read()

        def changed() -> list[bool]:
            return [a != b for a, b in zip(start, read(), strict=True)]

        table.rows[8]["report"] = "another"
        assert changed() == [True, False, False]
        table.rows[8]["report"] = "report of number 8"
        table.rows[8]["age"] = "31"
        assert changed() == [True, True, False]
        table.rows[8]["age"] = "62"
        table.spec["label"]["classes"][0]["prompt"] = "another"
        assert changed() == [True, False, False]
        table.spec["label"]["classes"][0]["prompt"] = "a photo of a healthy eye"
        table.spec["attributes"]["sex"]["groups"] = {"women": ["F"], "male": ["M"]}
        assert changed() == [True, True, False]
        table.spec["attributes"]["sex"]["groups"] = {"female": ["F"], "male": ["M"]}
        image(table.root / "images/08.png", 99)
        assert changed() == [True, True, True]
        image(table.root / "images/08.png", 8)
        assert changed() == [False, False, False]


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("../secret.png", "is '../secret.png', which holds '..'"),
            ("images/../../secret.png", "holds '..'"),
            ("images\\..\\..\\secret.png", "holds '..'"),
            ("/etc/passwd", "is absolute"),
            ("C:\\data\\1.png", "is absolute"),
            ("link/1.png", "is a link that leaves the data folder"),
            ("outside.png", "is a link that leaves the data folder"),
            ("images/nowhere.png", "does not exist"),
            ("images", "is a folder"),
            ("", "column 'path' is empty"),
        ],
    )
    def test_one_that_is_not_in_the_folder_is_named_with_row_and_column(
        self, table: Any, cache: Path, tmp_path: Path, path: str, reason: str
    ) -> None:
        outside = tmp_path / "elsewhere"
        outside.mkdir()
        image(outside / "1.png", 1)
        (table.root / "link").symlink_to(outside)
        (table.root / "outside.png").symlink_to(outside / "1.png")
        table.rows[3]["path"] = path
        text = message(table, cache)
        assert text.startswith("labels.csv: row 5: column 'path'")
        assert reason in text

    def test_a_link_inside_the_folder_is_fine(self, table: Any, cache: Path) -> None:
        (table.root / "alias.png").symlink_to("images/03.png")
        table.rows[3]["path"] = "alias.png"
        assert len(read_table(table.write(), cache).splits["train"]) == 4

    def test_the_table_may_not_leave_the_folder_either(self, table: Any, cache: Path) -> None:
        table.spec["table"] = "../labels.csv"
        assert "clinic.yaml: table '../labels.csv' holds '..'" in message(table, cache)

    def test_an_image_has_one_row_however_it_is_written(self, table: Any, cache: Path) -> None:
        table.rows[9]["path"] = "./images//00.png"
        assert "row 11: column 'path' is 'images/00.png', as in row 2" in message(table, cache)

    def test_one_image_in_two_splits_needs_an_explicit_key(self, table: Any, cache: Path) -> None:
        image(table.root / "images/09.png", 0)
        text = message(table, cache)
        assert "images/00.png (train) and images/09.png (test) are the same image" in text
        table.spec["shared_images"] = "allow"
        assert len(read_table(table.write(), cache).splits["test"]) == 4


class TestBadCells:
    @pytest.mark.parametrize(
        ("column", "cell", "expected"),
        [
            ("finding", "2", "column 'finding' is '2'; the label knows healthy (0), ill (1)"),
            ("finding", "", "column 'finding' is empty; the label knows"),
            ("part", "extra", "column 'part' is 'extra'; 'split' knows train (train), val (dev)"),
            ("sex", "X", "column 'sex' is 'X'; attribute 'sex' knows female, male"),
            ("age", "old", "column 'age' is 'old'; attribute 'age' has edges"),
            ("age", "-3", "column 'age' is '-3'; the bins of attribute 'age' go from 0 up to"),
            ("age", "nan", "column 'age' is 'nan'"),
            ("report", " ", "column 'report' (text) is empty"),
        ],
    )
    def test_one_line_names_row_column_and_value(
        self, table: Any, cache: Path, column: str, cell: str, expected: str
    ) -> None:
        table.rows[5][column] = cell
        text = message(table, cache)
        assert text.startswith("labels.csv: row 7: ")
        assert expected in text

    def test_a_cell_that_could_be_a_note_is_not_printed(self, table: Any, cache: Path) -> None:
        table.spec["attributes"]["sex"]["column"] = "report"
        for row in table.rows:
            row["report"] = "Jane Doe, 54, was seen for glaucoma in both eyes"
        text = message(table, cache)
        assert "a text of 48 characters (and 11 more rows)" in text
        assert "Jane" not in text

    def test_a_class_without_samples_in_a_split_is_named(self, table: Any, cache: Path) -> None:
        for row in table.rows[8:]:
            row["finding"] = "0"
        assert "no row of test has the class 'ill'" in message(table, cache)

    def test_a_split_without_rows_is_named(self, table: Any, cache: Path) -> None:
        del table.rows[4:8]
        assert "no row is for val" in message(table, cache)

    def test_a_split_of_only_unknown_attributes_is_named(self, table: Any, cache: Path) -> None:
        for row in table.rows[4:8]:
            row["age"] = "-1"
        assert "val: every sample has an unknown attribute" in message(table, cache)


class TestBadFiles:
    def test_a_missing_column_is_named_with_the_key_that_asks_for_it(
        self, table: Any, cache: Path
    ) -> None:
        for row in table.rows:
            row["diagnosis"] = row.pop("finding")
        text = message(table, cache)
        assert "labels.csv: has no column 'finding' (label.column); it has path, part" in text

    def test_a_short_row_is_named(self, table: Any, cache: Path) -> None:
        root = table.write()
        path = root / "labels.csv"
        path.write_text(path.read_text() + "images/00.png,1\n")
        with pytest.raises(FairbenchError, match="row 14 has 2 cells, the header 7"):
            read_table(root, cache)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'path,finding\n"open', b"a,a\n"])
    def test_files_that_are_no_tables_are_one_line(
        self, table: Any, cache: Path, content: bytes
    ) -> None:
        root = table.write()
        (root / "labels.csv").write_bytes(content)
        with pytest.raises(FairbenchError, match=r"labels\.csv"):
            read_table(root, cache)
        (root / "labels.csv").rename(root / "labels.parquet")
        table.spec["table"] = "labels.parquet"
        table.rows[0]["path"] = "x"
        (root / "clinic.yaml").write_text(
            (root / "clinic.yaml").read_text().replace("labels.csv", "labels.parquet")
        )
        with pytest.raises(FairbenchError, match="damaged, or not a Parquet file"):
            read_table(root, cache)

    @pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
    def test_an_image_that_cannot_be_read_is_named(
        self, table: Any, cache: Path, damage: str
    ) -> None:
        path = table.root / "images/02.png"
        whole = path.read_bytes()
        path.write_bytes({"truncated": whole[:20], "text": b"no image", "empty": b""}[damage])
        assert "images/02.png: truncated, damaged or not an image" in message(table, cache)


class TestCheck:
    def test_counts_are_those_of_the_rows(self, table: Any) -> None:
        report = check(table.write())
        assert report.problems == []
        assert [(c.split, c.files, c.by_class) for c in report.splits] == [
            (split, 4, (2, 2)) for split in SPLITS
        ]
        for found in report.groups:
            rows = table.rows[4 * SPLITS.index(found.split) :][:4]
            if found.attribute == "sex" and found.group != "unknown":
                cell = {"female": "F", "male": "M"}[found.group]
                labels = Counter(row["finding"] for row in rows if row["sex"] == cell)
                assert found.by_class == (labels["0"], labels["1"])
        crossed = [c for c in report.intersections if c.split == "test"]
        assert sum(sum(c.by_class) for c in crossed) == 4
        assert "sex×age" in "".join(report.warnings)

    def test_all_problems_are_listed_and_no_report_is_quoted(self, table: Any) -> None:
        table.rows[0]["sex"], table.rows[1]["age"] = "X", "old"
        table.rows[2]["path"] = "../x.png"
        (table.root / "images/05.png").write_bytes(b"damaged")
        problems = check(table.write()).problems
        assert len(problems) == 4
        for part in ("'X'", "'old'", "'../x.png'", "05.png"):
            assert any(part in line for line in problems)
        assert "report of" not in "".join(problems)

    def test_the_same_image_in_two_splits_is_a_problem(self, table: Any) -> None:
        image(table.root / "images/09.png", 0)
        (problem,) = check(table.write()).problems
        assert "two splits hold the same image" in problem

    def test_a_table_without_text_is_usable_with_a_warning(self, table: Any) -> None:
        del table.spec["text"]
        report = check(table.write())
        assert report.usable
        assert "text_source=label" in report.warnings[0]

    def test_a_broken_description_is_a_report(self, table: Any) -> None:
        del table.spec["label"]
        (problem,) = check(table.write()).problems
        assert "clinic.yaml: field 'label' is missing" in problem


def test_tables_written_by_other_programs_are_read(table: Any, cache: Path) -> None:
    expected = read_table(table.write(), cache).fingerprint
    path = table.root / "labels.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(table.rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(table.rows)
    assert read_table(table.root, cache).fingerprint == expected
