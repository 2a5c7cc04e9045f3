import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from benchmark.metrics.calibration import ece
from benchmark.report.figures.shapes import GRID, calibration_bins, roc


class TestRoc:
    @pytest.mark.parametrize("decimals", [1, 8])
    def test_passes_through_the_points_of_scikit_learn(self, decimals):
        rng = np.random.default_rng(0)
        positive = np.arange(300) < 100
        score = (rng.normal(size=300) + positive).round(decimals)
        fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
        found = roc(positive, score)
        for k, rate in enumerate(GRID):
            at = fpr == rate
            expected = tpr[at].max() if at.any() else np.interp(rate, fpr, tpr)
            assert found[k] == pytest.approx(expected, abs=1e-12)

    def test_its_area_is_the_auc(self):
        rng = np.random.default_rng(1)
        positive = rng.random(5000) < 0.4
        score = rng.normal(size=5000) + positive
        area = np.trapezoid(roc(positive, score), GRID)
        assert area == pytest.approx(roc_auc_score(positive, score), abs=0.003)

    def test_one_class_has_none(self):
        assert roc(np.ones(3, bool), np.arange(3.0)) is None


class TestCalibrationBins:
    def test_their_mean_distance_to_the_diagonal_is_the_ece(self):
        rng = np.random.default_rng(2)
        probability = rng.random(100)
        positive = rng.random(100) < probability
        predicted, observed = calibration_bins(positive, probability)
        assert len(predicted) == 10
        assert np.mean(np.abs(predicted - observed)) == pytest.approx(ece(positive, probability))

    def test_few_samples_or_no_fit_have_none(self):
        assert not len(calibration_bins(np.ones(19, bool), np.full(19, 0.5))[0])
        assert not len(calibration_bins(np.ones(40, bool), np.full(40, np.nan))[0])
