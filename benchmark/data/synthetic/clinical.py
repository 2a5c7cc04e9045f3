"""What an examination found: cup-to-disc ratio, visual field, pressure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmark.data.synthetic.config import SyntheticConfig

_TESTED_POINTS = 52


@dataclass(frozen=True)
class Findings:
    """One eye's measurements.

    Attributes:
        glaucoma: 0 or 1, the label.
        cup_to_disc: Vertical cup-to-disc ratio, 0.12 to 0.92; the only link from label to image.
        md: Visual field mean deviation in dB: at least -1 without glaucoma, below -3 with it
            (the paper's definition of the label, section 3.1).
        tds: (52,) float32, total deviation of each tested point in dB.
        pressure: Intraocular pressure in mmHg, for the note only.
    """

    glaucoma: int
    cup_to_disc: float
    md: float
    tds: NDArray[np.float32]
    pressure: int


def examine(glaucoma: int, config: SyntheticConfig, generator: np.random.Generator) -> Findings:
    """Draw the findings of one eye given its label."""
    mean = config.cup_glaucoma if glaucoma else config.cup_healthy
    deviate = float(generator.standard_normal())
    cup_to_disc = float(np.clip(mean + config.cup_spread * deviate, 0.12, 0.92))
    spread, loss = generator.standard_normal(), generator.standard_exponential()
    if glaucoma:
        # Deeper cups go with larger loss of field.
        md = max(-3.05 - (3.0 + 1.5 * max(deviate, -1.5)) * loss, -32.0)
    else:
        md = float(np.clip(0.4 + 0.8 * spread, -1.0, 2.9))
    md = round(md, 2)
    pressure = generator.normal(20.0 if glaucoma else 16.0, 4.0)
    return Findings(
        glaucoma=glaucoma,
        cup_to_disc=cup_to_disc,
        md=md,
        tds=_total_deviations(md, generator),
        pressure=int(np.clip(round(pressure), 8, 42)),
    )


def _total_deviations(md: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return 52 deviations around `md`; loss gathers in one half of the field, as in glaucoma."""
    point = np.arange(_TESTED_POINTS)
    upper = point < _TESTED_POINTS // 2
    worse_half = upper if generator.random() < 0.5 else ~upper
    tilt = 0.6 * min(md, 0.0) * np.where(worse_half, 1.0, -1.0)
    values = md + tilt + generator.normal(0.0, 1.0, _TESTED_POINTS)
    return np.round(np.clip(values, -38.0, 10.0), 1).astype(np.float32)
