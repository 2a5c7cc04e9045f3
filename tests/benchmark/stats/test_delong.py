import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmark.stats import delong


def sample(n=60, seed=0, decimals=1, models=2):
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) % 2)
    return label, np.round(rng.normal(size=(models, n)) + 0.8 * label, decimals)


def kernel(label, score):
    """Return ψ of every pair, (n1, n0): the definition of DeLong et al., pair by pair."""
    positive, negative = score[label == 1][:, None], score[label == 0]
    return (positive > negative) + 0.5 * (positive == negative)


def brute_covariance(label, scores):
    pairs = [kernel(label, score) for score in scores]
    v10, v01 = [p.mean(axis=1) for p in pairs], [p.mean(axis=0) for p in pairs]
    n1, n0 = pairs[0].shape
    return np.cov(v10) / n1 + np.cov(v01) / n0


class TestAucCovariance:
    @pytest.mark.parametrize("decimals", [0, 1, 6])
    def test_agrees_with_all_pairs_whatever_the_ties(self, decimals):
        label, scores = sample(decimals=decimals, models=3)
        auc, covariance = delong.auc_covariance(label, scores)
        assert covariance == pytest.approx(brute_covariance(label, scores), rel=1e-12)
        assert auc == pytest.approx([roc_auc_score(label, score) for score in scores], rel=1e-12)
        assert delong.auc_variance(label, scores)[1] == pytest.approx(np.diag(covariance))

    @given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 9))
    def test_agrees_with_all_pairs_on_tiny_samples(self, seed, n1, n0):
        rng = np.random.default_rng(seed)
        label = rng.permutation([1] * n1 + [0] * n0)
        scores = rng.integers(0, 4, size=(2, n1 + n0)).astype(float)
        found = delong.auc_covariance(label, scores)[1]
        assert found == pytest.approx(brute_covariance(label, scores), rel=1e-9, abs=1e-15)

    @given(st.integers(0, 10**6))
    def test_only_ranks_matter(self, seed):
        label, scores = sample(seed=seed)
        assert delong.auc_covariance(label, scores)[1] == pytest.approx(
            delong.auc_covariance(label, np.exp(scores) * 3 - 7)[1], rel=1e-12
        )

    def test_an_auc_below_one_half_is_not_flipped(self):
        label, scores = sample()
        (auc,), (variance,) = delong.auc_variance(label, -scores[:1])
        assert auc == pytest.approx(1 - delong.auc_variance(label, scores[:1])[0][0])
        assert auc < 0.5
        assert variance == pytest.approx(delong.auc_variance(label, scores[:1])[1][0])

    def test_one_positive_has_an_auc_and_no_variance(self):
        (auc,), (variance,) = delong.auc_variance([1, 0, 0, 0], [[3, 1, 2, 4]])
        assert auc == pytest.approx(2 / 3)
        assert np.isnan(variance)

    def test_one_class_has_neither(self):
        assert np.isnan(delong.auc_variance([1, 1, 1], [[3, 1, 2]])).all()

    def test_nan_scores_are_refused(self):
        with pytest.raises(ValueError, match="1 of 4 values"):
            delong.auc_variance([1, 0, 1, 0], [[3, 1, np.nan, 4]])


class TestAucInterval:
    def test_near_one_the_kinds_differ_as_they_should(self):
        label = np.array([0] * 30 + [1] * 3)
        score = np.arange(33.0)
        score[[29, 30]] = score[[30, 29]]
        plain, clipped, logit = (
            delong.auc_interval(label, score, kind=kind)
            for kind in ("unclipped", "clipped", "logit")
        )
        assert plain.high > 1
        assert clipped.high == 1
        assert logit.low < plain.low < logit.estimate < logit.high < 1

    @pytest.mark.parametrize("score", [[1, 2, 3, 4], [1, 1, 1, 1]])
    def test_variance_zero_has_no_logit_interval_and_says_why(self, score):
        found = delong.auc_interval([0, 0, 1, 1], score, kind="logit")
        assert np.isnan(found.low)
        assert "no interval on the logit scale" in found.reason

    def test_one_positive_has_no_interval_and_says_why(self):
        found = delong.auc_interval([0, 0, 1], [1, 2, 3])
        assert np.isnan([found.low, found.high]).all()
        assert "1 positive and 2 negative samples" in found.reason


