"""Draws a face: a few ellipses whose hair carries the label, and skin, size and lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_BACKGROUND = 175.0
_EDGE = 0.03
"""Width over which a shape fades, in half image sizes."""


@dataclass(frozen=True)
class Face:
    """What one image shows.

    Attributes:
        hair_length: Where the hair ends, as a fraction of the image's height from the top.
        skin: Red, green and blue, 0 to 255.
        scale: Size of the head, 1 for an adult's.
        lines: Lines on the forehead.
        contrast: How much darker the hair is than the background, in grey levels.
        noise: Standard deviation of the image noise, in grey levels.
    """

    hair_length: float
    skin: tuple[float, float, float]
    scale: float
    lines: int
    contrast: float
    noise: float


def draw_face(face: Face, size: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return a (size, size, 3) uint8 image."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    shift = generator.normal(0.0, 0.03, 2)
    x, y = np.meshgrid(axis - shift[0], axis - shift[1])
    light = generator.normal(0.0, 6.0) + 8.0 * generator.normal() * x
    image = np.repeat((_BACKGROUND + light)[..., None], 3, axis=2)
    s = face.scale
    hair = _BACKGROUND - face.contrast + np.array([4.0, 0.0, -4.0]) + light[..., None]
    end = 2 * face.hair_length - 1
    curtain = _inside(np.abs(x) - 0.68 * s) * _inside(y - end) * _inside(-0.25 * s - y)
    _paint(image, np.maximum(curtain, _ellipse(x, y + 0.25 * s, 0.68 * s, 0.6 * s)), hair)
    skin = np.array(face.skin) + light[..., None]
    _paint(image, _inside(np.abs(x) - 0.2 * s) * _inside(0.3 - y), 0.9 * skin)
    _paint(image, _ellipse(x, y, 0.48 * s, 0.62 * s), skin)
    for line in range(face.lines):
        height = y + (0.42 - 0.07 * line) * s
        stroke = _inside(np.abs(height) - 0.012) * _inside(np.abs(x) - 0.22 * s)
        _paint(image, stroke, 0.75 * skin)
    for side in (-1, 1):
        _paint(image, _ellipse(x - 0.19 * side * s, y + 0.1 * s, 0.075 * s, 0.045 * s), 235.0)
        _paint(image, _ellipse(x - 0.19 * side * s, y + 0.1 * s, 0.035 * s, 0.04 * s), 40.0)
    _paint(image, _ellipse(x, y - 0.08 * s, 0.04 * s, 0.1 * s), 0.88 * skin)
    _paint(image, _ellipse(x, y - 0.32 * s, 0.16 * s, 0.045 * s), np.array([165.0, 85.0, 85.0]))
    half = face.noise / np.sqrt(2)  # one half of single pixels, one of a grain that resizing keeps
    grain = generator.normal(0.0, half, (-(-size // 4), -(-size // 4), 1))
    image += np.kron(grain, np.ones((4, 4, 1)))[:size, :size]
    image += generator.normal(0.0, half, image.shape)
    pixels: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels


def _inside(distance: FloatArray) -> FloatArray:
    """Return 1 where a signed distance is negative, 0 where positive, and a soft edge between."""
    return np.asarray(np.clip(0.5 - distance / _EDGE, 0.0, 1.0))


def _ellipse(x: FloatArray, y: FloatArray, width: float, height: float) -> FloatArray:
    return _inside((np.hypot(x / width, y / height) - 1.0) * min(width, height))


def _paint(image: FloatArray, cover: FloatArray, colour: FloatArray | float) -> None:
    image += cover[..., None] * (colour - image)
