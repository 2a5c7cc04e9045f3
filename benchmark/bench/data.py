"""How long the first and the second start take, beside the reads of the public code's epoch.

Generated files in the layout of Harvard-FairVLMed, a quarter of the set that the public code was
timed on: 64 training and 50 test samples of 664×512. What the public code does with a sample each
time is written here as the bare work, without its tokens, tensors and Python: the ratio is to the
least that it can take.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from benchmark.bench.figure import Figure
from benchmark.bench.measure import seconds
from benchmark.bench.starts import KNOBS, PIXELS, Starter, write_sets
from benchmark.cores import usable_cores
from benchmark.data.image_cache import cached_images

if TYPE_CHECKING:
    from benchmark.data.dataset import ImageTransform

T = TypeVar("T")

GROUPS = 3


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        train, val, test: Samples of each split.
        height, width: Of their images.
        batch: Samples of a main batch, and of a group's.
        cached: Images of the cache file whose check and batches are timed.
        tries: Of each time; the median counts.
    """

    train: int = 64
    val: int = 16
    test: int = 50
    height: int = 664
    width: int = 512
    batch: int = 32
    cached: int = 7000
    tries: int = 3


FULL = Sizes()


def bench_data(
    progress: Callable[[str], None] = lambda _: None, sizes: Sizes = FULL
) -> list[Figure]:
    """Return the times of files, of the first and second start, and of batches in the cache."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        progress("data: writing files")
        sets = write_sets(folder, {name: getattr(sizes, name) for name in KNOBS})
        model = Starter.make()
        figures = []
        for kind, root in sets.items():
            progress(f"data: {kind} files")
            figures += _first_start(kind, root, model, sizes)
        progress("data: the second start")
        figures += _second_start(sets["uncompressed"], model, sizes)
        progress("data: a cache file")
        return figures + _cache_file(folder / "images" / "train.npy", sizes)


def _first_start(kind: str, root: Path, model: Starter, sizes: Sizes) -> list[Figure]:
    from benchmark.data.fairvlmed_npz import read_sample
    from benchmark.data.prepare import model_pixels

    files = sorted((root / "Training").glob("*.npz"))
    epoch = _epoch_of_reads(root, files, sizes)
    images = sizes.train + sizes.val + sizes.test
    threads = sorted({1, usable_cores()})
    times = _Times()
    with TemporaryDirectory() as name:
        source = model.source(root, Path(name))

        def resize(index: int) -> None:
            model_pixels(source.image("train", index), model.transform, "float")

        for attempt in range(sizes.tries):
            times.add("read", seconds(lambda: _each(read_sample, files)))
            times.add("resize", seconds(lambda: _each(resize, range(sizes.train))))
            times.add("epoch", seconds(lambda: _each(partial(_see, model.transform), epoch)))
            for cores in threads:
                cache = Path(name) / f"{attempt}-{cores}"
                with _limited_to(cores):
                    start = perf_counter()
                    times.add(f"build {cores}", seconds(partial(model.start, root, cache)))
                    times.add(f"wall {cores}", perf_counter() - start)
    each = f"{sizes.height}×{sizes.width}"
    return [
        Figure(f"{kind}: read and hash a file", 1e3 * times["read"] / sizes.train, "ms", "", each),
        Figure(
            f"{kind}: decode and resize it",
            1e3 * times["resize"] / sizes.train,
            "ms",
            "",
            f"to {PIXELS} in mode F; that it is the image that was hashed is checked",
        ),
        *(
            Figure(
                f"{kind}: first start, {_threads(cores)}",
                images / times[f"wall {cores}"],
                "images/s",
                "",
                f"{images} samples, index, images and tokens; on the wall, other work counts",
            )
            for cores in threads
        ),
        Figure(
            f"{kind}: reads of a public epoch",
            times["epoch"],
            "s",
            "",
            f"{len(epoch)} samples: training, {GROUPS} groups, test; np.load, float32, resize in"
            " mode F, crop; no tokens, no tensors",
        ),
        Figure(
            f"{kind}: first start / these reads",
            times["build 1"] / times["epoch"],
            "×",
            "< 1 ×",
            "processor seconds of one thread; once, instead of at every epoch",
        ),
    ]


class _Times:
    """Repeated times by name, and their median."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}

    def add(self, name: str, took: float) -> None:
        self._found.setdefault(name, []).append(took)

    def __getitem__(self, name: str) -> float:
        return median(self._found[name])


def _epoch_of_reads(root: Path, files: list[Path], sizes: Sizes) -> list[Path]:
    """Return the files in the order in which an epoch with evaluation reads them."""
    rng = np.random.default_rng(0)
    steps = -(-sizes.train // sizes.batch)
    groups = [files[i] for i in rng.integers(0, len(files), steps * GROUPS * sizes.batch)]
    return [*files, *groups, *sorted((root / "Test").glob("*.npz"))]


def _each(work: Callable[[T], object], items: Iterable[T]) -> None:
    for item in items:
        work(item)


def _see(transform: ImageTransform, file: Path) -> None:
    """Do what the public code must do to see one image, at every sight of it."""
    with np.load(file) as archive:
        pixels = archive["slo_fundus"].astype(np.float32)
    transform(Image.fromarray(pixels)).load()


@contextmanager
def _limited_to(cores: int) -> Iterator[None]:
    """Keep this thread, and those that it starts, on so many cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    former = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(former)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, former)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _second_start(root: Path, model: Starter, sizes: Sizes) -> list[Figure]:
    with TemporaryDirectory() as cache:
        model.start(root, Path(cache))
        took = median(seconds(lambda: model.start(root, Path(cache))) for _ in range(sizes.tries))
    samples = sizes.train + sizes.val + sizes.test
    note = f"{samples} samples, nothing to make; {1e3 * took / samples:.2f} ms each, mostly tokens"
    return [Figure("second start", took, "s", "", note)]


def _cache_file(path: Path, sizes: Sizes) -> list[Figure]:
    """Time the check of a cache file, and batches from it beside plain copies."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, PIXELS, PIXELS)).astype(np.uint8)

    def opened() -> np.ndarray[Any, np.dtype[np.uint8]]:
        return cached_images(path, sizes.cached, lambda i: np.roll(image, i), "")

    images = opened()
    took = median(seconds(opened) for _ in range(sizes.tries))
    figures = [
        Figure(
            f"check {sizes.cached:,} images",
            took,
            "s",
            "",
            f"SHA-256 at every start, {images.nbytes / took / 1e9:.2f} GB/s of one core",
        )
    ]
    np.add.reduce(images, axis=None, dtype=np.int64)  # every page is mapped
    for size in (sizes.batch, 4 * sizes.batch):
        batches = [rng.choice(sizes.cached, size, replace=False) for _ in range(50)]
        plain = np.array(images[:size])
        target = np.empty_like(plain)
        batch, copy = [], []
        for index in batches:
            batch.append(seconds(partial(images.__getitem__, index)))
            copy.append(seconds(partial(np.copyto, target, plain)))
        speed, most = (plain.nbytes / median(found) / 1e9 for found in (batch, copy))
        figures += [
            Figure(
                f"batch of {size} from the cache",
                1e3 * median(batch),
                "ms",
                "",
                f"{speed:.1f} GB/s, random images of a memory map; a plain copy {most:.1f} GB/s",
            )
        ]
    return figures
