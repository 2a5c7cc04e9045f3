from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from benchmark.metrics.calibration import brier, ece, fit_platt


def near_half(seed: int, n: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) < max(1, n // 3)).astype(np.int8)
    return label, (0.5 + 0.004 * (rng.normal(size=n) + shift * label)).astype(np.float32)


class TestFitPlatt:
    def test_agrees_with_scikit_learns_logistic_regression_on_platts_targets(self) -> None:
        label, score = near_half(seed=1, n=300, shift=0.8)
        logit = np.log(score.astype(float)) - np.log1p(-score.astype(float))
        n1, n0 = int(label.sum()), int((1 - label).sum())
        target = np.where(label, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        # A soft target is a sample of each class, weighted by its share.
        x = np.tile((logit - logit.mean()) / logit.std(), 2)[:, None]
        y, weight = np.repeat([1, 0], 300), np.concatenate([target, 1 - target])
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(x, y, weight)
        expected = model.predict_proba(x[:300])[:, 1]
        found = fit_platt(label, score).probability(score)
        np.testing.assert_allclose(found, expected, atol=1e-6)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10_000), st.integers(4, 200), st.floats(-50, 50))
    def test_gradient_vanishes_for_any_overlap_of_the_classes(
        self, seed: int, n: int, shift: float
    ) -> None:
        label, score = near_half(seed, n, shift)
        n1, n0 = int(label.sum()), int((1 - label).sum())
        target = np.where(label, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        excess = fit_platt(label, score).probability(score) - target
        x = (score - score.mean(dtype=float)) / score.std(dtype=float)
        assert abs(excess.sum()) < 1e-7 * n
        assert abs(excess @ x) < 1e-4 * n  # x is linear in the score, the fit in its logit

    def test_a_calibrated_probability_stays_as_it_is(self) -> None:
        rng = np.random.default_rng(2)
        probability = rng.beta(2, 2, 50_000)
        platt = fit_platt(rng.random(50_000) < probability, probability)
        assert (platt.slope, platt.intercept) == pytest.approx((1, 0), abs=0.05)

    def test_separated_classes_give_platts_targets_and_no_infinity(self) -> None:
        label, score = np.repeat([0, 1], 20), np.repeat([0.49, 0.51], 20)
        found = fit_platt(label, score).probability([0.49, 0.51])
        np.testing.assert_allclose(found, [1 / 22, 21 / 22], atol=1e-9)

    def test_scores_of_exactly_zero_and_one_are_finite(self) -> None:
        platt = fit_platt([0, 0, 1, 0, 1, 1], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
        found = platt.probability([0.0, 1.0])
        # Of each three, Platt's targets are 1/5 twice and 4/5 once, and the other way round.
        np.testing.assert_allclose(found, [0.4, 0.6], atol=1e-9)

    def test_equal_scores_give_the_mean_target_everywhere(self) -> None:
        platt = fit_platt([0, 0, 0, 1], [0.3] * 4)
        assert platt.slope == 0
        np.testing.assert_allclose(platt.probability([0.1, 0.9]), (3 / 5 + 2 / 3) / 4, rtol=1e-12)

    def test_one_class_is_no_fit_with_a_reason(self) -> None:
        platt = fit_platt([1, 1, 1], [0.1, 0.2, 0.3])
        assert platt.reason == "no Platt scaling: validation has 3 positive and 0 negative samples"
        assert np.isnan(platt.probability([0.5])).all()

    def test_refuses_scores_that_are_no_probabilities(self) -> None:
        with pytest.raises(ValueError, match=r"2 of 3 values outside \[0, 1\]"):
            fit_platt([0, 1, 0], [-0.1, 0.5, 1.5])


class TestBrier:
    def test_is_a_quarter_for_a_coin(self) -> None:
        assert brier(np.array([True, False, True]), np.full(3, 0.5)) == 0.25


class TestEce:
    def test_is_the_gap_between_probability_and_frequency_in_each_bin(self) -> None:
        # Two bins of ten: 0.2 predicted and 0.5 seen, 0.8 predicted and 0.9 seen.
        probability = np.repeat([0.2, 0.8], 10)
        label = np.arange(20) % 10 < np.repeat([5, 9], 10)
        assert ece(label, probability) == pytest.approx((0.3 + 0.1) / 2, abs=1e-15)

    def test_equal_probabilities_share_a_bin_so_order_does_not_matter(self) -> None:
        rng = np.random.default_rng(3)
        label, probability = rng.random(200) < 0.5, rng.integers(0, 7, 200) / 7
        shuffle = rng.permutation(200)
        expected = ece(label[shuffle], probability[shuffle])
        assert ece(label, probability) == pytest.approx(expected, abs=1e-14)

    @pytest.mark.parametrize("low", [8, 12])
    def test_two_tied_blocks_are_two_bins_although_neither_is_half(self, low: int) -> None:
        probability = np.repeat([0.25, 0.75], [low, 20 - low])
        label = probability < 0.5
        assert ece(label, probability) == pytest.approx(0.75, abs=1e-15)

    def test_agrees_with_a_loop_over_fifteen_bins(self) -> None:
        rng = np.random.default_rng(4)
        probability, label = rng.random(1_500), rng.random(1_500) < 0.4
        bins = np.argsort(probability).reshape(15, 100)
        gaps = [abs(probability[b].mean() - label[b].mean()) for b in bins]
        assert ece(label, probability) == pytest.approx(np.mean(gaps), abs=1e-14)

    def test_needs_two_bins_of_ten(self) -> None:
        assert np.isnan(ece(np.zeros(19, dtype=bool), np.full(19, 0.5)))
        assert ece(np.zeros(20, dtype=bool), np.full(20, 0.5)) == 0.5
