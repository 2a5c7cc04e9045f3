"""One sample file of Harvard-FairVLMed: the fields in use, and what can be wrong with them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from benchmark.data.dataset import UNKNOWN
from benchmark.data.file_index import CHANGED
from benchmark.errors import FairbenchError

IMAGE_FIELD = "slo_fundus"
LABEL_FIELD = "glaucoma"
CLASSES = ("non-glaucoma", "glaucoma")
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "race": ("asian", "black", "white"),
    "gender": ("female", "male"),
    "ethnicity": ("non-hispanic", "hispanic"),
    "language": ("english", "spanish", "other"),
}

T = TypeVar("T")
_TRIES = 100

# What numpy and zipfile raise, between them, for archives cut or damaged at various places.
_UNREADABLE = (
    BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


class SampleError(FairbenchError):
    """A sample file that cannot be used; the message is the first of its `problems`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0])
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Sample:
    """What a reader keeps of one file.

    Attributes:
        label: An index into `CLASSES`.
        codes: One code for each attribute, in the order of `ATTRIBUTES`.
        channels: 1 for a grey image, 3 for a colour image.
        image_hash: SHA-256 (hex) over dtype, shape and pixels, so that compressing a file
            anew changes nothing.
    """

    label: int
    codes: tuple[int, ...]
    channels: int
    image_hash: str


def read_sample(path: Path) -> Sample:
    """Return the label, the attribute codes and the image hash of one `.npz` file.

    Raises:
        SampleError: with every problem of the file, not only the first.
    """
    problems: list[str] = []

    def attempt(function: Callable[..., T], *arguments: Any, otherwise: T) -> T:
        try:
            return function(*arguments)
        except FairbenchError as error:
            problems.append(str(error))
            return otherwise

    with _open(path) as archive:
        label = attempt(_code, archive, path, LABEL_FIELD, CLASSES, otherwise=UNKNOWN)
        codes = tuple(
            attempt(_code, archive, path, name, groups, otherwise=UNKNOWN)
            for name, groups in ATTRIBUTES.items()
        )
        image = attempt(_image, archive, path, otherwise=np.empty((0, 0), np.uint8))
    if problems:
        raise SampleError(problems)
    return Sample(label, codes, 1 if image.ndim == 2 else 3, _hash_image(image))


def read_image(path: Path, image_hash: str) -> NDArray[np.uint8]:
    """Return the image of one `.npz` file, (H, W) or (H, W, 3), uint8.

    Args:
        path: The file.
        image_hash: That of the `Sample` that the file held when it was read first.

    Raises:
        SampleError: the file or its image cannot be read, or the image is another by now.
    """
    with _open(path) as archive:
        try:
            image = _image(archive, path)
        except FairbenchError as error:
            raise SampleError([str(error)]) from None
    if _hash_image(image) != image_hash:
        raise SampleError([f"{short_name(path)}: {CHANGED} ({path})"])
    return image


def short_name(path: Path) -> str:
    """Return folder and file name, for messages: `Test/data_00017.npz`."""
    return f"{path.parent.name}/{path.name}"


@contextmanager
def _open(path: Path) -> Iterator[NpzFile]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, NpzFile):
            raise BadZipFile
    except _UNREADABLE as error:
        raise SampleError([_unreadable(path, error)]) from None
    with archive:
        yield archive


def _unreadable(path: Path, error: Exception) -> str:
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return (
        f"{short_name(path)}: truncated, damaged or not an .npz file{reason}; copy it again"
        f" ({path})"
    )


def _field(archive: NpzFile, path: Path, name: str) -> NDArray[Any]:
    if name not in archive.files:
        held = ", ".join(archive.files) or "nothing"
        raise FairbenchError(f"{short_name(path)}: field '{name}' is missing; the file has {held}")
    try:
        value = _array(archive, name)
    except _UNREADABLE as error:
        if isinstance(error, ValueError) and "allow_pickle" in str(error):
            raise FairbenchError(
                f"{short_name(path)}: field '{name}' is a pickled object, which is never loaded;"
                " store a plain numeric array"
            ) from None
        raise FairbenchError(f"{_unreadable(path, error)}; field '{name}'") from None
    return value


def _array(archive: NpzFile, name: str) -> NDArray[Any]:
    """Return one array of a file; another thread may be reading another file."""
    # NumPy parses a header with `ast`, and CPython 3.11 counts the parser's depth for all threads
    # together: where two counts mix it raises a SystemError, and no other harm is done.
    for _ in range(_TRIES):
        with suppress(SystemError):
            value: NDArray[Any] = archive[name]
            return value
    last: NDArray[Any] = archive[name]
    return last


def _code(archive: NpzFile, path: Path, name: str, names: Sequence[str]) -> int:
    value = _field(archive, path, name)
    # The value itself is printed only where it is a number: text could be clinical.
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise FairbenchError(
            f"{short_name(path)}: field '{name}' has dtype {value.dtype} and shape {value.shape};"
            " expected one whole number"
        )
    code = value.item()
    meaning = dict(enumerate(names))
    if name != LABEL_FIELD:
        meaning[UNKNOWN] = "unknown"
    if code not in meaning:
        *head, last = (f"{known} ({group})" for known, group in meaning.items())
        raise FairbenchError(
            f"{short_name(path)}: field '{name}' is {code};"
            f" FairVLMed knows {', '.join(head)} and {last}"
        )
    return int(code)


def _image(archive: NpzFile, path: Path) -> NDArray[np.uint8]:
    image = _field(archive, path, IMAGE_FIELD)
    grey_or_colour = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype == np.uint8 and grey_or_colour and image.size:
        return image
    way_out = ""
    if image.dtype.kind in "fiu" and grey_or_colour and image.size:
        fits = bool(np.all((image >= 0) & (image <= 255) & (image == np.floor(image))))
        way_out = (
            "; its values are whole numbers from 0 to 255, so store it as uint8"
            if fits
            else "; its values do not fit into 8 bits"
        )
    raise FairbenchError(
        f"{short_name(path)}: field '{IMAGE_FIELD}' is {image.dtype} of shape {image.shape};"
        f" expected uint8 of shape (H, W) or (H, W, 3){way_out}"
    )


def _hash_image(image: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(f"{image.dtype.str}{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