class TestPaired:
    @given(st.integers(0, 10**6))
    def test_swapping_the_methods_mirrors_everything(self, seed):
        label, (a, b) = sample(seed=seed)
        there, back = delong.paired(label, a, b), delong.paired(label, b, a)
        assert (there.estimate, there.statistic) == (-back.estimate, -back.statistic)
        assert (there.p, there.p_greater) == (back.p, back.p_less)
        assert (there.low, there.high) == (-back.high, -back.low)

    def test_equal_rankings_have_p_one_and_an_interval_of_width_zero(self):
        label, (a, _) = sample(decimals=6)
        found = delong.paired(label, a, np.exp(a))
        assert (found.statistic, found.p, found.p_greater, found.low, found.high) == (
            0,
            1,
            0.5,
            0,
            0,
        )

    def test_a_perfect_against_a_constant_scoring_is_no_test(self):
        label = np.array([0, 0, 0, 1, 1, 1])
        found = delong.paired(label, label, np.zeros(6))
        assert found.estimate == 0.5
        assert np.isnan(found.p)
        assert "variance 0" in found.reason

    def test_one_positive_is_not_significant_but_undefined(self):
        found = delong.paired([1, 0, 0], [3, 1, 2], [1, 2, 3])
        assert np.isnan([found.statistic, found.p, found.low]).all()
        assert "needs two of each class" in found.reason

    def test_errs_at_its_level_under_the_hypothesis(self):
        rng = np.random.default_rng(1)
        label = np.arange(120) % 2
        rejected = 0
        for _ in range(1000):
            shared = rng.normal(size=120) + label
            a, b = shared + rng.normal(size=(2, 120))
            rejected += delong.paired(label, a, b).p < 0.05
        assert 0.03 < rejected / 1000 < 0.075

    def test_scores_of_other_samples_are_refused(self):
        with pytest.raises(ValueError, match="expected the same samples"):
            delong.paired([1, 0], [1, 2], [1, 2, 3])


class TestUnpaired:
    def test_many_samples_make_t_normal(self):
        label, (a, b) = sample(n=4000)
        found = delong.unpaired(label, a, label, b)
        normal = delong.unpaired(label, a, label, b, law="normal")
        assert found.p == pytest.approx(normal.p, rel=1e-2)
        assert found.p > normal.p

    def test_degrees_of_freedom_are_welchs(self):
        (label_a, (a, _)), (label_b, (b, _)) = sample(20, 1), sample(50, 2)
        found = delong.unpaired(label_a, a, label_b, b)
        va, vb = (delong.auc_variance(y, [s])[1][0] for y, s in ((label_a, a), (label_b, b)))
        assert found.df == pytest.approx((va + vb) ** 2 / (va**2 / 19 + vb**2 / 49))
        assert found.p == pytest.approx(2 * stats.t.sf(abs(found.statistic), found.df))


class TestSubgroupDifference:
    def test_is_the_unpaired_test_of_the_two_groups(self):
        label, (a, _) = sample(90)
        codes = np.arange(90) % 3
        g, h = codes == 2, codes == 0
        assert delong.subgroup_difference(label, a, codes, 2, 0).p == pytest.approx(
            delong.unpaired(label[g], a[g], label[h], a[h]).p
        )

    def test_a_group_of_one_class_is_a_reason(self):
        found = delong.subgroup_difference(
            [1, 1, 0, 1, 0, 1], np.arange(6), [0, 0, 1, 1, 1, 1], 0, 1
        )
        assert np.isnan(found.p)
        assert "2 positive and 0 negative samples" in found.reason

    def test_a_group_with_itself_is_refused(self):
        with pytest.raises(ValueError, match="compared with itself"):
            delong.subgroup_difference([1, 0], [1, 2], [0, 0], 0, 0)

    def test_the_paired_version_adds_the_paired_variances_of_the_groups(self):
        label, (a, b) = sample(120)
        codes = np.arange(120) // 2 % 2
        found = delong.paired_subgroup_difference(label, a, b, codes, 0, 1)
        parts = [delong.paired(label[codes == g], a[codes == g], b[codes == g]) for g in (0, 1)]
        assert found.estimate == pytest.approx(parts[0].estimate - parts[1].estimate)
        assert found.se == pytest.approx(np.hypot(parts[0].se, parts[1].se))

    def test_the_same_method_twice_has_the_same_gap(self):
        label, (a, _) = sample(60)
        assert delong.paired_subgroup_difference(label, a, a, np.arange(60) // 2 % 2, 0, 1).p == 1


class TestJoint:
    def test_two_scorings_are_the_paired_test(self):
        label, (a, b) = sample()
        assert delong.joint(label, [a, b]).p == pytest.approx(delong.paired(label, a, b).p)

    def test_the_order_of_scorings_does_not_matter(self):
        label, scores = sample(models=4)
        found, turned = delong.joint(label, scores), delong.joint(label, scores[[2, 0, 3, 1]])
        assert (found.statistic, found.df) == pytest.approx((turned.statistic, turned.df))

    def test_a_copy_adds_no_degree_of_freedom(self):
        label, (a, b) = sample()
        found = delong.joint(label, [a, b, a])
        assert found.df == 1
        assert found.p == pytest.approx(delong.paired(label, a, b).p)

    def test_copies_alone_have_p_one(self):
        label, (a, _) = sample()
        assert delong.joint(label, [a, a, a]).p == 1

    def test_perfect_against_constant_is_no_test(self):
        found = delong.joint([0, 0, 1, 1], [[0, 0, 1, 1], [0, 0, 0, 0]])
        assert np.isnan(found.p)
        assert "variance 0" in found.reason

    def test_one_scoring_is_refused(self):
        with pytest.raises(ValueError, match="at least two"):
            delong.joint([0, 0, 1, 1], [[0, 0, 1, 1]])


class TestLog10P:
    def test_does_not_underflow(self):
        assert delong.log10_p(1.96) == pytest.approx(np.log10(2 * stats.norm.sf(1.96)))
        mills = -(50**2) / 2 - np.log(50 * np.sqrt(2 * np.pi)) + np.log1p(-1 / 50**2) + np.log(2)
        assert delong.log10_p(-50) == pytest.approx(mills / np.log(10), rel=1e-8)
