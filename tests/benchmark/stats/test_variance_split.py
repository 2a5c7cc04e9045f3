import numpy as np
import pytest

from benchmark.stats.variance_split import split_variance


class TestSplitVariance:
    def test_parts_add_up_to_the_variance_of_one_seed(self):
        difference = np.array([0.01, 0.05, -0.02, 0.03])
        covariance = np.full((4, 4), 2e-5) + np.eye(4) * 1e-5
        found = split_variance(difference, covariance)
        between = difference.var(ddof=1)
        assert (found.patients, found.interaction) == pytest.approx((2e-5, 1e-5))
        assert found.seeds == pytest.approx(between - 1e-5)
        assert found.se_new_seeds == pytest.approx(np.sqrt(between / 4))
        assert found.se_new_patients == pytest.approx(np.sqrt(2e-5 + 1e-5 / 4))
        assert found.se_both == pytest.approx(np.sqrt(between / 4 + 2e-5))
        assert found.reason == ""

    def test_recovers_what_was_simulated(self):
        rng = np.random.default_rng(0)
        seeds, sets = 200, 4000
        patient = 0.3 * rng.normal(size=sets)
        noise = 0.2 * rng.normal(size=(seeds, sets))
        values = 0.5 * rng.normal(size=(seeds, 1)) + patient + noise
        found = split_variance(values[:, 0], np.cov(values))
        assert (found.seeds, found.patients, found.interaction) == pytest.approx(
            (0.25, 0.09, 0.04), rel=0.25
        )

    def test_a_part_below_zero_is_cut_and_said(self):
        found = split_variance([0.01, 0.01], np.eye(2))
        assert found.seeds == 0
        assert "seeds -1 " in found.reason + " "

    def test_one_seed_has_patients_alone(self):
        found = split_variance([0.01], [[4e-4]])
        assert found.se_new_patients == pytest.approx(0.02)
        assert np.isnan([found.seeds, found.se_new_seeds, found.se_both]).all()
        assert "one seed" in found.reason

    def test_nan_is_a_reason(self):
        assert "NaN" in split_variance([0.1, np.nan], np.eye(2)).reason

    def test_a_covariance_of_other_seeds_is_refused(self):
        with pytest.raises(ValueError, match="covariance"):
            split_variance([0.1, 0.2], np.eye(3))
