import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.stats.resampling import (
    CHUNK,
    Walk,
    jackknife_weights,
    pattern_weights,
    resample_weights,
    strata,
    weighted_sums,
    weighted_u2,
)


def all_weights(chunks):
    return np.concatenate(list(chunks), axis=1)


class TestStrata:
    def test_numbers_each_combination(self):
        found = strata([0, 0, 1, 1, 0], [0, 1, 0, 1, 0])
        assert found[0] == found[4]
        assert sorted(found[:4]) == [0, 1, 2, 3]


class TestResampleWeights:
    @given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 99))
    def test_every_stratum_keeps_its_size(self, codes, seed):
        stratum = strata(codes)
        weights = all_weights(resample_weights(stratum, 40, np.random.default_rng(seed)))
        for s in np.unique(stratum):
            assert (weights[stratum == s].sum(axis=0) == (stratum == s).sum()).all()

    def test_counts_have_mean_variance_and_covariance_of_a_multinomial(self):
        m = 8
        stratum = np.array([0] * m + [1] * 3)
        weights = all_weights(resample_weights(stratum, 40_000, np.random.default_rng(0)))[:m]
        covariance = np.cov(weights)
        assert weights.mean(axis=1) == pytest.approx(np.ones(m), abs=0.03)
        assert np.diag(covariance) == pytest.approx(np.full(m, 1 - 1 / m), rel=0.05)
        off = covariance[~np.eye(m, dtype=bool)]
        assert off == pytest.approx(np.full(len(off), -1 / m), abs=0.025)

    def test_chunks_make_the_number_asked_for(self):
        chunks = list(resample_weights(np.zeros(3, int), CHUNK + 7, np.random.default_rng(0)))
        assert [chunk.shape for chunk in chunks] == [(3, CHUNK), (3, 7)]

    def test_a_seed_gives_the_same_resamples_again(self):
        first, again = (
            all_weights(resample_weights(np.zeros(9, int), 20, np.random.default_rng(5)))
            for _ in range(2)
        )
        assert (first == again).all()


class TestPatternWeights:
    def test_has_the_moments_of_drawing_each_sample(self):
        pattern = np.array([0] * 5 + [1] * 2 + [2] * 3)
        stratum = np.zeros(10, dtype=int)
        rng = np.random.default_rng(0)
        each = all_weights(resample_weights(stratum, 40_000, rng))
        drawn = np.stack([each[pattern == k].sum(axis=0) for k in range(3)])
        found = all_weights(pattern_weights(np.zeros(3, int), np.array([5, 2, 3]), 40_000, rng))
        assert found.mean(axis=1) == pytest.approx(drawn.mean(axis=1), abs=0.04)
        assert np.cov(found) == pytest.approx(np.cov(drawn), abs=0.08)
        assert (found.sum(axis=0) == 10).all()


class TestJackknifeWeights:
    def test_leaves_each_sample_out_once(self):
        assert (all_weights(jackknife_weights(4)) == 1 - np.eye(4)).all()


class TestWeightedU2:
    @given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
    def test_is_the_auc_of_the_samples_repeated(self, seed, n1, n0):
        rng = np.random.default_rng(seed)
        positive = rng.permutation([True] * n1 + [False] * n0)
        score = rng.integers(0, 4, n1 + n0).astype(float)
        weights = rng.integers(1, 4, size=(n1 + n0, 3))
        everyone = np.ones(n1 + n0, dtype=bool)
        u2 = weighted_u2(Walk.of(positive, score, everyone), weights)
        for column, found in zip(weights.T, u2, strict=True):
            label, repeated = np.repeat(positive, column), np.repeat(score, column)
            pairs = label.sum() * (~label).sum()
            assert found / (2 * pairs) == pytest.approx(roc_auc_score(label, repeated))

    def test_looks_at_the_named_samples_alone(self):
        positive, score = np.array([True, False, True, False]), np.array([1.0, 0.0, 0.0, 1.0])
        first_two = np.array([True, True, False, False])
        assert weighted_u2(Walk.of(positive, score, first_two), np.ones((4, 1), int)) == [2]


class TestWeightedSums:
    def test_adds_up(self):
        weights = np.arange(6).reshape(3, 2)
        assert weighted_sums([[1, 0, 1]], weights).tolist() == [[4.0, 6.0]]
