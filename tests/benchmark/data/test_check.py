from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmark.cli.data_check import check as check_command
from benchmark.data.check import check
from benchmark.data.check_report import auc_standard_error

Edit = Callable[..., Path]
NOTES = "gpt-4_summarized_notes.csv"


def containing(lines: list[str], *parts: str) -> list[str]:
    return [line for line in lines if all(part in line for part in parts)]


class TestCounts:
    def test_a_sound_folder_has_no_problem(self, mini: Path) -> None:
        report = check(mini)
        assert report.problems == []
        assert report.usable
        assert [(c.split, c.files, c.kept) for c in report.splits] == [
            ("train", 96, 96),
            ("val", 40, 36),
            ("test", 60, 54),
        ]

    def test_groups_are_counted_by_class_and_unknown_before_dropping(self, mini: Path) -> None:
        fields = ("ethnicity", "language", "race", "gender", "glaucoma")
        rows = [[int(np.load(path)[field]) for field in fields] for path in mini.glob("Test/*.npz")]
        counts = {(c.split, c.attribute, c.group): c.by_class for c in check(mini).groups}
        known = [row for row in rows if -1 not in row[:4]]
        hispanic = [row[4] for row in known if row[0] == 1]
        assert counts["test", "ethnicity", "hispanic"] == (hispanic.count(0), hispanic.count(1))
        assert sum(counts["test", "language", "unknown"]) == sum(row[1] == -1 for row in rows)

    def test_small_groups_are_named_with_their_counts(self, mini: Path) -> None:
        warnings = check(mini).warnings
        assert containing(warnings, "test: language 'other' has 2 non-glaucoma and 2 glaucoma")
        assert not containing(warnings, "test: race 'white'")

    def test_a_group_of_one_class_cannot_be_estimated(self, folder: Path, edit: Edit) -> None:
        for path in sorted((folder / "Test").iterdir()):
            if np.load(path)["language"] == 2:
                edit(f"Test/{path.name}", glaucoma=np.array(1))
        assert containing(check(folder).warnings, "language 'other'", "cannot be estimated")


class TestAucStandardError:
    def test_agrees_with_simulated_exponential_scores(self) -> None:
        # Of exponential scores with means 3 and 1 the first is larger with probability 3/4.
        generator = np.random.default_rng(0)
        positive = generator.exponential(3.0, (20_000, 9, 1))
        negative = generator.exponential(1.0, (20_000, 1, 15))
        aucs = (positive > negative).mean(axis=(1, 2))
        assert aucs.mean() == pytest.approx(0.75, abs=0.005)
        assert auc_standard_error(9, 15, 0.75) == pytest.approx(aucs.std(), rel=0.03)

    def test_without_both_classes_it_is_undefined(self) -> None:
        assert np.isnan(auc_standard_error(0, 9, 0.75))


class TestProblems:
    def test_every_problem_is_listed_not_only_the_first(self, folder: Path, edit: Edit) -> None:
        edit("Training/data_00001.npz", race=np.array(7), gender=None)
        edit("Test/data_00150.npz", glaucoma=np.array(3))
        (folder / "Validation" / "data_00100.npz").write_bytes(b"PK")
        problems = check(folder).problems
        assert containing(problems, "data_00001.npz", "'race' is 7")
        assert containing(problems, "data_00001.npz", "'gender' is missing")
        assert containing(problems, "data_00150.npz", "'glaucoma' is 3")
        assert containing(problems, "data_00100.npz", "truncated")
        assert len(problems) == 4

    def test_a_missing_folder_does_not_hide_other_problems(self, folder: Path, edit: Edit) -> None:
        shutil.rmtree(folder / "Validation")
        edit("Test/data_00150.npz", glaucoma=np.array(3))
        problems = check(folder).problems
        assert containing(problems, "folder Validation is missing")
        assert containing(problems, "'glaucoma' is 3")
        assert containing(problems, "data_summary.csv", "in no folder: 40 files")

    def test_splits_that_share_a_name_or_an_image(self, folder: Path, edit: Edit) -> None:
        shutil.copy(folder / "Training" / "data_00001.npz", folder / "Test")
        image = np.load(folder / "Training" / "data_00002.npz")["slo_fundus"]
        edit("Validation/data_00100.npz", slo_fundus=image)
        edit("Validation/data_00101.npz", slo_fundus=image)
        report = check(folder)
        assert containing(report.problems, "train and test share a file name: 1 file (data_00001")
        assert containing(report.problems, "train holds the same image as val's 2 files")
        assert containing(report.warnings, "val: 1 images occur more than once")

    def test_notes_without_image_and_images_without_note(self, folder: Path) -> None:
        (folder / "Test" / "data_00150.npz").unlink()
        lines = (folder / NOTES).read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("data_00001")]
        (folder / NOTES).write_text("".join(kept) + kept[-1])
        report = check(folder)
        assert containing(report.problems, "no note for train: 1 file (data_00001.npz)")
        assert containing(report.problems, "more than one row for 1 file")
        assert containing(report.warnings, "notes without image: 1 file (data_00150.npz)")

    def test_unknown_notes_are_a_problem_beside_others(self, folder: Path) -> None:
        assert containing(check(folder, "med42").problems, "unknown notes 'med42'")

    def test_a_missing_root_is_a_report(self, tmp_path: Path) -> None:
        assert containing(check(tmp_path / "nowhere").problems, "no such folder")


