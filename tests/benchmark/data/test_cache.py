from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from benchmark.data.cache import cache_root, locked, whole_file, writable
from benchmark.errors import FairbenchError


def write_slowly(path: Path, letter: bytes) -> None:
    with locked(path), whole_file(path) as file:
        for _ in range(20):
            file.write(letter * 1000)
            file.flush()
            time.sleep(0.005)


def write_and_hang(path: Path) -> None:
    with locked(path), whole_file(path) as file:
        file.write(b"half")
        file.flush()
        path.with_name("ready").touch()
        time.sleep(60)


class TestCacheRoot:
    def test_the_variable_names_the_folder_and_it_is_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAIRBENCH_CACHE", str(tmp_path / "a" / "b"))
        assert cache_root() == tmp_path / "a" / "b"
        assert cache_root().is_dir()

    def test_without_it_the_users_own_cache_folder_is_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("FAIRBENCH_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        root = cache_root()
        assert root.name == "fairbench"
        assert root.is_relative_to(tmp_path)

    def test_a_folder_that_cannot_be_made_is_one_clear_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(FairbenchError, match=r"file/x cannot be written.*FAIRBENCH_CACHE"):
            writable(tmp_path / "file" / "x")


class TestWholeFile:
    def test_an_error_leaves_the_former_file(self, tmp_path: Path) -> None:
        path = tmp_path / "entry"
        path.write_bytes(b"former")
        with pytest.raises(ZeroDivisionError), whole_file(path) as file:
            file.write(bytes(1 // 0))
        assert path.read_bytes() == b"former"
        assert [p.name for p in tmp_path.iterdir()] == ["entry"]

    def test_a_full_disk_is_one_clear_line(self, tmp_path: Path) -> None:
        expected = r"No space left.*FAIRBENCH_CACHE"
        with pytest.raises(FairbenchError, match=expected), whole_file(tmp_path / "entry"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert not (tmp_path / "entry").exists()

    def test_writers_in_two_processes_take_turns(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        path = tmp_path / "entry"
        writers = [context.Process(target=write_slowly, args=(path, c)) for c in (b"a", b"b")]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(60)
        assert [writer.exitcode for writer in writers] == [0, 0]
        content = path.read_bytes()
        assert len(content) == 20_000
        assert len(set(content)) == 1

    def test_a_killed_writer_leaves_no_entry_and_no_lock(self, tmp_path: Path) -> None:
        path = tmp_path / "entry"
        writer = multiprocessing.get_context("spawn").Process(target=write_and_hang, args=(path,))
        writer.start()
        deadline = time.monotonic() + 60
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(60)
        assert not path.exists()
        with locked(path), whole_file(path) as file:
            file.write(b"whole")
        assert path.read_bytes() == b"whole"
