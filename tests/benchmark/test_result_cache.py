import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark import result_cache
from benchmark.result_cache import CODE, PACKAGE, code_digest, digest_of, load, names_in, save

VALUE = {"auc": [0.1, 1 / 3, float("inf"), -0.0], "reason": "é \n \ud800"}


class TestFile:
    def test_gives_back_what_was_kept_under_its_key_and_under_no_other(self, tmp_path):
        save(tmp_path / "cache" / "a.json", "key", VALUE)
        assert load(tmp_path / "cache" / "a.json", "key") == VALUE
        assert load(tmp_path / "cache" / "a.json", "other") is None
        assert load(tmp_path / "cache" / "b.json", "key") is None

    def test_a_change_of_any_byte_or_length_makes_it_unmade(self, tmp_path):
        path = tmp_path / "a.json"
        save(path, "key", [1, 0.5])
        content = path.read_bytes()
        for position in range(len(content)):
            path.write_bytes(bytes(b ^ (n == position) for n, b in enumerate(content)))
            assert load(path, "key") is None
            path.write_bytes(content[:position])
            assert load(path, "key") is None
        path.write_bytes(content + b" ")
        assert load(path, "key") is None

    def test_says_what_is_in_it_to_the_code_that_made_it_and_to_no_other(self, tmp_path):
        path = tmp_path / "a.json"
        save(path, "code of-run", VALUE, ["one", "é\n"])
        assert names_in(path, "code") == {"one", "é\n"}
        assert names_in(path, "other") == frozenset()
        assert load(path, "code of-run") == VALUE
        assert names_in(tmp_path / "b.json", "code") == frozenset()
        for content in (b"", b"code", b"code\n[", b"code\n7\n", b"code\n\xff\n"):
            path.write_bytes(content)
            assert names_in(path, "code") == frozenset()

    def test_a_folder_that_cannot_be_written_is_left_as_it_is(self, tmp_path):
        (tmp_path / "cache").write_text("a file")
        save(tmp_path / "cache" / "a.json", "key", 1)
        assert load(tmp_path / "cache" / "a.json", "key") is None
        assert [path.name for path in tmp_path.iterdir()] == ["cache"]

    def test_a_full_disk_leaves_the_former_value_and_nothing_else(self, tmp_path, monkeypatch):
        save(tmp_path / "a.json", "key", "former")

        def full(path, content):
            path.touch()
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        save(tmp_path / "a.json", "key", "later")
        assert load(tmp_path / "a.json", "key") == "former"
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]

    def test_of_many_writers_a_reader_sees_one_whole_value_at_any_time(self, tmp_path):
        path = tmp_path / "a.json"
        values = [[n] * 2000 for n in range(4)]
        save(path, "key", values[0])

        def write(value):
            for _ in range(50):
                save(path, "key", value)

        writers = [threading.Thread(target=write, args=(value,)) for value in values]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            assert load(path, "key") in values
        for writer in writers:
            writer.join()
        assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


class TestCodeDigest:
    def test_covers_every_module_that_values_and_configurations_are_made_by(self):
        script = "import json, sys, benchmark.kept_values; print(json.dumps([*sys.modules]))"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        used = {
            name.removeprefix("benchmark.").replace(".", "/")
            for name in json.loads(done.stdout)
            if name.startswith("benchmark.")
            and not (PACKAGE / name[10:].replace(".", "/")).is_dir()
        }
        covered = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in _sources()}
        assert used - {"version"} <= covered
        assert not used.isdisjoint(covered)

    @pytest.mark.parametrize("name", [name for name in CODE if name.endswith(".py")])
    def test_is_another_after_a_change_of_any_file(self, tmp_path, monkeypatch, name):
        monkeypatch.setattr(result_cache, "_BEGAN", float("inf"))
        before = code_digest.__wrapped__()
        for source in _sources():
            copy = tmp_path / source.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        monkeypatch.setattr(result_cache, "PACKAGE", tmp_path)
        assert code_digest.__wrapped__() == before
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
        assert code_digest.__wrapped__() != before

    @pytest.mark.parametrize("age", [0, 3600], ids=["now", "with an old time"])
    def test_of_code_edited_while_a_process_runs_it_is_no_other_process_s(
        self, tmp_path, monkeypatch, age
    ):
        for source in _sources():
            copy = tmp_path / source.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        monkeypatch.setattr(result_cache, "PACKAGE", tmp_path)
        monkeypatch.setattr(result_cache, "_BEGAN", time.time() + 10)
        fresh = [code_digest.__wrapped__() for _ in range(2)]
        assert fresh[0] == fresh[1]
        monkeypatch.setattr(result_cache, "_BEGAN", time.time() - 10)
        edited = tmp_path / "values.py"
        edited.write_bytes(edited.read_bytes())
        os.utime(edited, (time.time() - age,) * 2)
        digests = {code_digest.__wrapped__() for _ in range(3)}
        assert len({*digests, *fresh}) == 4

    def test_where_one_part_ends_matters(self):
        assert digest_of(b"ab", b"c") != digest_of(b"a", b"bc")


def _sources():
    return [*result_cache._sources()]
