from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.data.image_cache import cached_images
from benchmark.data.image_sums import SUM_BYTES
from benchmark.errors import FairbenchError

COUNT, SHAPE = 14, (2, 3, 5)
SIZE = 2 * 3 * 5
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE)).astype(np.uint8)
IMAGES[5] = 0  # what a crash can leave, too
HEADER = 128


def saved(images: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    np.save(file, images)
    return file.getvalue()


WHOLE = saved(IMAGES)


@dataclass
class Cache:
    """A cache file of the images above, and which of them were made for it."""

    path: Path
    made: list[int] = field(default_factory=list)
    fails_at: int = -1
    fails_by: type[BaseException] = KeyboardInterrupt

    def make(self, index: int) -> NDArray[np.uint8]:
        if index == self.fails_at:
            raise self.fails_by
        self.made.append(index)
        image: NDArray[np.uint8] = IMAGES[index]
        return image

    def open(self) -> NDArray[np.uint8]:
        return cached_images(self.path, COUNT, self.make, "making")

    def beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    @property
    def names(self) -> list[str]:
        return sorted(p.name for p in self.path.parent.iterdir() if p.suffix != ".lock")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "key" / "train.npy")


@contextmanager
def fresh(name: str = "key") -> Iterator[Cache]:
    """A cache for one example of a property."""
    with TemporaryDirectory() as folder:
        yield Cache(Path(folder) / name / "train.npy")


def unfinished(cache: Cache) -> None:
    """Leave what a process leaves that was killed just before the file got its name."""
    cache.open()
    cache.path.rename(cache.beside(".partial"))
    cache.made.clear()


def make_slowly(path: Path, log: Path) -> None:
    def make(index: int) -> NDArray[np.uint8]:
        time.sleep(0.02)
        with log.open("a") as file:
            file.write(f"{index}\n")
        image: NDArray[np.uint8] = IMAGES[index]
        return image

    assert np.array_equal(cached_images(path, COUNT, make, "making"), IMAGES)


def start(path: Path, log: Path) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=make_slowly, args=(path, log))
    process.start()
    return process


class TestTheFile:
    def test_is_what_numpy_saves_and_is_mapped_read_only(self, cache: Cache) -> None:
        images = cache.open()
        assert isinstance(images, np.memmap)
        assert not images.flags.writeable
        assert np.array_equal(images, IMAGES)
        assert cache.path.read_bytes() == WHOLE
        assert sorted(cache.made) == list(range(COUNT))
        assert cache.names == ["train.npy", "train.npy.sums"]

    def test_is_made_once(self, cache: Cache) -> None:
        cache.open()
        assert np.array_equal(cache.open(), IMAGES)
        assert len(cache.made) == COUNT

    def test_progress_counts_what_is_made(self, cache: Cache) -> None:
        told: list[tuple[str, int, int]] = []
        cached_images(cache.path, COUNT, cache.make, "making", lambda *step: told.append(step))
        assert told == [("making", n, COUNT) for n in range(1, COUNT + 1)]

    def test_images_of_different_shapes_are_an_error(self, cache: Cache) -> None:
        with pytest.raises(ValueError, match=r"made \(2, 3, 6\), then \(2, 3, 5\)"):
            cached_images(cache.path, 2, lambda i: np.zeros((2, 3, 5 + i), np.uint8), "making")
        assert cache.names == []

    def test_of_an_earlier_version_stays_and_is_guarded_from_then_on(self, cache: Cache) -> None:
        cache.path.parent.mkdir()
        cache.path.write_bytes(WHOLE)
        before = cache.path.stat()
        assert np.array_equal(cache.open(), IMAGES)
        after = cache.path.stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
        assert cache.made == []
        cache.path.write_bytes(WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]))
        assert np.array_equal(cache.open(), IMAGES)
        assert sorted(cache.made) == [0, COUNT - 1]

    @given(st.data())
    @settings(max_examples=40)
    def test_no_damaged_byte_reaches_a_model(self, data: st.DataObject) -> None:
        with fresh() as cache:
            cache.open()
            path = data.draw(st.sampled_from([cache.path, cache.beside(".sums")]))
            content = bytearray(path.read_bytes())
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] ^= data.draw(st.integers(1, 255))
            path.write_bytes(content)
            assert np.array_equal(cache.open(), IMAGES)
            assert cache.path.read_bytes() == WHOLE
            assert cache.names == ["train.npy", "train.npy.sums"]

    @pytest.mark.parametrize("length", [0, 10, HEADER, len(WHOLE) - 1])
    def test_a_file_that_is_too_short_is_made_again(self, cache: Cache, length: int) -> None:
        cache.open()
        cache.path.write_bytes(WHOLE[:length])
        assert np.array_equal(cache.open(), IMAGES)
        assert cache.path.read_bytes() == WHOLE

    def test_missing_checksums_of_some_images_have_these_made_again(self, cache: Cache) -> None:
        cache.open()
        sums = cache.beside(".sums")
        sums.write_bytes(sums.read_bytes()[: 10 * SUM_BYTES - 1])
        cache.made.clear()
        assert np.array_equal(cache.open(), IMAGES)
        assert sorted(cache.made) == [0, 9, 10, 11, 12, 13]


