"""Assignments of samples to groups, the observed one and permuted ones, laid out for counting.

All runs on one split share their labels and groups and differ in their scores alone, and a gap
is counted under hundreds of permutations for each of them. What depends on the groups alone is
made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.inputs import BoolArray, IntArray

_KEPT = 16  # a split of 10,000 samples takes 2 MB an attribute


@dataclass(frozen=True)
class Assignments:
    """P assignments of N samples to G groups.

    Attributes:
        by_sample: (N, P) codes, 0 to G - 1, of the smallest unsigned type: the assignments of
            one sample lie together, so that a sort by score moves whole rows.
        bits: (P, G, W) uint64, one bit a sample: 64 samples are counted by one instruction.
    """

    by_sample: NDArray[np.unsignedinteger]
    bits: NDArray[np.uint64]

    @classmethod
    def of(cls, codes: IntArray, n_groups: int) -> Assignments:
        """Return the assignments of codes (P, N), 0 to n_groups - 1."""
        smallest = np.min_scalar_type(max(n_groups - 1, 0))
        groups = [_packed(codes == group) for group in range(n_groups)]
        empty = np.zeros((len(codes), 0, 0), dtype=np.uint64)
        return cls(
            by_sample=np.ascontiguousarray(codes.T.astype(smallest)),
            bits=np.stack(groups, axis=1) if groups else empty,
        )

    @classmethod
    def everyone(cls, n: int) -> Assignments:
        """Return the one assignment of n samples to one group."""
        return cls.of(np.zeros((1, n), dtype=np.int64), 1)

    @property
    def n_groups(self) -> int:
        """G."""
        return int(self.bits.shape[1])

    def among(self, samples: BoolArray) -> IntArray:
        """Return how many of the samples (N,) are in each group, (P, G)."""
        if not self.n_groups:
            return np.zeros(self.bits.shape[:2], dtype=np.int64)
        found = np.bitwise_count(self.bits & _packed(samples))
        return np.asarray(found.sum(axis=-1, dtype=np.int64))


def observed_and_permuted(
    code: IntArray, n_groups: int, permutations: int, seed: int
) -> Assignments:
    """Return the codes (N,) as they are, and after them P permutations of them.

    The permutations depend on nothing but the arguments, so every run on one split sees the
    same; the last few results are kept.

    Raises:
        ValueError: no permutation.
    """
    if permutations < 1:
        raise ValueError(f"permutations is {permutations}; expected at least 1")
    return _observed_and_permuted(code.tobytes(), n_groups, permutations, seed)


@lru_cache(maxsize=_KEPT)
def _observed_and_permuted(code: bytes, n_groups: int, permutations: int, seed: int) -> Assignments:
    observed = np.frombuffer(code, dtype=np.int64)[None]
    copies = np.broadcast_to(observed, (permutations, observed.shape[1]))
    permuted = np.random.default_rng(seed).permuted(copies, axis=1)
    return Assignments.of(np.concatenate([observed, permuted]), n_groups)


def _packed(inside: BoolArray) -> NDArray[np.uint64]:
    """Return (..., N) booleans as bits of (..., W) words."""
    octets = np.packbits(inside, axis=-1)
    words = np.zeros((*octets.shape[:-1], -(-octets.shape[-1] // 8)), dtype=np.uint64)
    words.view(np.uint8)[..., : octets.shape[-1]] = octets
    return words
