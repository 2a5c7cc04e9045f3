import hashlib
import json

import pytest

from benchmark.errors import FairbenchError
from benchmark.report.files import staged, write_texts


def write(out, name, files):
    with staged(out, name) as folder:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)


def files_in(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }


class TestWriteTexts:
    def test_replaces_files_whole_and_leaves_nothing_else(self, tmp_path):
        write_texts(tmp_path / "out", {"a.md": "long text", "b.csv": "é"})
        paths = write_texts(tmp_path / "out", {"a.md": "new"})
        assert paths == [tmp_path / "out" / "a.md"]
        assert files_in(tmp_path / "out") == {"a.md": b"new", "b.csv": "é".encode()}

    def test_a_folder_that_cannot_be_made_is_one_clear_line(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(FairbenchError, match=r"report folder .* give another with --out"):
            write_texts(tmp_path / "file" / "out", {"a.md": ""})


class TestStaged:
    def test_files_of_an_earlier_report_do_not_survive(self, tmp_path):
        write(tmp_path, "comparison", {"a.md": b"1", "figures/x.svg": b"1", "b.csv": b"1"})
        write(tmp_path, "comparison", {"a.md": b"2", "b.csv": b"2"})
        found = files_in(tmp_path)
        assert {name for name in found if not name.endswith("files.json")} == {"a.md", "b.csv"}
        assert found["a.md"] == found["b.csv"] == b"2"
        assert not (tmp_path / "figures").exists()

    def test_folders_within_folders_go_with_their_last_file(self, tmp_path):
        names = [f"{a}/{b}/{c}/x.tex" for a in "pq" for b in "rs" for c in "tu"]
        write(tmp_path, "comparison", dict.fromkeys(names, b"1"))
        write(tmp_path, "comparison", {"a.md": b"2"})
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == []

    def test_a_link_to_a_users_folder_stays_and_so_does_what_is_there(self, tmp_path):
        out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
        out.mkdir()
        elsewhere.mkdir()
        (out / "figures").symlink_to(elsewhere)
        write(out, "comparison", {"figures/x.svg": b"1"})
        (elsewhere / "mine.svg").write_bytes(b"mine")
        write(out, "comparison", {"a.md": b"2"})
        assert files_in(elsewhere) == {"mine.svg": b"mine"}
        (elsewhere / "mine.svg").unlink()
        write(out, "comparison", {"figures/x.svg": b"3"})
        write(out, "comparison", {"a.md": b"4"})
        assert (out / "figures").is_symlink()
        assert json.loads((out / "comparison.files.json").read_text())["complete"]

    def test_other_files_of_the_folder_are_left_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        write(tmp_path, "ablation", {"ablation.md": b"1"})
        write(tmp_path, "comparison", {"figures/x.svg": b"1"})
        (tmp_path / "figures" / "mine.svg").write_text("mine")
        write(tmp_path, "comparison", {"a.md": b"2"})
        assert {"notes.txt", "ablation.md", "figures/mine.svg"} <= files_in(tmp_path).keys()

    def test_an_error_changes_nothing(self, tmp_path):
        write(tmp_path, "comparison", {"a.md": b"1"})
        before = files_in(tmp_path)
        with pytest.raises(RuntimeError, match="while drawing"):
            fail_half_way(tmp_path)
        assert files_in(tmp_path) == before
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == []

    def test_a_report_that_was_cut_off_is_marked_and_cleaned_up_by_the_next(
        self, tmp_path, monkeypatch
    ):
        write(tmp_path, "comparison", {"a.md": b"1", "old.csv": b"1"})
        with monkeypatch.context() as patch:
            patch.setattr("benchmark.report.files._move", cut_off)
            with pytest.raises(KeyboardInterrupt):
                write(tmp_path, "comparison", {"a.md": b"2", "new.csv": b"2"})
        listed = json.loads((tmp_path / "comparison.files.json").read_text())
        assert not listed["complete"]
        assert listed["files"].keys() == {"a.md", "old.csv", "new.csv"}
        assert files_in(tmp_path).keys() == {"comparison.files.json"}
        write(tmp_path, "comparison", {"b.md": b"3"})
        assert files_in(tmp_path).keys() == {"comparison.files.json", "b.md"}

    def test_the_list_has_the_hash_of_every_file(self, tmp_path):
        write(tmp_path, "comparison", {"a.md": b"1", "latex/t.tex": b"2"})
        listed = json.loads((tmp_path / "comparison.files.json").read_text())
        assert listed == {
            "complete": True,
            "files": {
                "a.md": hashlib.sha256(b"1").hexdigest(),
                "latex/t.tex": hashlib.sha256(b"2").hexdigest(),
            },
        }

    @pytest.mark.parametrize(
        "text", ["no json", "[]", '{"files": ["../x"]}', '{"files": ["/etc/x"]}', '{"files": 1}']
    )
    def test_what_is_no_list_of_files_deletes_nothing(self, tmp_path, text):
        (tmp_path / "comparison.files.json").write_text(text)
        with pytest.raises(FairbenchError, match=r"comparison\.files\.json: is not the list"):
            write(tmp_path, "comparison", {"a.md": b"1"})


def fail_half_way(out):
    with staged(out, "comparison") as folder:
        (folder / "a.md").write_text("half")
        raise RuntimeError("while drawing")


def cut_off(*_):
    raise KeyboardInterrupt
