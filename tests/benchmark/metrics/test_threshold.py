from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from benchmark.errors import FairbenchError
from benchmark.metrics.threshold import THRESHOLDS, threshold_for


class TestThresholdFor:
    @given(st.integers(0, 10_000), st.integers(1, 40))
    def test_youden_attains_the_maximum_of_scikit_learns_roc_curve(
        self, seed: int, distinct: int
    ) -> None:
        rng = np.random.default_rng(seed)
        label = rng.permutation(np.arange(40) < 15)
        score = rng.integers(0, distinct, 40) / 64 + 0.1 * label
        t = threshold_for("youden", label, score)
        fpr, tpr, candidates = roc_curve(label, score, drop_intermediate=False)
        best = candidates[1:][np.isclose(tpr - fpr, (tpr - fpr)[1:].max(), atol=1e-12)[1:]]
        assert t == best.max()

    def test_rate_predicts_as_many_positives_as_there_are(self) -> None:
        rng = np.random.default_rng(1)
        label, score = rng.random(200) < 0.3, rng.random(200)
        assert (score >= threshold_for("rate", label, score)).sum() == label.sum()

    def test_rate_takes_the_nearest_and_then_the_fewest_positives_where_scores_tie(self) -> None:
        # From 0.3 on 1 is positive, from 0.2 on 3, from 0.1 on 6.
        score = [0.1, 0.1, 0.1, 0.2, 0.2, 0.3]
        assert threshold_for("rate", [0, 0, 0, 0, 1, 1], score) == 0.3
        assert threshold_for("rate", [0, 0, 1, 1, 1, 1], score) == 0.2

    def test_the_published_rule_looks_at_nothing(self) -> None:
        assert threshold_for("0.5", [1, 1], [0.1, 0.2]) == 0.5

    @pytest.mark.parametrize("rule", sorted(set(THRESHOLDS) - {"0.5"}))
    def test_one_class_is_an_error_with_the_counts(self, rule: str) -> None:
        with pytest.raises(FairbenchError, match=f"'{rule}'.* 2 positive and 0 negative"):
            threshold_for(rule, [1, 1], [0.1, 0.2])

    def test_an_unknown_rule_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"'yuden'. Did you mean 'youden'\?.*0.5, rate"):
            threshold_for("yuden", [0, 1], [0.1, 0.2])
