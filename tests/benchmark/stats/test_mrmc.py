import numpy as np
import pytest
from scipy import stats

from benchmark.stats import delong
from benchmark.stats.mrmc import auc_differences, obuchowski_rockette, seeds_and_patients


def simulated(rng, n=80, seeds=5, between=0.4, patient=0.6):
    """Two methods of one accuracy: each patient, each seed's model and both have effects."""
    label = np.arange(n) % 2
    shared = rng.normal(size=n) + label
    effect = patient * rng.normal(size=(2, 1, n))  # of a method on a patient, common to seeds
    slope = 1 + between * rng.normal(size=(2, seeds, 1))  # of a seed: how well it separates
    return label, *(slope * label + shared + effect + 0.5 * rng.normal(size=(2, seeds, n)))


def textbook(label, a, b):
    """F, its p with Hillis' df, and the interval, from the 2S × 2S covariance (Hillis 2007)."""
    r = len(a)
    theta, covariance = delong.auc_covariance(label, np.concatenate([a, b]))
    theta, (aa, ab, bb) = (
        theta.reshape(2, r),
        (
            covariance[:r, :r],
            covariance[:r, r:],
            covariance[r:, r:],
        ),
    )
    different = ~np.eye(r, dtype=bool)
    cov2 = (aa[different].mean() + bb[different].mean()) / 2
    cov3 = ab[different].mean()
    by_method, by_reader = theta.mean(axis=1, keepdims=True), theta.mean(axis=0, keepdims=True)
    residual = theta - by_method - by_reader + theta.mean()
    ms_t = r * ((by_method - theta.mean()) ** 2).sum()
    ms_tr = (residual**2).sum() / (r - 1)
    below = ms_tr + max(r * (cov2 - cov3), 0)
    df = below**2 / (ms_tr**2 / (r - 1))
    half = stats.t.ppf(0.975, df) * np.sqrt(2 / r * below)
    return ms_t / below, df, stats.f.sf(ms_t / below, 1, df), half


class TestObuchowskiRockette:
    @pytest.mark.parametrize("seed", range(4))
    def test_is_the_textbook_f_test_with_hillis_degrees_of_freedom(self, seed):
        label, a, b = simulated(np.random.default_rng(seed), patient=1.0)
        f, df, p, half = textbook(label, a, b)
        found = obuchowski_rockette(label, a, b)
        assert found.statistic**2 == pytest.approx(f)
        assert (found.df, found.p) == pytest.approx((df, p))
        assert found.high - found.estimate == pytest.approx(half)

    def test_with_fixed_seeds_and_one_seed_it_is_delongs_paired_test(self):
        label, a, b = simulated(np.random.default_rng(0))
        found = obuchowski_rockette(label, a[:1], b[:1], seeds="fixed")
        theory = delong.paired(label, a[0], b[0])
        assert (found.statistic, found.p) == pytest.approx((theory.statistic, theory.p))

    def test_with_fixed_patients_it_is_the_paired_t_over_seeds(self):
        label, a, b = simulated(np.random.default_rng(0))
        found = obuchowski_rockette(label, a, b, patients="fixed")
        theory = stats.ttest_rel(*(delong.auc_variance(label, rows)[0] for rows in (a, b)))
        assert (found.statistic, found.p, found.df) == pytest.approx(
            (theory.statistic, theory.pvalue, 4)
        )

    def test_fixed_seeds_have_the_exact_variance_of_the_mean(self):
        label, a, b = simulated(np.random.default_rng(1))
        covariance = delong.auc_covariance(label, np.concatenate([a, b]))[1]
        contrast = np.array([1 / 5] * 5 + [-1 / 5] * 5)
        found = obuchowski_rockette(label, a, b, seeds="fixed")
        assert found.se**2 == pytest.approx(contrast @ covariance @ contrast)

    def test_covariances_by_a_jackknife_give_nearly_the_same(self):
        label, a, b = simulated(np.random.default_rng(2), n=120)
        rows = np.concatenate([a, b])
        n = len(label)
        keep = [np.delete(np.arange(n), i) for i in range(n)]
        without = np.array([delong.auc_variance(label[at], rows[:, at])[0] for at in keep])
        difference = without[:, :5] - without[:, 5:]
        jackknife = np.cov(difference.T) * (n - 1) ** 2 / n
        found = obuchowski_rockette(label, a, b)
        other = seeds_and_patients(auc_differences(label, a, b)[0], jackknife, method="jackknife")
        assert other.se == pytest.approx(found.se, rel=0.02)
        assert other.p == pytest.approx(found.p, abs=0.02)

    @pytest.mark.parametrize("patient", [0.0, 1.0])
    def test_errs_at_its_level_over_new_seeds_and_new_patients(self, patient):
        rng = np.random.default_rng(3)
        p = [obuchowski_rockette(*simulated(rng, patient=patient)).p for _ in range(400)]
        assert 0.025 < np.mean(np.array(p) < 0.05) < 0.08

    def test_the_t_test_over_seeds_alone_errs_far_more_often_over_new_patients(self):
        rng = np.random.default_rng(4)
        drawn = [simulated(rng, patient=1.0) for _ in range(200)]
        p = [obuchowski_rockette(*arrays, patients="fixed").p for arrays in drawn]
        assert np.mean(np.array(p) < 0.05) > 0.15

    def test_a_baseline_without_seed_meets_every_seed(self):
        label, a, b = simulated(np.random.default_rng(5))
        one, repeated = (
            obuchowski_rockette(label, a, rows) for rows in (b[:1], np.repeat(b[:1], 5, axis=0))
        )
        assert one == repeated

    def test_swapping_the_methods_mirrors_everything(self):
        label, a, b = simulated(np.random.default_rng(6))
        there, back = obuchowski_rockette(label, a, b), obuchowski_rockette(label, b, a)
        assert (there.p_greater, there.low) == pytest.approx((back.p_less, -back.high))


