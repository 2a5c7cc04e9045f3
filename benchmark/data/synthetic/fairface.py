"""Writes faces in FairFace's layout: hair length shows gender, and one race's hair hardly shows.

The faces are drawings. Race and age have quotas, gender has one within each race, and all else
is independent, so that a gap can only come from a knob.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, model_validator

from benchmark.data.fairface import AGES, RACES, SYNTHETIC_MARK, TEST_TABLE, TRAIN_TABLE
from benchmark.data.parallel import map_in_order
from benchmark.data.synthetic.config import Knobs, with_knobs
from benchmark.data.synthetic.demographics import quotas
from benchmark.data.synthetic.face import Face, draw_face
from benchmark.data.synthetic.writer import appearing_whole, write_csv
from benchmark.errors import unknown_name

FACE_VERSION = 1
"""Raised when a code change moves any pixel or label that the generator writes."""

FACE_SIZES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "default": {"train": 1500, "test": 1000, "size": 112},
        "paper": {"train": 86_744, "test": 10_954, "size": 224},
        "tiny": {"train": 160, "test": 80, "size": 48},
    }
)
"""Named sizes. `paper` has the counts and image size of FairFace as published."""

_Part = Literal["train", "val"]
_PARTS: tuple[_Part, ...] = ("train", "val")
_JPEG_QUALITY = 92
_AGE_SHARES = (2, 12, 11, 29, 22, 12, 7, 3, 2)
"""Roughly those of FairFace, percent."""
_SKIN: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "East Asian": (222, 188, 152),
        "Indian": (160, 115, 82),
        "Black": (108, 74, 54),
        "White": (226, 194, 172),
        "Middle Eastern": (202, 164, 132),
        "Southeast Asian": (196, 152, 112),
        "Latino_Hispanic": (206, 160, 122),
    }
)


class FaceBias(Knobs):
    """What differs for one group, such as `race/Black`. A sample's groups multiply."""

    contrast: float = Field(default=1.0, ge=0, le=2)
    """Factor on the darkness of the hair, which carries the label; 0 hides it."""

    noise: float = Field(default=1.0, ge=0, le=10)
    """Factor on the standard deviation of the image noise."""


