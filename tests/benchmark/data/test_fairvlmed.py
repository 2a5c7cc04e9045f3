from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.npyio import NpzFile

from benchmark.data import sample_index
from benchmark.data.dataset import SPLITS, Source, sample_ids
from benchmark.data.fairvlmed import read_fairvlmed
from benchmark.errors import FairbenchError

Edit = Callable[..., Path]
RECORDED = Path(__file__).parents[2] / "data" / "mini_preprocess.npz"
FIRST_NOTE_CSV = "gpt-4_summarized_notes.csv"


def message(root: Path, cache: Path, notes: str = "gpt-4") -> str:
    with pytest.raises(FairbenchError) as caught:
        read_fairvlmed(root, notes, cache)
    text = str(caught.value)
    assert "\n" not in text
    return text


class TestSamples:
    def test_test_split_is_what_the_public_loader_kept(self, mini: Path, cache: Path) -> None:
        recorded = np.load(RECORDED)
        test = read_fairvlmed(mini, cache_dir=cache).splits["test"]
        assert test.files == tuple(f"data_{n:05d}.npz" for n in recorded["test_files"])
        columns = [test.label, *(test.attributes[a] for a in test.attributes)]
        assert np.stack(columns, 1).tolist() == recorded["test_label_and_attributes"].tolist()
        assert list(test.attributes) == ["race", "gender", "ethnicity", "language"]

    def test_training_keeps_unknown_attributes_and_the_others_count_what_they_drop(
        self, mini: Path, cache: Path
    ) -> None:
        source = read_fairvlmed(mini, cache_dir=cache)
        assert {split: len(source.splits[split]) for split in SPLITS} == {
            "train": 96,
            "val": 36,
            "test": 54,
        }
        assert source.dropped == {"train": 0, "val": 4, "test": 6}
        assert (source.splits["train"].attributes["ethnicity"] == -1).sum() == 4

    def test_images_are_the_arrays_in_the_files(self, mini: Path, cache: Path) -> None:
        source: Source = read_fairvlmed(mini, cache_dir=cache)
        for index in (0, 53):
            file = mini / "Test" / source.splits["test"].files[index]
            expected = np.load(file)["slo_fundus"]
            assert np.array_equal(source.image("test", index), expected)

    def test_a_folder_with_the_generators_mark_is_synthetic(
        self, folder: Path, cache: Path
    ) -> None:
        (folder / "synthetic.json").write_text(json.dumps({"dataset": "synthetic"}))
        assert read_fairvlmed(folder, cache_dir=cache).schema.name == "synthetic"

    def test_an_error_of_the_parser_that_threads_share_is_no_error_of_a_file(
        self, mini: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = read_fairvlmed(mini, cache_dir=cache).fingerprint
        read, calls = NpzFile.__getitem__, itertools.count()

        def sometimes(archive: NpzFile, name: str) -> Any:
            if next(calls) % 7 == 0:
                raise SystemError("AST constructor recursion depth mismatch (before=48, after=42)")
            return read(archive, name)

        monkeypatch.setattr(NpzFile, "__getitem__", sometimes)
        assert read_fairvlmed(mini, cache_dir=cache / "empty").fingerprint == expected
        assert next(calls) > 1000

    def test_hidden_files_are_not_samples(self, folder: Path, cache: Path) -> None:
        (folder / "Test" / "._data_00137.npz").write_bytes(b"resource fork")
        assert len(read_fairvlmed(folder, cache_dir=cache).splits["test"]) == 54

    def test_sample_ids_differ_between_datasets_and_files(self) -> None:
        ids = [*sample_ids("fairvlmed", ["a.npz", "b.npz"]), *sample_ids("synthetic", ["a.npz"])]
        assert len(set(ids)) == 3
        assert all(re.fullmatch("[0-9a-f]{16}", str(i)) for i in ids)


class TestFolders:
    def test_testing_is_read_as_test(self, folder: Path, cache: Path) -> None:
        before = read_fairvlmed(folder, cache_dir=cache)
        (folder / "Test").rename(folder / "Testing")
        after = read_fairvlmed(folder, cache_dir=cache)
        assert after.fingerprint == before.fingerprint

    def test_a_link_from_testing_to_test_is_fine(self, folder: Path, cache: Path) -> None:
        (folder / "Testing").symlink_to("Test")
        assert len(read_fairvlmed(folder, cache_dir=cache).splits["test"]) == 54

    def test_two_different_test_folders_are_an_error(self, folder: Path, cache: Path) -> None:
        shutil.copytree(folder / "Test", folder / "Testing")
        assert "both Test and Testing" in message(folder, cache)

    @pytest.mark.parametrize("name", ["Training", "Validation", "Test"])
    def test_a_missing_folder_is_named(self, folder: Path, cache: Path, name: str) -> None:
        shutil.rmtree(folder / name)
        assert f"folder {name}" in message(folder, cache)

    def test_a_missing_root_is_named(self, tmp_path: Path, cache: Path) -> None:
        assert f"{tmp_path / 'nowhere'}: no such folder" in message(tmp_path / "nowhere", cache)

    def test_an_empty_split_is_named(self, folder: Path, cache: Path) -> None:
        for file in (folder / "Validation").iterdir():
            file.unlink()
        assert f"{folder / 'Validation'}: holds no .npz file" in message(folder, cache)

    def test_a_file_name_in_two_splits_is_an_error(self, folder: Path, cache: Path) -> None:
        shutil.copy(folder / "Training" / "data_00001.npz", folder / "Test")
        assert "Training and Test share 1 file (data_00001.npz)" in message(folder, cache)


class TestBadSamples:
    def test_a_race_code_outside_the_schema(self, folder: Path, cache: Path, edit: Edit) -> None:
        edit("Training/data_00017.npz", race=np.array(7))
        assert message(folder, cache).endswith(
            "data_00017.npz: field 'race' is 7; FairVLMed knows 0 (asian), 1 (black), 2 (white)"
            " and -1 (unknown)"
        )

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("glaucoma", np.array(-1), "'glaucoma' is -1; FairVLMed knows 0 (non-glaucoma) and 1"),
            ("glaucoma", np.array(0.5), "'glaucoma' is 0.5"),
            ("language", np.array(np.nan), "'language' is nan"),
            ("gender", None, "'gender' is missing"),
            ("gender", np.array("a patient's words"), "'gender' has dtype <U17"),
            ("race", np.array([1, 2]), "shape (2,)"),
            ("race", np.array({"a": 1}, dtype=object), "'race' is a pickled object"),
            ("slo_fundus", None, "'slo_fundus' is missing"),
            ("slo_fundus", np.zeros((4, 4), np.float32), "whole numbers from 0 to 255"),
            ("slo_fundus", np.full((4, 4), 0.5), "do not fit into 8 bits"),
            ("slo_fundus", np.zeros((4, 4, 2), np.uint8), "uint8 of shape (4, 4, 2)"),
            ("slo_fundus", np.zeros((0, 4), np.uint8), "(0, 4)"),
            ("slo_fundus", np.zeros((5, 5, 3), np.uint8), "3 channels"),
        ],
    )
    def test_a_bad_field_is_named_with_its_file(
        self, folder: Path, cache: Path, edit: Edit, field: str, value: Any, expected: str
    ) -> None:
        edit("Test/data_00137.npz", **{field: value})
        text = message(folder, cache)
        assert "Test/data_00137.npz" in text
        assert expected in text
        assert "words" not in text

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.999])
    def test_a_truncated_file_is_named(self, folder: Path, cache: Path, share: float) -> None:
        path = folder / "Training" / "data_00005.npz"
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        assert "Training/data_00005.npz: truncated, damaged" in message(folder, cache)

    def test_bytes_damaged_inside_the_image_are_noticed(self, folder: Path, cache: Path) -> None:
        path = folder / "Training" / "data_00005.npz"
        content = bytearray(path.read_bytes())
        content[1000:1040] = bytes(40)
        path.write_bytes(content)
        assert "Training/data_00005.npz: truncated, damaged" in message(folder, cache)

    def test_a_bare_array_named_npz_is_not_read(self, folder: Path, cache: Path) -> None:
        with (folder / "Test" / "data_00140.npz").open("wb") as file:
            np.save(file, np.zeros(3))
        assert "Test/data_00140.npz: truncated, damaged or not an .npz" in message(folder, cache)

    def test_a_link_to_nowhere_is_named(self, folder: Path, cache: Path) -> None:
        (folder / "Test" / "data_00140.npz").unlink()
        (folder / "Test" / "data_00140.npz").symlink_to("gone.npz")
        assert "Test/data_00140.npz: cannot be read" in message(folder, cache)

    def test_a_split_of_only_unknown_attributes_is_an_error(
        self, folder: Path, cache: Path, edit: Edit
    ) -> None:
        for path in sorted((folder / "Validation").iterdir())[1:]:
            path.unlink()
        edit("Validation/data_00097.npz", race=np.array(-1))
        assert "every sample has an unknown attribute" in message(folder, cache)


