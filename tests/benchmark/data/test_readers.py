from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark.data.config import DATASET_KEYS, DatasetConfig
from benchmark.data.dataset import Tokenizer
from benchmark.data.fairvlmed import read_fairvlmed
from benchmark.data.note_tokens import LongNotes
from benchmark.data.prepare import prepare
from benchmark.data.readers import detect, read_dataset
from benchmark.errors import FairbenchError
from benchmark.plan import Request, plan


class TestReadDataset:
    def test_each_name_finds_its_reader(self, mini: Path, faces: Path, table: Any) -> None:
        folders = {"fairvlmed": mini, "synthetic-fairface": faces, "table": table.write()}
        names = {
            name: read_dataset(DatasetConfig(name=name, data_dir=folder)).schema.name
            for name, folder in folders.items()
        }
        assert names == {**dict(zip(folders, folders, strict=True)), "table": "clinic"}

    def test_generated_faces_never_pass_for_fairface(self, faces: Path) -> None:
        with pytest.raises(FairbenchError, match="use --dataset synthetic-fairface"):
            read_dataset(DatasetConfig(name="fairface", data_dir=faces))

    @pytest.mark.parametrize("name", ["fairvlmed", "fairface", "table"])
    def test_real_data_need_a_folder(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match=f"'{name}' cannot be downloaded"):
            read_dataset(DatasetConfig(name=name))
        with pytest.raises(FairbenchError, match="nowhere: no such folder"):
            read_dataset(DatasetConfig(name=name, data_dir=tmp_path / "nowhere"))

    def test_a_folder_of_another_form_is_named(self, mini: Path, table: Any) -> None:
        with pytest.raises(FairbenchError, match="holds the dataset 'table', not 'fairvlmed'"):
            read_dataset(DatasetConfig(name="fairvlmed", data_dir=table.write()))
        with pytest.raises(FairbenchError, match="holds no YAML file"):
            read_dataset(DatasetConfig(name="table", data_dir=mini))

    def test_an_empty_folder_is_explained_by_the_reader_that_was_asked_for(
        self, tmp_path: Path
    ) -> None:
        assert detect(tmp_path) is None
        for name, expected in (("fairvlmed", "folder Training"), ("fairface", "fairface_label")):
            with pytest.raises(FairbenchError, match=expected):
                read_dataset(DatasetConfig(name=name, data_dir=tmp_path))


class TestTextSource:
    def test_labels_prompts_need_no_notes_and_leave_the_test_set(
        self, folder: Path, mini: Path, cache: Path
    ) -> None:
        notes = read_fairvlmed(mini, cache_dir=cache)
        for path in folder.glob("*.csv"):
            path.unlink()
        labels = read_fairvlmed(folder, cache_dir=cache, text_source="label")
        assert labels.test_fingerprint == notes.test_fingerprint
        assert labels.image_fingerprint == notes.image_fingerprint
        assert labels.fingerprint != notes.fingerprint
        train = labels.splits["train"]
        expected = ("A photo of non-glaucoma", "A photo of glaucoma")
        assert train.notes == tuple(expected[label] for label in train.label)

    def test_the_default_keeps_the_fingerprint_that_runs_were_stored_under(
        self, mini: Path, cache: Path
    ) -> None:
        source = read_fairvlmed(mini, cache_dir=cache)
        assert source.fingerprint[:16] == "a86ffde19ab8ce4d"
        assert source.test_fingerprint[:16] == "858a7c449be04969"


class TestKeys:
    def keyed(self, name: str, **keys: Any) -> DatasetConfig:
        request = Request(variants=["clip-ft"], dataset=name, changes=keys, device="cpu")
        return plan(request)[0].dataset

    def test_keys_of_a_command_reach_the_dataset(self) -> None:
        keys: dict[str, Any] = {"text_source": "label"}
        keys |= {"train_limit": 10_000, "val_fraction": 0.2, "val_seed": 3}
        keys |= {"train_share": {"race/Black": 0.5}}
        assert set(keys) == set(DATASET_KEYS)
        config = self.keyed("fairface", **keys)
        assert config.in_effect() == {"name": "fairface", "data_dir": None, **keys}

    @pytest.mark.parametrize(
        ("name", "keys", "expected"),
        [
            ("fairvlmed", {"train_limit": 5}, "'train_limit' has no effect on dataset 'fairvlmed'"),
            ("table", {"val_seed": 5}, "'val_seed' has no effect on dataset 'table'"),
            ("fairface", {"train_limit": 0}, "must be at least 1, got 0"),
            ("fairface", {"val_fraction": 1.0}, "must lie between 0 and 1, got 1.0"),
            ("fairface", {"text_source": "labels"}, "Input should be 'note' or 'label'"),
        ],
    )
    def test_a_key_without_effect_or_with_a_bad_value_is_an_error(
        self, name: str, keys: dict[str, Any], expected: str
    ) -> None:
        with pytest.raises(FairbenchError) as caught:
            self.keyed(name, **keys)
        assert expected in str(caught.value)

    def test_notes_and_labels_exclude_each_other(self) -> None:
        request = Request(variants=["clip-ft"], notes="original", changes={"text_source": "label"})
        with pytest.raises(FairbenchError, match="reads no notes"):
            plan(request)
        with pytest.raises(FairbenchError, match="'notes' has no effect on dataset 'fairface'"):
            plan(Request(variants=["clip-ft"], dataset="fairface", notes="original"))


class TestLongTexts:
    @pytest.mark.parametrize("name", ["table", "fairface"])
    def test_a_text_that_the_tokenizer_cannot_hold_is_an_error_or_counted(
        self, name: str, table: Any, face_folder: Path, cache: Path, tokenizer: Tokenizer
    ) -> None:
        table.rows[2]["report"] = "Jane Doe " * 100
        folder = table.write() if name == "table" else face_folder
        source = read_dataset(DatasetConfig(name=name, data_dir=folder))
        if name == "fairface":  # its captions fit 77 tokens; in 20 none does
            short = replace_context(tokenizer, 20)
            count = sum(len(part) for part in source.splits.values())
        else:
            short, count = tokenizer, 1

        def prepared(long_notes: LongNotes) -> int:
            return prepare(
                source,
                Thumbnail(),
                short,
                resize="uint8",
                note_characters=None,
                long_notes=long_notes,
                cache_dir=cache,
            ).truncated_notes

        assert prepared("truncate") == count
        with pytest.raises(FairbenchError, match=r"\.(png|jpg).*long_notes=truncate") as caught:
            prepared("error")
        assert "Jane" not in str(caught.value)


class Thumbnail:
    """A transform to 8 by 8 pixels."""

    key = "thumbnail"

    def __call__(self, image: Any) -> Any:
        return image.resize((8, 8))


def replace_context(tokenizer: Any, length: int) -> Any:
    """Return the tokenizer with a shorter context."""

    class Short:
        context_length = length

        def __call__(self, texts: Sequence[str]) -> Any:
            return tokenizer(texts)[:, :length]

        def too_long(self, texts: Sequence[str]) -> list[int]:
            used = (tokenizer(texts) != 0).sum(axis=1)
            return [i for i, n in enumerate(used) if n > length]

    return Short()
