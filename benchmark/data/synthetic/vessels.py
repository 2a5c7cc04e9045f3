"""Retinal vessels: trunks that leave the disc in four arcades, and their branches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_TRUNK_STEPS, _BRANCH_STEPS = 0.62, 0.36
"""Points along one vessel, per pixel of image width: neighbours lie about a pixel apart."""
_TRUNK_ANGLES = np.deg2rad([62.0, 78.0, 108.0, 128.0, -62.0, -78.0, -108.0, -128.0])
"""Directions of the trunks at the disc; 0 is temporal, 90 is up. Vein and artery go in pairs."""
_TRUNK_TURN = np.array([-1.25, -0.9, 0.35, 0.6, 1.25, 0.9, -0.35, -0.6])
"""Turn in radians over a trunk's length: temporal trunks arch around the macula."""
_BRANCHES_PER_TRUNK = 3
_PROFILE_END = 1.58
"""Distance from the middle at which darkness ends, in half widths."""


def draw_vessels(
    shape: tuple[int, int],
    disc: tuple[float, float],
    side: float,
    generator: np.random.Generator,
) -> FloatArray:
    """Return (height, width) vessel darkness from 0 (none) to about 1.

    Args:
        shape: Height and width in pixels.
        disc: x and y of the disc's centre, in image widths.
        side: +1 or -1: the horizontal direction that is nasal.
        generator: Source of all randomness.
    """
    trunks = len(_TRUNK_ANGLES)
    angle = _TRUNK_ANGLES + generator.normal(0.0, 0.10, trunks)
    angle = np.where(side > 0, np.pi - angle, angle)
    turn = _TRUNK_TURN * generator.uniform(0.7, 1.3, trunks) * -side
    start = np.array(disc) + generator.normal(0.0, 0.012, (trunks, 2))
    width = np.tile([0.0125, 0.0085], trunks // 2) * generator.uniform(0.85, 1.15, trunks)
    steps = round(_TRUNK_STEPS * shape[1])
    x, y, heading = _paths(start, angle, turn, np.full(trunks, 0.85), steps, generator)
    thick = _taper(width, steps)

    count = trunks * _BRANCHES_PER_TRUNK
    parent = np.repeat(np.arange(trunks), _BRANCHES_PER_TRUNK)
    at = np.floor(generator.uniform(0.17, 0.75, count) * steps).astype(np.intp)
    lean = np.where(generator.random(count) < 0.5, -1.0, 1.0) * generator.uniform(0.4, 0.9, count)
    fork = np.stack([x[parent, at], y[parent, at]], axis=1)
    branch_x, branch_y, _ = _paths(
        fork,
        heading[parent, at] + lean,
        -0.5 * lean + generator.normal(0.0, 0.3, count),
        generator.uniform(0.25, 0.5, count),
        steps := round(_BRANCH_STEPS * shape[1]),
        generator,
    )
    branch_thick = _taper(0.62 * thick[parent, at], steps)
    return _stamp(
        shape,
        np.concatenate([x.ravel(), branch_x.ravel()]),
        np.concatenate([y.ravel(), branch_y.ravel()]),
        np.concatenate([thick.ravel(), branch_thick.ravel()]),
    )


def _taper(width: FloatArray, steps: int) -> FloatArray:
    """Return (vessels, steps) half widths that shrink to 45% along the vessel."""
    return np.asarray(width[:, None] * np.linspace(1.0, 0.45, steps))


def _paths(
    start: FloatArray,
    angle: FloatArray,
    turn: FloatArray,
    length: FloatArray,
    steps: int,
    generator: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, y and heading, each (vessels, steps), of curves that turn steadily and wobble."""
    t = np.linspace(0.0, 1.0, steps)
    phase = generator.uniform(0.0, 2.0 * np.pi, (len(angle), 2, 1))
    wobble = 0.16 * np.sin(9.0 * t + phase[:, 0]) + 0.10 * np.sin(23.0 * t + phase[:, 1])
    heading = angle[:, None] + turn[:, None] * t + wobble
    step = (length / steps)[:, None]
    x = start[:, :1] + np.cumsum(np.cos(heading) * step, axis=1)
    y = start[:, 1:] - np.cumsum(np.sin(heading) * step, axis=1)  # rows grow downwards
    return x, y, heading


def _stamp(
    shape: tuple[int, int], x: FloatArray, y: FloatArray, half_width: FloatArray
) -> FloatArray:
    """Return the image of points with a soft round profile; where they overlap, the darkest."""
    height, width = shape
    # Vessels thinner than a pixel are drawn a pixel wide, and fainter in proportion.
    size = half_width * width
    depth = np.minimum(size / 0.7, 1.0)
    size = np.maximum(size, 0.7)
    reach = np.ceil(_PROFILE_END * size).astype(np.intp)
    margin = int(reach.max())
    image = np.zeros((height + 2 * margin, width + 2 * margin))
    x, y = x * width + margin, y * width + margin
    column, row = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    near = (column >= margin) & (column < width + margin)
    near &= (row >= margin) & (row < height + margin)
    for pixels in np.unique(reach[near]):  # thin points need small windows, and most are thin
        at = near & (reach == pixels)
        window = np.arange(-pixels, pixels + 1)
        columns, rows = column[at, None] + window, row[at, None] + window
        scale = 1.0 / (_PROFILE_END * size[at, None])
        across = ((columns + 0.5 - x[at, None]) * scale) ** 2
        down = ((rows + 0.5 - y[at, None]) * scale) ** 2
        value = depth[at, None, None] * (1.0 - across[:, None, :] - down[:, :, None])
        position = rows[:, :, None] * image.shape[1] + columns[:, None, :]
        np.maximum.at(image.reshape(-1), position.ravel(), value.ravel())
    return image[margin:-margin, margin:-margin]