class FaceConfig(Knobs):
    """Everything that determines the pixels and labels, apart from `FACE_VERSION`."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of every random draw."""

    train: int = Field(default=1500, ge=20, le=200_000)
    """Rows of the training table; a run draws its validation images from them."""

    test: int = Field(default=1000, ge=10, le=200_000)
    """Rows of the published validation table, which is the test set."""

    size: int = Field(default=112, ge=32, le=1024)
    """Height and width of an image in pixels."""

    hair_female: float = Field(default=0.75, ge=0.2, le=1)
    """Mean of where women's hair ends, as a fraction of the image's height from the top."""

    hair_male: float = Field(default=0.5, ge=0.2, le=1)
    """The same for men."""

    hair_spread: float = Field(default=0.14, ge=0, le=0.5)
    """Standard deviation within a gender. With the two means it bounds the AUC that any image
    model can reach: Φ((0.75 - 0.5) / (√2 · 0.14)) = 0.90."""

    contrast: float = Field(default=90.0, ge=0, le=150)
    """How much darker the hair is than the background, in grey levels."""

    noise: float = Field(default=10.0, ge=0, le=60)
    """Standard deviation of the image noise, in grey levels."""

    groups: Mapping[str, FaceBias] = Field(
        default_factory=lambda: {"race/Black": FaceBias(contrast=0.2, noise=1.6)}
    )
    """Bias by group, keyed `attribute/group`. A group that is not named has none."""

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        known = {f"race/{race}" for race in RACES} | {f"age/{age}" for age in AGES}
        for group in self.groups:
            if group not in known:
                raise ValueError(str(unknown_name("group", group, known)))
        return self

    @property
    def digest(self) -> str:
        """Eight hex digits that change with any knob and with `FACE_VERSION`."""
        text = json.dumps([FACE_VERSION, self.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def make_face_config(
    size: str = "default", seed: int = 0, knobs: Mapping[str, str | float] | None = None
) -> FaceConfig:
    """Return the config for a named size with some knobs changed.

    Args:
        size: A key of `FACE_SIZES`.
        seed: Seed of every random draw.
        knobs: Knob name → value. A group's knob is written `race/Black.contrast`.

    Raises:
        FairbenchError: the size or a knob is unknown, or a value is out of range.
    """
    if size not in FACE_SIZES:
        raise unknown_name("size", size, FACE_SIZES)
    return with_knobs(FaceConfig(**FACE_SIZES[size]), {"seed": seed, **(knobs or {})})


def write_faces(
    directory: Path,
    config: FaceConfig,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Write a folder in FairFace's layout and return the fingerprint of what was drawn.

    The folder appears under its name only when it is complete.

    Args:
        directory: Where to write; must not exist, or be empty.
        config: Sizes, seed and knobs.
        progress: Called after each image with how many are done, and how many there are.

    Returns:
        SHA-256 (hex) over pixels before JPEG and labels. One config has one, whatever the
        number of threads; the bytes of the JPEG files depend on Pillow's encoder.

    Raises:
        FairbenchError: the folder is not empty, or cannot be written.
    """
    digest = hashlib.sha256()
    done, total = 0, config.train + config.test
    with appearing_whole(directory) as folder:
        for part, table in zip(_PARTS, (TRAIN_TABLE, TEST_TABLE), strict=True):
            (folder / part).mkdir()
            people = _people(config, part)
            write = partial(_write_face, folder, config, part, people)
            rows = []
            for row, pixels in map_in_order(write, range(len(people)), f"draw {part}", None):
                digest.update(json.dumps(row).encode() + pixels)
                rows.append(row)
                done += 1
                if progress is not None:
                    progress(done, total)
            write_csv(folder / table, ("file", "age", "gender", "race", "service_test"), rows)
        description = {
            "generator": "fairbench data synthesize --format fairface",
            "version": FACE_VERSION,
            "fingerprint": digest.hexdigest(),
            "config": config.model_dump(mode="json"),
        }
        (folder / SYNTHETIC_MARK).write_text(json.dumps(description, indent=2) + "\n", "utf-8")
    return digest.hexdigest()


def _people(config: FaceConfig, part: _Part) -> list[tuple[str, str, str]]:
    """Return age, gender and race of each person, by quotas, in random order."""
    total = config.train if part == "train" else config.test
    generator = _generator(config, part, 0, 0)
    race = generator.permutation(np.repeat(RACES, quotas([1.0] * len(RACES), total)))
    age = generator.permutation(np.repeat(AGES, quotas(_AGE_SHARES, total)))
    gender: NDArray[np.str_] = np.full(total, "Female")
    for name in RACES:
        members = generator.permutation(np.flatnonzero(race == name))
        gender[members[: len(members) // 2]] = "Male"
    return [(str(a), str(g), str(r)) for a, g, r in zip(age, gender, race, strict=True)]


def _write_face(
    folder: Path,
    config: FaceConfig,
    part: _Part,
    people: list[tuple[str, str, str]],
    index: int,
) -> tuple[tuple[str, ...], bytes]:
    """Write one image; return its row and the hash of its pixels."""
    age, gender, race = people[index]
    generator = _generator(config, part, 1, index)
    biases = [config.groups.get(group) for group in (f"race/{race}", f"age/{age}")]
    mean = config.hair_male if gender == "Male" else config.hair_female
    years = AGES.index(age)
    tone = generator.normal(0.0, 10.0)
    red, green, blue = (channel + tone for channel in _SKIN[race])
    face = Face(
        hair_length=mean + config.hair_spread * generator.normal(),
        skin=(red, green, blue),
        scale=0.8 + 0.05 * min(years, 4),
        lines=max(years - 4, 0),
        contrast=config.contrast * float(np.prod([b.contrast for b in biases if b])),
        noise=config.noise * float(np.prod([b.noise for b in biases if b])),
    )
    pixels = draw_face(face, config.size, generator)
    name = f"{part}/{index + 1}.jpg"
    Image.fromarray(pixels).save(folder / name, quality=_JPEG_QUALITY)
    return (name, age, gender, race, "False"), hashlib.sha256(pixels.tobytes()).digest()


def _generator(config: FaceConfig, part: _Part, stream: int, index: int) -> np.random.Generator:
    key = (FACE_VERSION, _PARTS.index(part), stream, index)
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))
