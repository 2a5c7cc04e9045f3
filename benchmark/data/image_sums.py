"""A checksum for each image of a cache file: what was not written as it stands is no image.

A crash can leave a file of the right length with zeros in it, a copy can break off, a disk can
lose a bit. Pixels like that would train a model, and nobody would see it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.parallel import map_in_order

SUM_BYTES = 32
_BLOCK_BYTES = 2**23


@dataclass(frozen=True)
class ImageSums:
    """SHA-256 over the name of the entry, the header, the position and the pixels of an image.

    So neither an image of another entry fits, nor one at another place or of another shape.

    Attributes:
        entry: Names the cache entry and the split, wherever the cache lies.
        header: The bytes of the `.npy` file before its images.
        image_bytes: The size of one image.
        count: How many images there are.
    """

    entry: str
    header: bytes
    image_bytes: int
    count: int

    def of(self, index: int, pixels: bytes | memoryview) -> bytes:
        """Return the checksum of one image."""
        digest = hashlib.sha256(self.entry.encode() + b"\0" + self.header)
        digest.update(index.to_bytes(8, "little"))
        digest.update(pixels)
        return digest.digest()

    def of_all(self, path: Path) -> list[bytes]:
        """Return the checksum of each image in a file, whatever it holds there."""
        images = max(1, _BLOCK_BYTES // self.image_bytes)
        blocks = [
            range(start, min(start + images, self.count)) for start in range(0, self.count, images)
        ]

        def read(block: range) -> list[bytes]:
            content = memoryview(self._read(path, block))
            starts = range(0, len(block) * self.image_bytes, self.image_bytes)
            return [
                self.of(index, content[start : start + self.image_bytes])
                for index, start in zip(block, starts, strict=True)
            ]

        return [found for block in map_in_order(read, blocks, "", None) for found in block]

    def _read(self, path: Path, block: range) -> bytes:
        """Return the bytes of some images; fewer where the file ends or cannot be read."""
        try:
            with path.open("rb") as file:
                file.seek(len(self.header) + block.start * self.image_bytes)
                return file.read(len(block) * self.image_bytes)
        except OSError:
            return b""

    def misfits(self, path: Path, sums: bytes) -> list[int]:
        """Return the positions of the images in a file that have no fitting checksum.

        Args:
            path: The file, whole or not.
            sums: The checksums that were written with it, one after the other; they, too, may
                be damaged or end early.
        """
        kept = [sums[i * SUM_BYTES : (i + 1) * SUM_BYTES] for i in range(self.count)]
        pairs = zip(kept, self.of_all(path), strict=True)
        return [i for i, (written, found) in enumerate(pairs) if written != found]


def entry_name(path: Path) -> str:
    """Return the name of a cache file under its key."""
    return f"{path.parent.name}/{path.name}"
