"""Images that were made once, in a memory-mapped `.npy` file with a checksum for each.

`train.npy` appears when it is whole. Until then its images stand in `train.npy.partial`, each
with its checksum in `train.npy.sums`, so that a process that was killed loses none of them: what
fits its checksum stays, all else is made again. The checksums stay beside the whole file and are
compared at every start, for a damaged image is a wrong number.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from benchmark.data.cache import locked, whole_file, writing
from benchmark.data.image_sums import SUM_BYTES, ImageSums, entry_name
from benchmark.data.parallel import Progress, map_in_order

Image = NDArray[np.uint8]
Images = np.memmap[Any, np.dtype[np.uint8]]


def cached_images(
    path: Path,
    count: int,
    make: Callable[[int], Image],
    task: str,
    progress: Progress | None = None,
) -> Images:
    """Return the images of a cache file, after making those that are not in it.

    Args:
        path: The `.npy` file; the name of its folder stands for all that decides the pixels.
        count: How many images there are.
        make: Index → (C, H, W), one shape for all; called by several threads.
        task: What is done, for `progress`.
        progress: Told about each image that is made.

    Returns:
        (N, C, H, W), a read-only memory map.

    Raises:
        FairbenchError: the cache cannot be written, or `make` raises it. Then what was made
            is given up; an interruption keeps it for the next call.
        ValueError: images differ in shape.
    """
    images = _intact(path, count)
    if images is not None:
        return images
    with locked(path):
        _adopt(path, count)
        images = _intact(path, count)  # another process may have made it meanwhile
        if images is None:
            try:
                with writing(path):
                    _make(path, count, make, task, progress)
            except Exception:
                # In this order: a damaged file without checksums would count as an old one.
                with suppress(OSError):
                    for left in (path, _partial(path), _sums(path)):
                        left.unlink(missing_ok=True)
                raise
            images = _open_map(path, count)
    assert images is not None, path
    return images


def _intact(path: Path, count: int) -> Images | None:
    """Return the memory map of a whole file; None if an image in it does not fit its checksum."""
    images = _open_map(path, count)
    if images is None:
        return None
    try:
        kept, sums = _sums(path).read_bytes(), _terms(path, images)
    except OSError:
        return None  # no checksums yet, or another process mends the file
    return None if sums.misfits(path, kept) else images


def _adopt(path: Path, count: int) -> None:
    """Write the checksums of a whole file that an earlier version made without them.

    There is nothing to compare it with: it counts as it did, and is guarded from now on.
    """
    images = _open_map(path, count)
    if images is None or _sums(path).exists():
        return
    found = _terms(path, images).of_all(path)
    with whole_file(_sums(path)) as file:
        file.write(b"".join(found))


def _make(
    path: Path,
    count: int,
    make: Callable[[int], Image],
    task: str,
    progress: Progress | None,
) -> None:
    """Make what the unfinished file lacks, and give it its name; the caller holds the lock."""
    partial = _partial(path)
    if path.exists():
        path.replace(partial)  # damaged: what fits in it stays
    for file in (partial, _sums(path)):
        file.touch()
    first = make(0)  # what shape the images have is known from an image alone
    header = _header((count, *first.shape))
    sums = ImageSums(entry_name(path), header, first.nbytes, count)
    misfits = sums.misfits(partial, _sums(path).read_bytes())
    missing = [0, *(index for index in misfits if index)]
    made = map_in_order(lambda i: make(i) if i else first, missing, task, progress)
    with partial.open("r+b") as pixels, _sums(path).open("r+b") as kept:
        pixels.write(header)
        for index, image in zip(missing, made, strict=True):
            if image.shape != first.shape:
                raise ValueError(f"the image transform made {image.shape}, then {first.shape}")
            content = image.tobytes()
            _put(pixels, len(header) + index * sums.image_bytes, content)
            _put(kept, index * SUM_BYTES, sums.of(index, content))
        # The checksums are on disk before the file has its name: one that has no checksums is
        # older than they are.
        _end(kept, count * SUM_BYTES)
        _end(pixels, len(header) + count * sums.image_bytes)
    partial.replace(path)


def _open_map(path: Path, count: int) -> Images | None:
    """Return the memory map of a file of the right size; None if it is absent or has another."""
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        size = path.stat().st_size
    except Exception:  # a damaged header is parsed as Python, which raises whatever it trips over
        return None
    if not isinstance(images, np.memmap):
        return None
    whole = images.dtype == np.uint8 and images.ndim == 4 and len(images) == count
    return images if whole and size == images.offset + images.nbytes else None


def _terms(path: Path, images: Images) -> ImageSums:
    with path.open("rb") as file:
        header = file.read(images.offset)
    return ImageSums(entry_name(path), header, images[0].nbytes, len(images))


def _header(shape: tuple[int, ...]) -> bytes:
    file = BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, fields)
    return file.getvalue()


def _put(file: BinaryIO, at: int, content: bytes) -> None:
    """Write at a place, past this process: if it is killed now, the content is there."""
    file.seek(at)
    file.write(content)
    file.flush()


def _end(file: BinaryIO, size: int) -> None:
    """Cut a file after its last byte, and wait until it is on disk."""
    file.truncate(size)
    file.flush()
    os.fsync(file.fileno())


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _sums(path: Path) -> Path:
    return path.with_name(path.name + ".sums")