class TestFingerprints:
    def test_compressing_anew_changes_nothing(self, folder: Path, cache: Path, edit: Edit) -> None:
        before = read_fairvlmed(folder, cache_dir=cache)
        size = (folder / "Test" / "data_00137.npz").stat().st_size
        assert edit("Test/data_00137.npz").stat().st_size != size
        after = read_fairvlmed(folder, cache_dir=cache)
        assert after.fingerprint == before.fingerprint
        assert after.image_fingerprint == before.image_fingerprint

    def test_each_fingerprint_covers_what_it_names(
        self, folder: Path, cache: Path, edit: Edit
    ) -> None:
        def read() -> tuple[str, str, str]:
            source = read_fairvlmed(folder, cache_dir=cache)
            return source.fingerprint, source.test_fingerprint, source.image_fingerprint

        def changed(before: tuple[str, str, str]) -> list[bool]:
            return [a != b for a, b in zip(before, read(), strict=True)]

        start = read()
        image = np.load(folder / "Test" / "data_00137.npz")["slo_fundus"]
        edit("Test/data_00137.npz", slo_fundus=image ^ np.uint8(1))
        assert changed(start) == [True, True, True]
        edit("Test/data_00137.npz", slo_fundus=image)
        assert changed(start) == [False, False, False]

        edit("Test/data_00137.npz", language=np.array(1))
        assert changed(start) == [True, True, False]
        edit("Test/data_00137.npz", language=np.array(0))
        edit("Training/data_00001.npz", glaucoma=np.array(0))
        assert changed(start) == [True, False, False]
        edit("Training/data_00001.npz", glaucoma=np.array(1))

        csv = folder / FIRST_NOTE_CSV
        csv.write_text(csv.read_text().replace("Photo of", "Picture of", 1))
        assert changed(start) == [True, False, False]


