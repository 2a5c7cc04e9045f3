from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from benchmark.metrics.assignments import Assignments
from benchmark.metrics.auc import auc, auc_by_row, group_u2, mann_whitney_u2

Sample = tuple[np.ndarray, np.ndarray]


@st.composite
def tied_samples(draw: st.DrawFn) -> Sample:
    """Both classes, and few enough distinct scores that most of them tie."""
    n = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    label = rng.permutation(np.arange(n) < draw(st.integers(1, n - 1))).astype(np.int8)
    score = rng.integers(0, draw(st.integers(1, 30)), n) / np.float32(64)
    return label, score.astype(np.float32)


class TestAuc:
    @given(tied_samples())
    def test_agrees_with_scikit_learn_when_scores_tie(self, sample: Sample) -> None:
        label, score = sample
        assert auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_agrees_with_scikit_learn_on_near_half_scores_of_every_type(
        self, dtype: type[np.floating]
    ) -> None:
        rng = np.random.default_rng(1)
        label = rng.integers(0, 2, 2_000)
        score = (0.5 + 0.005 * rng.normal(size=2_000) + 0.003 * label).astype(dtype)
        assert auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)

    def test_is_nan_for_one_class(self) -> None:
        assert np.isnan(auc([1, 1, 1], [0.1, 0.2, 0.3]))
        assert np.isnan(auc([], []))

    def test_refuses_scores_that_are_not_finite_and_says_how_many(self) -> None:
        with pytest.raises(ValueError, match="2 of 4 values that are NaN or infinite"):
            auc([0, 1, 0, 1], [0.1, np.nan, 0.2, np.inf])

    def test_refuses_labels_that_are_not_binary(self) -> None:
        with pytest.raises(ValueError, match="label holds -1, 2"):
            auc([0, 1, 2, -1], [0.1, 0.2, 0.3, 0.4])

    def test_refuses_unequal_lengths(self) -> None:
        with pytest.raises(ValueError, match=r"shape \(3,\) for 2 labels"):
            auc([0, 1], [0.1, 0.2, 0.3])

    def test_refuses_several_rows(self) -> None:
        with pytest.raises(ValueError, match=r"shape \(2, 2\) for 2 labels"):
            auc([0, 1], [[0.1, 0.2], [0.3, 0.4]])


class TestMannWhitneyU2:
    @given(tied_samples())
    def test_is_exactly_twice_scipys_u(self, sample: Sample) -> None:
        label, score = sample
        u = mannwhitneyu(score[label == 1], score[label == 0]).statistic
        assert mann_whitney_u2(label, score[None]).tolist() == [2 * u]

    @given(tied_samples())
    def test_swapping_the_classes_gives_the_complement(self, sample: Sample) -> None:
        label, score = sample
        n1 = int(label.sum())
        total = mann_whitney_u2(label, score[None]) + mann_whitney_u2(1 - label, score[None])
        assert total.tolist() == [2 * n1 * (len(label) - n1)]

    def test_rows_are_independent(self) -> None:
        rng = np.random.default_rng(2)
        label, scores = rng.integers(0, 2, 80), rng.integers(0, 20, (6, 80)) / 20
        expected = [roc_auc_score(label, row) for row in scores]
        np.testing.assert_allclose(auc_by_row(label, scores), expected, atol=1e-12)


class TestGroupU2:
    @given(tied_samples(), st.integers(0, 1_000))
    def test_each_cell_is_twice_scipys_u_of_that_group(self, sample: Sample, seed: int) -> None:
        label, score = sample
        codes = np.random.default_rng(seed).integers(0, 3, (4, len(label)))
        u2 = group_u2(Assignments.of(codes, 3), label == 1, score.astype(np.float64))
        for p, row in enumerate(codes):
            for g in range(3):
                positive = score[(row == g) & (label == 1)]
                negative = score[(row == g) & (label == 0)]
                both = len(positive) and len(negative)
                assert u2[p, g] == (2 * mannwhitneyu(positive, negative).statistic if both else 0)
