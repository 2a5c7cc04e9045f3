"""Turns a source into arrays: images resized and cropped once, notes as token ids.

Images are resized as the public code does it: as floats, Pillow mode F, and cut to 0..255 when
converted to 8 bits at the end. The result is uint8, so the cache loses nothing. Token ids are
made each time: a cache of them could be read as the notes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.cache import writable
from benchmark.data.dataset import (
    SPLITS,
    Dataset,
    ImageTransform,
    Source,
    Split,
    SplitName,
    Tokenizer,
    sample_ids,
)
from benchmark.data.image_cache import cached_images
from benchmark.data.note_tokens import LongNotes, tokenise
from benchmark.data.parallel import Progress

Resize = Literal["float", "uint8"]
_PIXELS_FORMAT = 1  # part of the cache key: raise it when a change here moves pixels


def prepare(
    source: Source,
    transform: ImageTransform,
    tokenizer: Tokenizer,
    *,
    resize: Resize,
    note_characters: int | None,
    long_notes: LongNotes,
    cache_dir: Path,
    progress: Progress | None = None,
) -> Dataset:
    """Return the dataset that a model sees.

    Args:
        source: What a reader found.
        transform: The model's resize and crop.
        tokenizer: The model's.
        resize: `float` as the public code (mode F, cut to 8 bits afterwards, on average half a
            grey level darker), or `uint8`.
        note_characters: Notes are cut here (the public code: 180); None keeps them whole.
        long_notes: See `benchmark.data.note_tokens.tokenise`.
        cache_dir: Images are kept here, one memory map a split, keyed by content and transform.
        progress: Told about each image that is not in the cache yet.

    Raises:
        FairbenchError: an image cannot be read, a note is too long, or the cache cannot be
            written.
    """
    tokens = {
        split: tokenise(
            source.splits[split].files,
            source.splits[split].notes,
            tokenizer,
            characters=note_characters,
            long_notes=long_notes,
        )
        for split in SPLITS
    }
    # Pillow does the resizing, and its versions need not agree to the last grey level.
    key = json.dumps(
        [_PIXELS_FORMAT, PIL.__version__, source.image_fingerprint, transform.key, resize]
    )
    folder = writable(cache_dir) / "images" / hashlib.sha256(key.encode()).hexdigest()
    splits = {}
    for split in SPLITS:
        part = source.splits[split]
        splits[split] = Split(
            images=_images(source, split, transform, resize, folder, progress),
            tokens=tokens[split][0],
            label=part.label,
            attributes=part.attributes,
            sample_id=sample_ids(source.schema.name, part.files),
        )
    return Dataset(
        schema=source.schema,
        splits=splits,
        fingerprint=source.fingerprint,
        test_fingerprint=source.test_fingerprint,
        dropped=source.dropped,
        truncated_notes=sum(cut for _, cut in tokens.values()),
    )


def model_pixels(
    image: NDArray[np.uint8], transform: ImageTransform, resize: Resize
) -> NDArray[np.uint8]:
    """Return one image as the model sees it before normalisation.

    Args:
        image: (H, W) or (H, W, 3).
        transform: The model's resize and crop.
        resize: As in `prepare`. In `float` a colour image is resized channel by channel.

    Returns:
        (1, h, w) for a grey image, (3, h, w) for a colour image.
    """
    if resize == "float":
        planes = [image] if image.ndim == 2 else [image[..., c] for c in range(3)]
        # A float32 array becomes a Pillow image of mode F.
        return np.stack(
            [_grey(transform(Image.fromarray(plane.astype(np.float32)))) for plane in planes]
        )
    resized = transform(Image.fromarray(image))
    if image.ndim == 2:
        return _grey(resized)[np.newaxis]
    return np.moveaxis(np.asarray(resized.convert("RGB")), -1, 0)


def _grey(image: Any) -> NDArray[np.uint8]:
    if image.mode != "RGB":
        # From mode F, Pillow cuts here: fractions are dropped, not rounded, as in the public code.
        return np.asarray(image.convert("L"))
    red, green, blue = image.split()
    if not red.tobytes() == green.tobytes() == blue.tobytes():
        raise ValueError("the image transform made a colour image from a grey one")
    return np.asarray(red)


def _images(
    source: Source,
    split: SplitName,
    transform: ImageTransform,
    resize: Resize,
    folder: Path,
    progress: Progress | None,
) -> NDArray[np.uint8]:
    """Return the (N, C, H, W) memory map of a split, after making what is not in the cache."""

    def pixels(index: int) -> NDArray[np.uint8]:
        return model_pixels(source.image(split, index), transform, resize)

    path, count = folder / f"{split}.npy", len(source.splits[split])
    return cached_images(path, count, pixels, f"preparing {split} images", progress)
