"""One image file of 8 bits a channel: what its header says, its pixels, and what can be wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.file_index import CHANGED
from benchmark.errors import FairbenchError

_GREY = frozenset({"1", "L", "LA"})
_COLOUR = frozenset({"RGB", "RGBA", "P", "YCbCr"})
_ALPHA = frozenset({"LA", "RGBA"})
_TIFF_BITS = 258
_PNG_BITS_AT = 24  # in the header chunk, which always comes first


class ImageFileError(FairbenchError):
    """An image file that cannot be used; the message names it."""


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image without decoding it.

    Attributes:
        sha256: Of the file's bytes, so that it depends on no decoder.
        grey: Whether the image has one channel.
    """

    sha256: str
    grey: bool


def read_header(path: Path) -> ImageHeader:
    """Return the hash of an image file, and whether it is grey.

    Raises:
        ImageFileError: not an image, more than 8 bits a channel, or several images in one file.
    """
    with _opened(path) as (image, content):
        return ImageHeader(
            hashlib.sha256(content).hexdigest(), _require_plain(image, content, path)
        )


def read_image(path: Path, grey: bool, sha256: str | None = None) -> NDArray[np.uint8]:
    """Return the pixels of an image file, (H, W) if `grey`, else (H, W, 3).

    The pixels are those of the file: an orientation that a camera noted is not applied.

    Args:
        path: The file.
        grey: Whether one channel is meant, or three.
        sha256: What `ImageHeader.sha256` was when the file was read first, if it was.

    Raises:
        ImageFileError: as `read_header`; also damaged, partly transparent, or another file by
            now.
    """
    with _opened(path) as (image, content):
        _require_plain(image, content, path)
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise ImageFileError(f"{shown(path)}: {CHANGED} ({path})")
        image.load()
        if image.mode in _ALPHA and image.getchannel("A").getextrema() != (255, 255):
            raise ImageFileError(
                f"{shown(path)}: partly transparent; save it without an alpha channel, on the"
                " background that you mean"
            )
        return np.asarray(image.convert("L" if grey else "RGB"))


def shown(path: Path) -> str:
    """Return folder and file name, for messages: `train/17.jpg`."""
    return f"{path.parent.name}/{path.name}"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Image.Image, bytes]]:
    """Yield an image that is not decoded yet, and the bytes of its file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImageFileError(f"{shown(path)}: cannot be read ({error.strerror}; {path})") from None
    try:
        with Image.open(BytesIO(content)) as image:
            yield image, content
    except (ImageFileError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageFileError(f"{shown(path)}: {error}; make it smaller first") from None
    except Exception:  # Pillow's parsers raise whatever they trip over, even a TypeError
        raise ImageFileError(
            f"{shown(path)}: truncated, damaged or not an image; copy it again ({path})"
        ) from None


def _require_plain(image: Image.Image, content: bytes, path: Path) -> bool:
    """Return whether an opened image is grey; raise if its pixels are not 8-bit grey or colour."""
    if _bits(image, content) > 8:
        raise ImageFileError(
            f"{shown(path)}: more than 8 bits a channel; convert it first, with the window that"
            " you mean (fairbench does not choose one)"
        )
    if image.mode not in _GREY | _COLOUR or "transparency" in image.info:
        raise ImageFileError(
            f"{shown(path)}: mode {image.mode}"
            f"{' with transparency' if 'transparency' in image.info else ''}; save it as 8-bit"
            " grey or RGB"
        )
    # Photos of some cameras hold a preview beside the picture (MPO): the first is meant.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise ImageFileError(f"{shown(path)}: holds several images; save the one that you mean")
    return image.mode in _GREY


def _bits(image: Image.Image, content: bytes) -> int:
    """Return the bits of a channel; Pillow reads some 16-bit files as 8 bits and says nothing."""
    if image.format == "PNG":
        return content[_PNG_BITS_AT]
    if image.format == "TIFF":
        bits = image.tag_v2.get(_TIFF_BITS, 1)  # type: ignore[attr-defined]
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    return 16 if image.mode.startswith(("I", "F")) else 8