class TestAfterAnInterruption:
    def test_what_was_made_is_not_made_again(self, cache: Cache) -> None:
        cache.fails_at = 9
        with pytest.raises(KeyboardInterrupt):
            cache.open()
        assert cache.names == ["train.npy.partial", "train.npy.sums"]
        cache.fails_at = -1
        cache.made.clear()
        assert np.array_equal(cache.open(), IMAGES)
        assert sorted(cache.made) == [0, *range(9, COUNT)]
        assert cache.path.read_bytes() == WHOLE

    @given(st.data())
    @settings(max_examples=100)
    def test_whatever_a_crash_left_the_images_are_right_and_sound_ones_stay(
        self, data: st.DataObject
    ) -> None:
        with fresh() as cache:
            unfinished(cache)
            lost: set[int] = set()
            for suffix, begin, size in ((".partial", HEADER, SIZE), (".sums", 0, SUM_BYTES)):
                file = cache.beside(suffix)
                sound = file.read_bytes()
                left = bytearray(sound)
                start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(left))] * 2)))
                kind = data.draw(st.sampled_from(["none", "end", "zeros", "noise", "more"]))
                if kind == "end":
                    del left[start:]
                elif kind == "zeros":
                    left[start:end] = bytes(end - start)
                elif kind == "noise":
                    left[start:end] = np.random.default_rng(start).bytes(end - start)
                elif kind == "more":
                    left += b"more"
                file.write_bytes(left)
                for index in range(COUNT):
                    place = slice(begin + index * size, begin + (index + 1) * size)
                    if sound[place] != left[place]:
                        lost.add(index)
            assert np.array_equal(cache.open(), IMAGES)
            assert cache.path.read_bytes() == WHOLE
            assert sorted(cache.made) == sorted(lost | {0})
            assert cache.names == ["train.npy", "train.npy.sums"]

    def test_images_of_another_entry_do_not_count(self, cache: Cache) -> None:
        unfinished(cache)
        other = Cache(cache.path.parents[1] / "other" / "train.npy")
        shutil.copytree(cache.path.parent, other.path.parent)
        assert np.array_equal(other.open(), IMAGES)
        assert sorted(other.made) == list(range(COUNT))

    def test_images_at_another_place_do_not_count(self, cache: Cache) -> None:
        unfinished(cache)
        for suffix, begin, size in ((".partial", HEADER, SIZE), (".sums", 0, SUM_BYTES)):
            content = bytearray(cache.beside(suffix).read_bytes())
            two, three = (slice(begin + i * size, begin + (i + 1) * size) for i in (2, 3))
            content[two], content[three] = content[three], content[two]
            cache.beside(suffix).write_bytes(content)
        assert np.array_equal(cache.open(), IMAGES)
        assert sorted(cache.made) == [0, 2, 3]

    def test_a_partial_file_without_checksums_is_written_over(self, cache: Cache) -> None:
        unfinished(cache)
        cache.beside(".sums").unlink()
        assert np.array_equal(cache.open(), IMAGES)
        assert sorted(cache.made) == list(range(COUNT))

    def test_a_killed_process_loses_at_most_what_it_had_not_written(
        self, cache: Cache, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        process = start(cache.path, log)
        deadline = time.monotonic() + 60
        sums = cache.beside(".sums")
        while not (sums.exists() and sums.stat().st_size >= 5 * SUM_BYTES):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        assert not cache.path.exists()
        assert np.array_equal(cache.open(), IMAGES)
        assert not set(cache.made) & {1, 2, 3, 4}

    def test_two_processes_at_once_make_each_image_once(self, cache: Cache, tmp_path: Path) -> None:
        log = tmp_path / "log"
        processes = [start(cache.path, log) for _ in range(2)]
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]
        assert sorted(map(int, log.read_text().split())) == list(range(COUNT))


class TestErrors:
    def test_an_error_leaves_nothing(self, cache: Cache) -> None:
        cache.fails_at, cache.fails_by = 9, FairbenchError
        with pytest.raises(FairbenchError):
            cache.open()
        assert cache.names == []

    def test_a_damaged_file_that_cannot_be_mended_never_counts_as_whole(self, cache: Cache) -> None:
        cache.open()
        cache.path.write_bytes(WHOLE[:-1] + b"?")
        cache.fails_at, cache.fails_by = 0, FairbenchError
        with pytest.raises(FairbenchError):
            cache.open()
        cache.fails_at = -1
        assert np.array_equal(cache.open(), IMAGES)

    @pytest.mark.parametrize("room", [20, HEADER + 3 * SIZE + 7])
    def test_a_full_disk_is_one_clear_line_and_leaves_nothing(
        self, cache: Cache, room: int
    ) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            with pytest.raises(FairbenchError, match=r"train\.npy cannot be written.*too large"):
                cache.open()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, former)
        assert cache.names == []
        assert np.array_equal(cache.open(), IMAGES)