class TestDegenerateInput:
    def test_one_seed_cannot_say_how_seeds_vary(self):
        label, a, b = simulated(np.random.default_rng(0), seeds=1)
        found = obuchowski_rockette(label, a, b)
        assert np.isnan([found.p, found.low]).all()
        assert "one seed" in found.reason

    def test_equal_scores_are_no_test_over_seeds_and_p_one_over_patients(self):
        label, a, _ = simulated(np.random.default_rng(0))
        over_seeds = obuchowski_rockette(label, a, a)
        assert np.isnan(over_seeds.p)
        assert "nothing varies" in over_seeds.reason
        assert obuchowski_rockette(label, a, a, seeds="fixed").p == 1

    def test_differences_equal_up_to_rounding_have_no_tiny_p(self):
        difference = np.array([0.85 - 0.84, 0.86 - 0.85, 0.84 - 0.83])
        found = seeds_and_patients(difference, np.zeros((3, 3)), method="none")
        assert np.isnan(found.p)
        assert "nothing varies" in found.reason

    def test_a_covariance_that_is_rounding_alone_is_none(self):
        found = seeds_and_patients(
            np.array([0.1, 0.1]), np.full((2, 2), 1e-34), method="none", seeds="fixed"
        )
        assert np.isnan(found.p)
        assert "variance 0" in found.reason

    def test_one_positive_is_a_reason(self):
        found = obuchowski_rockette([1, 0, 0, 0], np.eye(4)[:2], np.eye(4)[2:])
        assert np.isnan(found.p)
        assert "1 positive and 3 negative" in found.reason

    def test_both_factors_fixed_are_refused(self):
        label, a, b = simulated(np.random.default_rng(0))
        with pytest.raises(ValueError, match="nothing is left to chance"):
            obuchowski_rockette(label, a, b, seeds="fixed", patients="fixed")

    def test_seeds_that_do_not_pair_are_refused(self):
        label, a, b = simulated(np.random.default_rng(0))
        with pytest.raises(ValueError, match="same seeds"):
            obuchowski_rockette(label, a, b[:2])
