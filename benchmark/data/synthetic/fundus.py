"""SLO-like fundus images: background, optic disc, cup, vessels, noise.

A scene is drawn in relative units (1 = the image's width), so that the same patient has the
same anatomy at every image size. The vertical cup-to-disc ratio is the only part of an image
that depends on the label. Only element-wise float64 arithmetic is used, no matrix product and no
FFT: the number of threads cannot move a pixel, and the last bit of an exponential, in which
machines may differ, moves one only where a grey level lies within 1e-13 of a rounding edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.data.synthetic.vessels import draw_vessels

FloatImage = NDArray[np.float64]

DISC_RADIUS = 0.21
"""Vertical radius of the optic disc; after a resize to 64 pixels it spans 27 of them."""

SHARPNESS = 0.012
"""Half width of the soft edges of disc and cup."""


@dataclass(frozen=True)
class Eye:
    """What the disease and the biases decide about an image; the rest is drawn at random.

    Attributes:
        cup_to_disc: Vertical cup-to-disc ratio.
        contrast: Brightness step from rim to cup, in grey levels.
        noise: Standard deviation of the image noise, in grey levels.
    """

    cup_to_disc: float
    contrast: float
    noise: float


def draw_fundus(
    eye: Eye, shape: tuple[int, int], generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Return one image, (height, width) uint8.

    The same generator state gives the same anatomy and the same noise pattern whatever `eye`
    holds, so two images that differ in one knob differ in nothing else.
    """
    height, width = shape
    # One independent stream for each part: pixel noise takes more draws in a larger image.
    layout, shading, vessels, grain = generator.spawn(4)
    side = 1.0 if layout.random() < 0.5 else -1.0  # right or left eye: which way is nasal
    x0 = 0.5 + side * 0.07 + layout.normal(0.0, 0.018)
    y0 = 0.5 * height / width + layout.normal(0.0, 0.022)
    radius = DISC_RADIUS * np.clip(layout.normal(1.0, 0.06), 0.85, 1.15)
    roundness = layout.uniform(0.86, 0.97)  # discs are taller than wide
    brightness = np.clip(layout.normal(1.0, 0.09), 0.75, 1.25)
    shift_x, shift_y = layout.normal(0.0, 0.10, size=2)
    rim_light = layout.normal(48.0, 5.0)

    x = (np.arange(width) + 0.5) / width
    y = (np.arange(height)[:, None] + 0.5) / width
    image = _background(x, y, (x0, y0), side, shading)
    # Disc and cup are drawn in the window that holds them: most of the image is elsewhere.
    rows, columns = _span(y0, radius, width), _span(x0, radius, width)
    window, at = image[rows, columns], (x[columns], y[rows])
    disc = _ellipse(*at, (x0, y0), radius, roundness)
    window += disc * (rim_light - 0.25 * (window - 90.0))
    # The cup moves inside the disc by a fraction of the rim that is left.
    rim = radius * (1.0 - eye.cup_to_disc)
    middle = (x0 + (0.25 * side + shift_x) * rim, y0 + shift_y * rim)
    cup = _ellipse(*at, middle, radius * eye.cup_to_disc, min(1.04 * roundness, 1.0))
    window += disc * cup * eye.contrast
    image -= draw_vessels(shape, (x0, y0), side, vessels) * (38.0 + 0.12 * image)
    image *= brightness
    image += eye.noise * _noise(height, width, grain)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _span(middle: float, radius: float, width: int) -> slice:
    """Return the pixels within a radius and its soft edge, along one axis."""
    half = radius + SHARPNESS
    return slice(max(int((middle - half) * width), 0), int((middle + half) * width) + 2)


def _ellipse(
    x: FloatImage, y: FloatImage, centre: tuple[float, float], radius: float, roundness: float
) -> FloatImage:
    """Return (H, W): 1 inside an ellipse, 0 outside, with a soft edge. `radius` is vertical."""
    distance = np.sqrt(((x - centre[0]) / roundness) ** 2 + (y - centre[1]) ** 2)
    t = np.clip((radius - distance) / (2 * SHARPNESS) + 0.5, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _background(
    x: FloatImage,
    y: FloatImage,
    disc: tuple[float, float],
    side: float,
    generator: np.random.Generator,
) -> FloatImage:
    """Return (H, W) grey levels: uneven light, nerve fibres beside the disc, a dark macula."""
    height, width = y.shape[0], x.shape[0]
    middle = 0.5 * height / width
    light_x, light_y = 0.5 + generator.normal(0.0, 0.06), middle + generator.normal(0.0, 0.08)
    steepness = generator.uniform(70.0, 120.0)
    image = (96.0 - steepness * (x - light_x) ** 2) - 0.7 * steepness * (y - light_y) ** 2
    # Nerve fibres reflect most above and below the disc.
    dx, dy = x - disc[0], y - disc[1]
    fibres = generator.uniform(8.0, 18.0) * np.exp(-(((np.abs(dy) - 0.30) / 0.13) ** 2))
    image += fibres * np.exp(-((dx / 0.20) ** 2))
    macula = generator.uniform(14.0, 26.0) * np.exp(-(((dy - 0.05) / 0.15) ** 2))
    image -= macula * np.exp(-(((dx + side * 0.52) / 0.15) ** 2))
    image += 6.0 * _smooth_field(height, width, 7, generator)
    image += 4.0 * _smooth_field(height, width, 20, generator)
    return np.asarray(image)


def _noise(height: int, width: int, generator: np.random.Generator) -> FloatImage:
    """Return (H, W) noise of unit variance: half speckle, half with a grain of width/64."""
    speckle = generator.standard_normal((height, width))
    return np.asarray((speckle + _smooth_field(height, width, 64, generator)) * np.sqrt(0.5))


def _smooth_field(
    height: int, width: int, cells: int, generator: np.random.Generator
) -> FloatImage:
    """Return (H, W) smooth noise, mean 0 and variance 1, with `cells` cells across the width."""
    rows = int(np.ceil(cells * height / width)) + 1
    grid = generator.standard_normal((rows, cells + 1))
    left, from_left, from_right = _cells(width, width, cells)
    top, from_top, from_below = _cells(height, width, cells)
    wide = from_left * grid[:, left] + from_right * grid[:, left + 1]
    return np.asarray(from_top[:, None] * wide[top] + from_below[:, None] * wide[top + 1])


@lru_cache(maxsize=32)
def _cells(
    pixels: int, width: int, cells: int
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return for each pixel the grid point before it, and the weights of that and the next.

    Sine and cosine: their squares add up to 1, so the variance is the same everywhere.
    """
    position = (np.arange(pixels) + 0.5) * cells / width
    before = np.floor(position).astype(np.intp)
    angle = 0.5 * np.pi * (position - before)
    return before, np.cos(angle), np.sin(angle)
