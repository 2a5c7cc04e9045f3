"""Simulated scores of methods, seeds and patients, by a law that is known.

The score of patient i (label y_i, group g_i) after method v was trained with seed s is the
sigmoid of

    z = (separation_v + c_s + k_sv)·(y_i − ½) + shift_v·[g_i is the smallest group] + u_svg
        + a_i + b_vi + e_svi,

where the terms in single letters are normal with mean 0: c_s is what all methods share in a
seed, k_sv and u_svg what they do not; a_i is what makes a patient hard for every method, b_vi
for one; e_svi is the rest. So seeds pair, patients are shared, and both are sources of variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Method:
    """What the scores of one method are like on average.

    Attributes:
        separation: Mean of z in class 1 minus that in class 0.
        shift: Of z in the smallest group, which has code 0.
    """

    separation: float
    shift: float


@dataclass(frozen=True)
class Law:
    """Standard deviations of the terms of z, in the order of the module's equation.

    Attributes:
        shared: Of c_s.
        training: Of k_sv.
        group: Of u_svg.
        patient: Of a_i.
        method_patient: Of b_vi. At 0, methods that are alike on average are exchangeable given
            the patients.
        rest: Of e_svi.
    """

    shared: float = 0.1
    training: float = 0.04
    group: float = 0.1
    patient: float = 0.9
    method_patient: float = 0.3
    rest: float = 0.4

    @property
    def within(self) -> float:
        """Standard deviation of z over patients of one group and class, given the seed."""
        return sqrt(self.patient**2 + self.method_patient**2 + self.rest**2)


@dataclass(frozen=True)
class Patients:
    """N patients.

    Attributes:
        label: (N,), True for class 1.
        code: (N,), their groups.
        ease: (M, N), a_i + b_vi for M methods.
    """

    label: BoolArray
    code: IntArray
    ease: FloatArray

    @classmethod
    def draw(
        cls, sizes: Sequence[int], n_methods: int, law: Law, rng: np.random.Generator
    ) -> Patients:
        """Return groups of these sizes; each patient has either class with probability ½."""
        n = sum(sizes)
        ease = rng.normal(0, law.patient, n) + rng.normal(0, law.method_patient, (n_methods, n))
        return cls(rng.random(n) < 0.5, np.repeat(np.arange(len(sizes)), sizes), ease)


@dataclass(frozen=True)
class Trainings:
    """S trainings of each of M methods, whatever the patients.

    Attributes:
        separation: (M, S), with c_s and k_sv.
        shift: (M, S, G), with u_svg.
    """

    separation: FloatArray
    shift: FloatArray

    @classmethod
    def draw(
        cls,
        methods: Sequence[Method],
        n_seeds: int,
        n_groups: int,
        law: Law,
        rng: np.random.Generator,
    ) -> Trainings:
        """Return trainings with seeds that the methods share."""
        shape = (len(methods), n_seeds)
        separation = rng.normal(0, law.shared, n_seeds) + rng.normal(0, law.training, shape)
        shift = rng.normal(0, law.group, (*shape, n_groups))
        for v, method in enumerate(methods):
            separation[v] += method.separation
            shift[v, :, 0] += method.shift
        return cls(separation, shift)


def draw_scores(
    trainings: Trainings, patients: Patients, law: Law, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return probabilities of class 1, (M, S, N), as runs store them."""
    z = trainings.separation[..., None] * (patients.label - 0.5)
    z += trainings.shift[..., patients.code] + patients.ease[:, None]
    z += rng.normal(0, law.rest, z.shape)
    return np.asarray(special.expit(z), dtype=np.float32)
