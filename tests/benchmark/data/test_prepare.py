from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from open_clip.transform import image_transform
from PIL import Image
from torchvision.transforms import Normalize, ToTensor

from benchmark.data import prepare as module
from benchmark.data.dataset import SPLITS, Dataset, Tokenizer, sample_ids
from benchmark.data.fairvlmed import FairVLMedSource, read_fairvlmed
from benchmark.data.prepare import model_pixels, prepare
from benchmark.errors import FairbenchError

Edit = Callable[..., Path]
RESIZES: tuple[Literal["float", "uint8"], ...] = ("float", "uint8")
RECORDED = np.load(Path(__file__).parents[2] / "data" / "mini_preprocess.npz")


class ClipTransform:
    """The steps of open_clip's own transform that come before the tensor."""

    def __init__(self, size: int = 32) -> None:
        self.key = f"clip-{size}"
        steps = image_transform((size, size), is_train=False).transforms
        self.steps = [s for s in steps if not isinstance(s, ToTensor | Normalize)]
        (self.normalise,) = (s for s in steps if isinstance(s, Normalize))

    def __call__(self, image: Any) -> Any:
        for step in self.steps:
            image = step(image)
        return image


@dataclass
class Preparation:
    source: FairVLMedSource
    cache: Path
    tokenizer: Tokenizer

    def __call__(
        self, resize: Literal["float", "uint8"] = "float", size: int = 32, progress: Any = None
    ) -> Dataset:
        return prepare(
            self.source,
            ClipTransform(size),
            self.tokenizer,
            resize=resize,
            note_characters=180,
            long_notes="error",
            cache_dir=self.cache,
            progress=progress,
        )


@pytest.fixture
def preparation(mini: Path, cache: Path, tokenizer: Tokenizer) -> Preparation:
    return Preparation(read_fairvlmed(mini, cache_dir=cache), cache, tokenizer)


def recorded_pixels(name: str) -> NDArray[np.uint8]:
    """Undo the recorded normalisation; what is left must be whole grey levels."""
    normalise = ClipTransform().normalise
    mean, deviation = (np.reshape(c, (3, 1, 1)) for c in (normalise.mean, normalise.std))
    levels = 255 * (RECORDED[name].astype(np.float64) * deviation + mean)
    assert np.abs(levels - levels.round()).max() < 1e-4
    pixels: NDArray[np.uint8] = levels.round().astype(np.uint8)
    return pixels


class TestAgainstThePublicCode:
    @pytest.mark.parametrize(
        ("resize", "name"), [("float", "images"), ("uint8", "images_if_uint8_were_used")]
    )
    def test_pixels_are_those_recorded(
        self, preparation: Preparation, resize: Literal["float", "uint8"], name: str
    ) -> None:
        images = preparation(resize).splits["train"].images
        assert images.shape == (96, 1, 32, 32)
        assert np.array_equal(np.repeat(images[:4], 3, axis=1), recorded_pixels(name))

    def test_the_two_ways_of_resizing_differ(self, preparation: Preparation) -> None:
        floats, bytes_ = (
            preparation(resize).splits["test"].images.astype(int) for resize in RESIZES
        )
        # Recorded for the public code: half a grey level darker on average, one at most.
        assert np.mean(bytes_ - floats) == pytest.approx(0.5, abs=0.02)
        assert set(np.unique(bytes_ - floats)) == {0, 1}

    def test_tokens_are_those_recorded(self, preparation: Preparation) -> None:
        train = preparation().splits["train"]
        assert train.tokens.dtype == np.int32
        assert np.array_equal(train.tokens[:4], RECORDED["tokens"])


class TestModelPixels:
    def test_a_colour_image_is_resized_channel_by_channel(self) -> None:
        image = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
        together = model_pixels(image, ClipTransform(), "float")
        assert together.shape == (3, 32, 32)
        for channel in range(3):
            alone = model_pixels(image[..., channel], ClipTransform(), "float")
            assert np.array_equal(together[channel], alone[0])

    def test_a_colour_image_in_uint8_is_what_pillow_gives(self) -> None:
        image = np.random.default_rng(1).integers(0, 256, (50, 40, 3)).astype(np.uint8)
        expected = np.asarray(ClipTransform()(Image.fromarray(image)))
        pixels = model_pixels(image, ClipTransform(), "uint8")
        assert np.array_equal(np.moveaxis(pixels, 0, -1), expected)

    def test_fractions_are_dropped_and_overshoot_is_cut(self) -> None:
        class Shift:
            key = "shift"

            def __call__(self, image: Any) -> Any:
                assert image.mode == "F"
                return Image.fromarray(np.asarray(image) * np.float32(1.9) - np.float32(1.0))

        image = np.array([[0, 1, 100, 200]], np.uint8)
        assert model_pixels(image, Shift(), "float").tolist() == [[[0, 0, 189, 255]]]


