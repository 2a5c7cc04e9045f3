"""The released code's reading of undefined rates, against the library that it calls."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.metrics.as_official import as_official

samples = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.4, 0.5, 0.6]), st.integers(-1, 2)),
    min_size=2,
    max_size=30,
)


def columns(rows: list[tuple[int, float, int]]) -> Any:
    return (np.array(column) for column in zip(*rows, strict=True))


class TestAsOfficial:
    @given(samples)
    def test_gaps_are_fairlearns_with_one_class_groups_and_unknown(
        self, rows: list[tuple[int, float, int]]
    ) -> None:
        label, score, code = columns(rows)
        found = as_official(label, score, code)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arguments = {"y_true": label, "y_pred": score >= 0.5, "sensitive_features": code}
            assert found.dpd == pytest.approx(demographic_parity_difference(**arguments))
            assert found.deodds == pytest.approx(equalized_odds_difference(**arguments))

    @given(samples)
    def test_group_aucs_are_scikit_learns_in_the_order_of_codes(
        self, rows: list[tuple[int, float, int]]
    ) -> None:
        label, score, code = columns(rows)
        groups = [code == c for c in np.unique(code)]
        expected = [
            roc_auc_score(label[g], score[g]) if len(set(label[g])) == 2 else np.nan for g in groups
        ]
        np.testing.assert_allclose(as_official(label, score, code).group_auc, expected, atol=1e-12)

    def test_one_group_has_no_gap(self) -> None:
        found = as_official([0, 1], [0.2, 0.7], [3, 3])
        assert (found.dpd, found.deodds, found.disparity) == (0.0, 0.0, (0.0, 0.0))

    def test_disparity_is_deviation_and_range_over_the_auc(self) -> None:
        # Group AUCs 1 and 0; overall 2 of 4 pairs are in order.
        found = as_official([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.3], [0, 0, 1, 1])
        assert found.group_auc.tolist() == [1.0, 0.0]
        assert found.disparity == (0.5 / 0.5, 1 / 0.5)
        assert found.disparity_half == (np.inf, np.inf)

    def test_an_auc_of_nothing_has_no_disparity_but_half_of_one(self) -> None:
        found = as_official([0, 1, 0, 1], [0.9, 0.1, 0.9, 0.1], [0, 0, 1, 1])
        assert np.isnan(found.disparity).all()
        assert found.disparity_half == (0.0, 0.0)

    def test_a_group_with_one_class_leaves_es_accuracy(self) -> None:
        found = as_official([0, 1, 0], [0.1, 0.9, 0.9], [0, 0, 1])
        assert np.isnan(found.es_auc)
        # Accuracy 2/3, of the groups 1 and 0.
        assert found.es_accuracy == pytest.approx((2 / 3) / (1 + 1 / 3 + 2 / 3))
