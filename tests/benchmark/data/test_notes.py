from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.data.fairvlmed import read_fairvlmed
from benchmark.data.notes import find_notes, read_notes
from benchmark.errors import FairbenchError

SECRET = "the patient Jane Doe"


def write(path: Path, *rows: Sequence[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def error_of(path: Path) -> str:
    with pytest.raises(FairbenchError) as caught:
        read_notes(path)
    assert "Jane" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestFindNotes:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for name in ("gpt-4_summarized_notes", "pmc-llama_summarized_notes", "original_notes"):
            (tmp_path / f"{name}.csv").touch()
        (tmp_path / "data_summary.csv").touch()
        return tmp_path

    @pytest.mark.parametrize(
        ("option", "file"),
        [
            ("gpt-4", "gpt-4_summarized_notes.csv"),
            ("gpt4", "gpt-4_summarized_notes.csv"),
            ("pmc-llama", "pmc-llama_summarized_notes.csv"),
            ("PMC_LLaMA", "pmc-llama_summarized_notes.csv"),
            ("original", "original_notes.csv"),
            ("data_summary.csv", "data_summary.csv"),
        ],
    )
    def test_an_option_names_a_file(self, root: Path, option: str, file: str) -> None:
        assert find_notes(root, option) == root / file

    def test_the_public_scripts_spelling_of_the_file_is_known(self, root: Path) -> None:
        (root / "gpt-4_summarized_notes.csv").rename(root / "gpt4_summarized_notes.csv")
        assert find_notes(root, "gpt-4").name == "gpt4_summarized_notes.csv"

    def test_both_spellings_at_once_are_ambiguous(self, root: Path) -> None:
        (root / "gpt4_summarized_notes.csv").touch()
        with pytest.raises(FairbenchError, match="could be"):
            find_notes(root, "gpt-4")

    def test_an_unknown_option_lists_what_the_folder_holds(self, root: Path) -> None:
        with pytest.raises(FairbenchError, match="holds: gpt-4, original, pmc-llama") as caught:
            find_notes(root, "med42")
        assert "med42_summarized_notes.csv is missing" in str(caught.value)


class TestReadNotes:
    HEADER = ("filename", "note", "summary")

    def test_text_is_column_two_stripped(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.csv", self.HEADER, (" a.npz ", "long", "  of glaucoma\n"))
        assert read_notes(path).texts == {"a.npz": "of glaucoma"}

    def test_original_notes_are_the_column_named_note_or_else_column_one(
        self, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "original_notes.csv", ("file", "age", "note"), ("a.npz", "5", "n"))
        assert read_notes(path).texts == {"a.npz": "n"}
        write(path, ("file", "text"), ("a.npz", "t"))
        assert read_notes(path).texts == {"a.npz": "t"}

    def test_swapped_file_names_are_recognised(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "x.csv", ("summary_text", "note", "filename"), (SECRET, SECRET, "a.npz")
        )
        assert "reorder the columns" in error_of(path)
        write(path, ("a", "note", "c"), (SECRET, SECRET, "a.npz"))
        text = error_of(path)
        assert "column 0 ('a') holds no .npz file name in row 2" in text
        assert "column 2 ('c') does: the columns are swapped" in text

    def test_a_summary_in_another_column_is_recognised(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.csv", ("filename", "summary", "note"), ("a.npz", "s", SECRET))
        assert "column 1 ('summary'), but column 2 is read as" in error_of(path)

    def test_a_file_without_header_is_an_error(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.csv", ("a.npz", SECRET, SECRET))
        assert "must begin with a header" in error_of(path)

    def test_a_header_that_could_be_a_note_is_not_printed(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.csv", (SECRET, SECRET, "summary"), ("b", SECRET, SECRET))
        assert "column 0 holds no .npz file name" in error_of(path)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "0 columns"),
            (b"filename,summary_\n", "reorder"),
            (b"filename,note\na.npz,x\n", "2 columns"),
            (b"filename,note,summary\na.npz,the patient Jane Doe\n", "row 2 has 2 columns"),
            (b"filename,note,summary\na.npz,x,Jane \xff\n", "not UTF-8"),
        ],
    )
    def test_a_malformed_file_is_an_error(
        self, tmp_path: Path, content: bytes, expected: str
    ) -> None:
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        assert expected in error_of(path)

    def test_a_quotation_mark_left_open_is_noticed(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        rows = "".join(f"b{i}.npz,n,{SECRET}\n" for i in range(8000))
        path.write_text(f'filename,note,summary\na.npz,"n,s\n{rows}')
        assert "quotation mark" in error_of(path)


class TestNotesInUse:
    def test_a_missing_note_names_file_and_count(self, folder: Path, cache: Path) -> None:
        path = folder / "gpt-4_summarized_notes.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("data_00003")))
        with pytest.raises(FairbenchError, match=r"no note for 1 file \(data_00003.npz\) of 96"):
            read_fairvlmed(folder, cache_dir=cache)

    def test_an_empty_note_is_a_missing_note(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.csv", ("filename", "note", "summary"), ("a.npz", "n", " "))
        assert read_notes(path).missing(["a.npz", "b.npz"]) == ["a.npz", "b.npz"]

    def test_a_second_row_for_a_file_is_an_error(self, folder: Path, cache: Path) -> None:
        with (folder / "gpt-4_summarized_notes.csv").open("a") as file:
            file.write("data_00003.npz,other,other\n")
        with pytest.raises(FairbenchError, match=r"more than one row for 1 file \(data_00003"):
            read_fairvlmed(folder, cache_dir=cache)
