from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.assignments import Assignments, observed_and_permuted


class TestAssignments:
    @given(st.integers(0, 200), st.integers(1, 5), st.integers(0, 300), st.integers(0, 999))
    def test_counts_as_a_loop_does(self, n: int, assignments: int, groups: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = n if groups else 0
        codes = rng.integers(0, max(groups, 1), (assignments, n))
        inside = rng.random(n) < 0.5
        found = Assignments.of(codes, groups).among(inside)
        assert found.tolist() == [
            [int(np.sum(row[inside] == g)) for g in range(groups)] for row in codes
        ]

    def test_everyone_is_one_group(self) -> None:
        everyone = Assignments.everyone(70)
        assert everyone.n_groups == 1
        assert everyone.among(np.ones(70, bool)).tolist() == [[70]]


class TestObservedAndPermuted:
    CODE = np.array([0, 0, 1, 2, 2, 2, 1, 0, 2])

    def test_the_observed_codes_come_first_and_then_numpys_permutations(self) -> None:
        found = observed_and_permuted(self.CODE, 3, 6, seed=4).by_sample.T
        assert found[0].tolist() == self.CODE.tolist()
        copies = np.tile(self.CODE, (6, 1))
        expected = np.random.default_rng(4).permuted(copies, axis=1)
        np.testing.assert_array_equal(found[1:], expected)

    def test_what_is_kept_is_of_the_same_codes_groups_and_seed(self) -> None:
        first = observed_and_permuted(self.CODE, 3, 6, seed=4)
        assert observed_and_permuted(self.CODE.copy(), 3, 6, seed=4) is first
        for other in (
            observed_and_permuted(self.CODE[::-1].copy(), 3, 6, seed=4),
            observed_and_permuted(self.CODE, 3, 6, seed=5),
            observed_and_permuted(self.CODE, 3, 7, seed=4),
            observed_and_permuted(self.CODE, 4, 6, seed=4),
        ):
            assert other is not first

    def test_needs_a_permutation(self) -> None:
        with pytest.raises(ValueError, match="permutations is 0"):
            observed_and_permuted(self.CODE, 3, 0, seed=0)