class TestDataSummary:
    def test_its_contradictions_are_problems(self, folder: Path, edit: Edit) -> None:
        edit("Training/data_00001.npz", glaucoma=np.array(0))
        path = folder / "data_summary.csv"
        text = path.read_text().replace("data_00002.npz,training", "data_00002.npz,test")
        path.write_text(text)
        problems = check(folder).problems
        assert containing(problems, "not the label in the file: 1 file (data_00001.npz)")
        assert containing(problems, "'use' is not the folder", "1 file (data_00002.npz)")
        assert len(problems) == 2

    def test_labels_in_words_are_understood(self, folder: Path) -> None:
        path = folder / "data_summary.csv"
        head, *rows = path.read_text().splitlines()
        place = head.split(",").index("glaucoma")
        cells = [row.split(",") for row in rows]
        for row in cells:
            row[place] = {"0": "no", "1": "yes"}[row[place]]
        path.write_text("\n".join([head, *(",".join(row) for row in cells)]))
        assert check(folder).problems == []

    def test_without_it_there_is_a_warning(self, folder: Path) -> None:
        (folder / "data_summary.csv").unlink()
        report = check(folder)
        assert report.usable
        assert containing(report.warnings, "data_summary.csv: missing")

    def test_a_missing_column_is_a_problem(self, folder: Path) -> None:
        path = folder / "data_summary.csv"
        path.write_text(path.read_text().replace("filename,use", "filename,part", 1))
        assert containing(check(folder).problems, "column 'use' is missing")


class TestCommand:
    @pytest.fixture
    def app(self) -> typer.Typer:
        app = typer.Typer()
        app.command()(check_command)
        return app

    def test_a_folder_with_warnings_only_passes(self, app: typer.Typer, mini: Path) -> None:
        result = CliRunner().invoke(app, [str(mini)])
        assert result.exit_code == 0
        assert "0 problems" in result.output
        assert "\x1b" not in result.output

    def test_problems_exit_with_two_and_stay_on_one_line(
        self, app: typer.Typer, folder: Path, edit: Edit
    ) -> None:
        edit("Training/data_00017.npz", race=np.array(7))
        result = CliRunner().invoke(app, [str(folder), "--notes", "gpt4"])
        assert result.exit_code == 2
        expected = "0 (asian), 1 (black), 2 (white) and -1 (unknown)"
        assert containing(result.output.splitlines(), "problem: ", "data_00017.npz", expected)

    def test_no_note_text_is_printed(self, app: typer.Typer, folder: Path) -> None:
        (folder / NOTES).write_text("filename,note,summary\nJane Doe,Jane Doe,data_00001.npz\n")
        result = CliRunner().invoke(app, [str(folder)])
        assert result.exit_code == 2
        assert "swapped" in result.output
        assert "Jane" not in result.output

    def test_other_formats_are_found_by_their_files(
        self, app: typer.Typer, table: Any, faces: Path
    ) -> None:
        table.spec["attributes"]["sex"]["groups"] = {"[Frau] 女": ["F"], "man": ["M"]}
        result = CliRunner().invoke(app, [str(table.write())])
        assert result.exit_code == 0
        assert containing(result.output.splitlines(), "sex", "[Frau] 女", "1 + 1")
        assert "report of" not in result.output
        result = CliRunner().invoke(app, [str(faces), "--intersections"])
        assert result.exit_code == 0
        assert containing(result.output.splitlines(), "race×age", "White × 0-2")

    def test_an_unknown_dataset_names_the_known_ones(self, app: typer.Typer, mini: Path) -> None:
        error = CliRunner().invoke(app, [str(mini), "--dataset", "fairvlmet"]).exception
        assert "Did you mean 'fairvlmed'" in str(error)