class TestDataset:
    def test_arrays_belong_together(self, preparation: Preparation) -> None:
        dataset = preparation()
        source = preparation.source
        for name in SPLITS:
            split, part = dataset.splits[name], source.splits[name]
            assert len(split.images) == len(split.tokens) == len(split) == len(part.files)
            assert split.sample_id.tolist() == sample_ids("fairvlmed", part.files).tolist()
            last = model_pixels(source.image(name, len(part) - 1), ClipTransform(), "float")
            assert np.array_equal(split.images[-1], last)
        assert dataset.fingerprint == source.fingerprint
        assert dataset.dropped["test"] == 6


class TestCache:
    def test_the_second_preparation_decodes_no_image(
        self, preparation: Preparation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = preparation()

        def decoded(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr(module, "model_pixels", decoded)
        second = preparation()
        images = second.splits["test"].images
        assert isinstance(images, np.memmap)
        assert not images.flags.writeable
        assert np.array_equal(images, first.splits["test"].images)

    def test_another_transform_is_another_entry(self, preparation: Preparation) -> None:
        assert preparation().splits["val"].images.shape[-1] == 32
        assert preparation(size=24).splits["val"].images.shape[-1] == 24
        assert len([p for p in (preparation.cache / "images").iterdir() if p.is_dir()]) == 2

    @pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b + b"x", lambda b: b""])
    def test_a_damaged_entry_is_made_again(self, preparation: Preparation, damage: Any) -> None:
        preparation()
        (path,) = preparation.cache.glob("images/*/val.npy")
        whole = path.read_bytes()
        path.write_bytes(damage(whole))
        made: list[str] = []
        preparation(progress=lambda task, *_: made.append(task))
        assert path.read_bytes() == whole
        assert set(made) == {"preparing val images"}

    def test_what_a_killed_process_left_is_written_over(self, preparation: Preparation) -> None:
        expected = np.array(preparation().splits["val"].images)
        (path,) = preparation.cache.glob("images/*/val.npy")
        path.with_name("val.npy.partial").write_bytes(path.read_bytes()[:5000])
        path.unlink()
        assert np.array_equal(preparation().splits["val"].images, expected)
        assert not list(preparation.cache.rglob("*.partial"))

    def test_an_unreadable_image_leaves_no_entry(
        self, folder: Path, cache: Path, tokenizer: Tokenizer
    ) -> None:
        source = read_fairvlmed(folder, cache_dir=cache)
        (folder / "Test" / source.splits["test"].files[-1]).write_bytes(b"gone")
        with pytest.raises(FairbenchError, match="truncated, damaged"):
            Preparation(source, cache, tokenizer)()
        assert [p.name for p in cache.glob("images/*/test.*")] == ["test.npy.lock"]

    def test_an_image_that_changed_after_the_key_was_made_does_not_enter(
        self, folder: Path, cache: Path, tokenizer: Tokenizer, edit: Edit
    ) -> None:
        source = read_fairvlmed(folder, cache_dir=cache)
        name = f"Validation/{source.splits['val'].files[3]}"
        edit(name, slo_fundus=np.zeros((96, 80), np.uint8))
        with pytest.raises(FairbenchError, match=f"{name}: holds another image than when it"):
            Preparation(source, cache, tokenizer)()
        assert [p.name for p in cache.glob("images/*/val.*")] == ["val.npy.lock"]
        again = read_fairvlmed(folder, cache_dir=cache)
        assert not Preparation(again, cache, tokenizer)().splits["val"].images[3].any()

    def test_an_interrupted_preparation_goes_on(
        self, preparation: Preparation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(task: str, done: int, total: int) -> None:
            if (task, done) == ("preparing train images", 50):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            preparation(progress=interrupted)
        made: list[str] = []
        whole = preparation(progress=lambda task, *_: made.append(task))
        assert made.count("preparing train images") == 1 + 96 - 49
        fresh = replace(preparation, cache=preparation.cache / "another")
        for split in SPLITS:
            assert np.array_equal(whole.splits[split].images, fresh().splits[split].images)

    def test_the_cache_holds_no_tokens(self, preparation: Preparation) -> None:
        tokens = preparation().splits["train"].tokens[0].tobytes()
        files = [p for p in preparation.cache.rglob("*") if p.is_file()]
        assert not any(tokens in path.read_bytes() for path in files)