class TestIndex:
    def test_the_second_start_opens_no_sample(
        self, mini: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = read_fairvlmed(mini, cache_dir=cache)

        def opened(path: Path) -> None:
            raise AssertionError(path)

        monkeypatch.setattr(sample_index, "read_sample", opened)
        second = read_fairvlmed(mini, cache_dir=cache)
        assert second.fingerprint == first.fingerprint
        assert second.splits["val"].label.tolist() == first.splits["val"].label.tolist()

    def test_a_changed_file_of_equal_size_is_read_again(
        self, folder: Path, cache: Path, edit: Edit
    ) -> None:
        path = edit("Test/data_00137.npz", race=np.array(0))
        read_fairvlmed(folder, cache_dir=cache)
        size, time = path.stat().st_size, path.stat().st_mtime_ns
        edit("Test/data_00137.npz", race=np.array(1))
        os.utime(path, ns=(time + 1, time + 1))
        assert path.stat().st_size == size
        after = read_fairvlmed(folder, cache_dir=cache)
        assert after.splits["test"].attributes["race"][0] == 1

    @pytest.mark.parametrize(
        "damage",
        [
            lambda whole: whole[: len(whole) // 2],
            lambda whole: whole.replace(b"[0, [", b"[1, [", 1),  # another label
            lambda whole: b"f" * 64 + whole[64:],
            lambda whole: whole[65:],  # as it was before there were checksums
            lambda whole: b"",
        ],
    )
    def test_a_damaged_index_is_made_again(
        self, mini: Path, cache: Path, damage: Callable[[bytes], bytes]
    ) -> None:
        first = read_fairvlmed(mini, cache_dir=cache)
        (index,) = (cache / "index").glob("*.json")
        whole = index.read_bytes()
        assert damage(whole) != whole
        index.write_bytes(damage(whole))
        assert read_fairvlmed(mini, cache_dir=cache).fingerprint == first.fingerprint
        assert index.read_bytes() == whole

    def test_the_cache_holds_no_note_text(self, mini: Path, cache: Path) -> None:
        source = read_fairvlmed(mini, cache_dir=cache)
        stored = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
        assert not any(note[:30].encode() in stored for note in source.splits["train"].notes)

    def test_progress_counts_every_file(self, mini: Path, cache: Path) -> None:
        seen: list[tuple[str, int, int]] = []
        read_fairvlmed(mini, cache_dir=cache, progress=lambda *step: seen.append(step))
        assert len(seen) == 196
        assert seen[95][1:] == (96, 96)
