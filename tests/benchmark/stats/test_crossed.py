import numpy as np
import pytest

from benchmark.stats import crossed
from benchmark.stats.mrmc import auc_differences, obuchowski_rockette

GROUPS = ("a", "b")


def simulated(n=300, seeds=4, seed=0):
    rng = np.random.default_rng(seed)
    label, codes = np.arange(n) % 2, np.arange(n) // 2 % 2
    logit = rng.normal(size=n) + label - 0.5 + rng.normal(size=(2, seeds, n))
    a, b = 1 / (1 + np.exp(-logit))
    return label, a, b, codes, GROUPS


class TestCrossedMetrics:
    def test_its_covariance_of_aucs_is_delongs(self):
        label, a, b, codes, groups = simulated()
        found = crossed.bootstrap(label, a, b, codes, groups, n_resamples=4000)
        difference, covariance, _ = auc_differences(label, a, b)
        assert found.differences("auc") == pytest.approx(difference)
        assert found.covariance("auc") == pytest.approx(covariance, abs=0.07 * covariance.max())

    def test_its_test_of_auc_is_obuchowski_rockette(self):
        label, a, b, codes, groups = simulated()
        found = crossed.bootstrap(label, a, b, codes, groups, n_resamples=4000)
        ours, theirs = found.test("auc"), obuchowski_rockette(label, a, b)
        assert ours.estimate == pytest.approx(theirs.estimate)
        assert ours.se == pytest.approx(theirs.se, rel=0.1)

    def test_the_naive_variance_has_the_bias_that_is_stated(self):
        found = crossed.bootstrap(*simulated(seeds=3), n_resamples=20_000)
        covariance, s = found.covariance("tpr"), 3
        common = covariance[~np.eye(s, dtype=bool)].mean()
        interaction = np.trace(covariance) / s - common
        between = found.differences("tpr").var(ddof=1)
        expected = (s - 1) / s * between / s + common + (2 - 1 / s) * interaction / s
        assert found.naive("tpr").se ** 2 == pytest.approx(expected, rel=0.05)

    def test_one_seed_is_tested_over_patients_alone(self):
        label, a, b, codes, groups = simulated(seeds=1)
        found = crossed.bootstrap(label, a, b, codes, groups, n_resamples=500)
        assert "one seed" in found.test("dpd").reason
        fixed = found.test("dpd", seeds="fixed")
        resampled = found.resampled.contrast("dpd", "", [1, -1])
        assert fixed.se == pytest.approx(resampled.se)

    def test_a_baseline_without_seed_meets_every_seed(self):
        label, a, b, codes, groups = simulated()
        one, repeated = (
            crossed.bootstrap(label, a, rows, codes, groups, n_resamples=50).test("auc")
            for rows in (b[:1], np.repeat(b[:1], 4, axis=0))
        )
        assert one.p == pytest.approx(repeated.p)

    def test_each_side_has_its_thresholds(self):
        label, a, _, codes, groups = simulated()
        found = crossed.bootstrap(
            label, a, a, codes, groups, threshold_a=[0.5, 2, 0.5, 0.5], n_resamples=5
        )
        assert np.flatnonzero(found.differences("positive_rate")).tolist() == [1]

    def test_a_metric_that_cannot_be_estimated_is_a_reason(self):
        label, a, b, _, _ = simulated()
        found = crossed.bootstrap(label, a, b, label, ("well", "ill"), n_resamples=5)
        assert np.isnan(found.test("auc_gap").p)
        assert "auc_gap cannot be estimated in 4 of 4 seeds" in found.test("auc_gap").reason
        assert "NaN" in found.split("auc_gap").reason

    def test_split_names_seeds_and_patients(self):
        found = crossed.bootstrap(*simulated(), n_resamples=2000)
        split, test = found.split("accuracy"), found.test("accuracy")
        assert split.se_both == pytest.approx(test.se)
        assert split.se_new_seeds == pytest.approx(found.test("accuracy", patients="fixed").se)
        assert split.se_new_patients == pytest.approx(found.test("accuracy", seeds="fixed").se)

    def test_seeds_that_do_not_pair_are_refused(self):
        label, a, b, codes, groups = simulated()
        with pytest.raises(ValueError, match="same seeds"):
            crossed.bootstrap(label, a, b[:2], codes, groups)
