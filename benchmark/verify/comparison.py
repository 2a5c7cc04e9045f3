"""Collects deviations of recomputed from recorded numbers into one result."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.verify.result import CheckResult

LARGEST_ROUNDING = 0.05
"""Rounding is never granted beyond this share of a number. A float32 gradient that it moves
further is not compared at all."""

LARGEST_GRADIENT_ROUNDING = 0.5
"""The share of a float64 gradient: Sinkhorn iterations may not have converged, and then the last
bits of the scores decide."""

Rounding = Callable[[], float]
"""How far float32 rounding alone moves a number; asked only where it deviates too far."""


@dataclass
class Comparison:
    """One check in the making.

    A deviation is relative where a scale is given and absolute where it is not. NaN equals NaN,
    an infinity itself; against anything else either deviates infinitely.

    Attributes:
        name: Of the check.
        tolerance: Largest deviation that passes.
        cases: Numbers compared so far.
        worst: The largest deviation so far, and `where` it is.
        left_out: Gradients that float32 does not determine.
        notes: What the reader must know of what was compared.
    """

    name: str
    tolerance: float
    cases: int = 0
    worst: float = 0.0
    where: str = ""
    left_out: int = 0
    notes: list[str] = field(default_factory=list)
    _rounded: list[tuple[float, str]] = field(default_factory=list)

    def number(
        self,
        where: str,
        ours: float,
        recorded: float,
        *,
        scale: float | None = None,
        rounding: Rounding | None = None,
    ) -> None:
        """Compare one number.

        Args:
            where: File, case and field.
            ours: Recomputed.
            recorded: From the pack.
            scale: The deviation is relative to its size; None compares absolutely.
            rounding: That much, up to `LARGEST_ROUNDING` of the scale, is no deviation.
        """
        if ours == recorded or (math.isnan(ours) and math.isnan(recorded)):
            self.cases += 1
            return
        told = f"{where}: {ours:.9g}, recorded {recorded:.9g}"
        apart = abs(ours - recorded)
        if scale is None:
            self._add(apart, told)
        else:
            self._add(self._less_rounding(where, _ratio(apart, scale), scale, rounding), told)

    def gradient(
        self,
        where: str,
        ours: NDArray[np.float64],
        recorded: NDArray[np.float64],
        rounding: Rounding,
        noisy: bool = False,
    ) -> None:
        """Compare a gradient by the norm of the difference, relative to the recorded norm.

        A noisy one, of a float32 solver, is left out and counted where rounding moves it by more
        than `LARGEST_ROUNDING`.
        """
        size = float(np.linalg.norm(recorded))
        apart = _ratio(float(np.linalg.norm(ours - recorded)), size)
        told = f"{where}: off by {apart:.3g} of its norm {size:.3g}"
        known_to = float(np.linalg.norm(ours)) if noisy else math.inf
        self._add_if_known(where, apart, told, size, known_to, rounding)

    def gradient_norm(
        self, where: str, ours: float, recorded: float, rounding: Rounding, noisy: bool = False
    ) -> None:
        """Compare the norm of a gradient; left out as in `gradient`."""
        told = f"{where}, norm: {ours:.9g}, recorded {recorded:.9g}"
        apart = _ratio(abs(ours - recorded), recorded)
        known_to = ours if noisy else math.inf
        self._add_if_known(f"{where}, norm", apart, told, recorded, known_to, rounding)

    def array(
        self, where: str, ours: ArrayLike, recorded: ArrayLike, rounding: Rounding | None = None
    ) -> None:
        """Compare two arrays entry by entry, as one case; the largest difference counts.

        With `rounding`, the arrays are in units of what it is relative to.
        """
        a, b = np.asarray(ours, np.float64), np.asarray(recorded, np.float64)
        if a.shape != b.shape:
            self._add(math.inf, f"{where}: shape {a.shape}, recorded {b.shape}")
            return
        with np.errstate(invalid="ignore"):
            apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        apart = np.where(np.isnan(apart), np.inf, apart)
        if not apart.size:
            self.cases += 1
            return
        at = np.unravel_index(int(apart.argmax()), a.shape)
        entry = f"{where}, entry {', '.join(str(i) for i in at)}" if at else where
        deviation = self._less_rounding(where, float(apart[at]), 1.0, rounding)
        self._add(deviation, f"{entry}: {a[at]:.9g}, recorded {b[at]:.9g}")

    def same(self, where: str, ours: object, recorded: object) -> None:
        """Compare things that are equal or not; the things are not printed, as notes are not."""
        self._add(0.0 if ours == recorded else math.inf, f"{where} differs")

    def result(self) -> CheckResult:
        """Return what was found."""
        notes = [f"largest at {self.where}"] if self.where else []
        if self._rounded:
            share, where = max(self._rounded)
            notes.append(
                f"{len(self._rounded)} numbers agree to what float32 rounding moves them by,"
                f" at most {share:.1e} ({where})"
            )
        if self.left_out:
            notes.append(
                f"{self.left_out} gradients left out: float32 rounding alone moves them by more"
                f" than {LARGEST_ROUNDING:.0%}"
            )
        return CheckResult(
            name=self.name,
            status="pass" if self.cases and self.worst <= self.tolerance else "miss",
            cases=self.cases,
            deviation=self.worst,
            tolerance=self.tolerance,
            note="; ".join([*notes, *self.notes]),
        )

    def _add(self, deviation: float, told: str) -> None:
        self.cases += 1
        if math.isnan(deviation):
            deviation = math.inf
        if deviation > self.worst:
            self.worst, self.where = deviation, told

    def _add_if_known(
        self,
        where: str,
        deviation: float,
        told: str,
        size: float,
        known_to: float,
        rounding: Rounding,
    ) -> None:
        # Measured on ours: a recorded gradient that is damaged must not excuse itself.
        if deviation > self.tolerance and rounding() > LARGEST_ROUNDING * known_to:
            self.left_out += 1
            return
        largest = LARGEST_ROUNDING if math.isfinite(known_to) else LARGEST_GRADIENT_ROUNDING
        self._add(self._less_rounding(where, deviation, size, rounding, largest), told)

    def _less_rounding(
        self,
        where: str,
        deviation: float,
        scale: float,
        rounding: Rounding | None,
        largest: float = LARGEST_ROUNDING,
    ) -> float:
        """Return what of a relative deviation float32 rounding does not explain."""
        if rounding is None or not self.tolerance < deviation < math.inf:
            return deviation
        granted = min(rounding() / abs(scale), largest)
        if granted <= self.tolerance:
            return deviation
        self._rounded.append((granted, where))
        return max(0.0, deviation - granted)


def _ratio(apart: float, scale: float) -> float:
    """Return a deviation relative to a scale; infinite at a scale of 0."""
    if apart == 0:
        return 0.0
    return apart / abs(scale) if scale else math.inf
