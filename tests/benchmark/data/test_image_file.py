from __future__ import annotations

import hashlib
import warnings
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.data.image_file import ImageFileError, read_header, read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)


def saved(path: Path, mode: str = "RGB", **options: object) -> Path:
    Image.fromarray(PIXELS).convert(mode).save(path, **options)
    return path


class TestPixels:
    @pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp"])
    def test_lossless_formats_give_the_pixels_back(self, tmp_path: Path, suffix: str) -> None:
        options = {"lossless": True} if suffix == "webp" else {}
        path = saved(tmp_path / f"a.{suffix}", **options)
        assert np.array_equal(read_image(path, grey=False), PIXELS)
        assert not read_header(path).grey

    def test_the_hash_is_that_of_the_file(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a.jpg", quality=80)
        assert read_header(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    @pytest.mark.parametrize(("mode", "grey"), [("L", True), ("1", True), ("P", False)])
    def test_modes_of_eight_bits_are_grey_or_colour(
        self, tmp_path: Path, mode: str, grey: bool
    ) -> None:
        path = saved(tmp_path / "a.png", mode)
        assert read_header(path).grey is grey
        with Image.open(path) as stored:
            expected = np.asarray(stored.convert("L" if grey else "RGB"))
        assert np.array_equal(read_image(path, grey), expected)

    def test_an_opaque_alpha_channel_changes_nothing(self, tmp_path: Path) -> None:
        assert np.array_equal(read_image(saved(tmp_path / "a.png", "RGBA"), False), PIXELS)


class TestErrors:
    def test_a_transparent_image_is_refused(self, tmp_path: Path) -> None:
        image = Image.fromarray(PIXELS).convert("RGBA")
        image.putpixel((3, 3), (0, 0, 0, 254))
        image.save(tmp_path / "a.png")
        with pytest.raises(ImageFileError, match=r"a\.png: partly transparent"):
            read_image(tmp_path / "a.png", grey=False)

    def test_another_file_than_was_hashed_is_refused(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a.png")
        sha256 = read_header(path).sha256
        assert np.array_equal(read_image(path, False, sha256), PIXELS)
        saved(path, "L")
        with pytest.raises(ImageFileError, match=r"a\.png: holds another image than when"):
            read_image(path, False, sha256)

    @pytest.mark.parametrize("suffix", ["png", "tiff"])
    def test_sixteen_bits_are_refused_with_the_way_out(self, tmp_path: Path, suffix: str) -> None:
        grey = PIXELS[..., 0].astype(np.uint16) * 257
        Image.fromarray(grey).save(tmp_path / f"a.{suffix}")
        with pytest.raises(ImageFileError, match="more than 8 bits a channel; convert it first"):
            read_header(tmp_path / f"a.{suffix}")

    def test_a_sixteen_bit_colour_png_is_not_cut_to_eight_in_silence(self, tmp_path: Path) -> None:
        content = bytearray(saved(tmp_path / "a.png").read_bytes())
        content[24] = 16
        content[29:33] = crc32(content[12:29]).to_bytes(4, "big")
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(ImageFileError, match="more than 8 bits"):
            read_header(tmp_path / "a.png")

    def test_other_modes_and_many_pages_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ImageFileError, match="mode CMYK"):
            read_header(saved(tmp_path / "a.jpg", "CMYK"))
        pages = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
        pages[0].save(tmp_path / "a.tiff", save_all=True, append_images=pages[1:])
        with pytest.raises(ImageFileError, match="holds several images"):
            read_header(tmp_path / "a.tiff")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ImageFileError, match=r"gone\.png: cannot be read \(No such file"):
            read_header(tmp_path / "gone.png")

    @pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp"])
    def test_damage_is_this_error_or_other_pixels_never_another_exception(
        self, tmp_path_factory: pytest.TempPathFactory, suffix: str
    ) -> None:
        folder = tmp_path_factory.mktemp("damaged")
        whole = saved(folder / f"a.{suffix}").read_bytes()
        path = folder / f"b.{suffix}"

        @given(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=4), st.booleans())
        def damage(at: int, by: bytes, cut: bool) -> None:
            path.write_bytes(whole[:at] if cut else whole[:at] + by + whole[at + len(by) :])
            with warnings.catch_warnings(), suppress(ImageFileError):
                warnings.simplefilter("ignore")
                assert read_image(path, read_header(path).grey).dtype == np.uint8

        damage()
