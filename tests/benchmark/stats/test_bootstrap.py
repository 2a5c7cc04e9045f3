import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.evaluate import evaluate
from benchmark.stats import delong
from benchmark.stats.bootstrap import resample_metrics
from benchmark.stats.placements import Placements
from benchmark.stats.weighted_metrics import WeightedMetrics

GROUPS = ("asian", "black", "white", "martian")


def simulated(n=150, runs=2, seed=0):
    """Labels, scores and codes; a few codes are unknown and there is no martian."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) % 2)
    scores = 1 / (1 + np.exp(-np.round(rng.normal(size=(runs, n)) + label - 0.5, 1)))
    codes = rng.permutation(np.resize([0, 0, 1, 2, 2, 2, -1], n))
    return label, scores, codes


def evaluated(label, score, codes, threshold=0.5):
    rows = evaluate(label, score, codes, GROUPS, threshold=threshold, permutations=1)
    return {(row.metric, row.group): row.value for row in rows}


class TestWeightedMetrics:
    @settings(max_examples=25)
    @given(st.integers(0, 10**6))
    def test_a_weighted_sample_counts_as_so_many_samples(self, seed):
        label, scores, codes = simulated(40, seed=seed)
        weights = np.random.default_rng(seed).integers(0, 4, size=(40, 2))
        runs = WeightedMetrics.of(label, scores, codes, GROUPS, [0.5, 0.6])
        found = {**runs.within_group_and_label(weights), **runs.within_group(weights)}
        for column in range(2):
            at = np.repeat(np.arange(40), weights[:, column])
            if set(codes[at]) - {-1} != {0, 1, 2}:
                continue  # a group without weight takes part as one without a value
            for run, threshold in enumerate((0.5, 0.6)):
                expected = evaluated(label[at], scores[run][at], codes[at], threshold)
                for key, value in found.items():
                    assert value[run, column] == pytest.approx(expected[key], nan_ok=True), key

    def test_gaps_are_those_of_fairlearn(self):
        label, scores, codes = simulated()
        known = codes >= 0
        runs = WeightedMetrics.of(label, scores, codes, GROUPS, 0.5)
        one = np.ones((150, 1), dtype=np.uint8)
        arrays = label[known], scores[0][known] >= 0.5
        assert runs.within_group(one)["dpd", ""][0, 0] == pytest.approx(
            demographic_parity_difference(*arrays, sensitive_features=codes[known])
        )
        assert runs.within_group_and_label(one)["deodds", ""][0, 0] == pytest.approx(
            equalized_odds_difference(*arrays, sensitive_features=codes[known])
        )

    def test_patterns_stand_for_all_samples(self):
        label, scores, codes = simulated()
        runs = WeightedMetrics.of(label, scores, codes, GROUPS, 0.5)
        few, alike = runs.patterns()
        assert len(alike) < 40
        all_of_them = runs.within_group(np.ones((150, 1), dtype=np.uint8))
        for key, value in few.within_group(alike[:, None]).items():
            assert value == pytest.approx(all_of_them[key]), key

    def test_a_threshold_for_neither_one_nor_all_runs_is_refused(self):
        with pytest.raises(ValueError, match="one a run"):
            WeightedMetrics.of([0, 1], [[0, 1]], [0, 0], ("a",), [0.5, 0.5])


class TestResampleMetrics:
    def test_observed_values_are_those_of_evaluate(self):
        label, scores, codes = simulated()
        found = resample_metrics(label, scores, codes, GROUPS, n_resamples=1)
        for run, score in enumerate(scores):
            expected = evaluated(label, score, codes)
            for key, value in found.observed.items():
                assert value[run] == pytest.approx(expected[key], rel=1e-12), key

    def test_spreads_of_smooth_metrics_are_those_of_theory(self):
        label, scores, codes = simulated(600)
        found = resample_metrics(label, scores, codes, GROUPS, n_resamples=4000)
        asian = codes == 0
        positive = (scores[0] >= 0.5) & asian

        def sd(metric, group):
            return found.resampled[metric, group][0].std()

        def binomial(hits, among):
            p, n = (hits & among).sum() / among.sum(), among.sum()
            return np.sqrt(p * (1 - p) / n)

        assert sd("positive_rate", "asian") == pytest.approx(binomial(positive, asian), rel=0.06)
        ill = asian & (label == 1)
        assert sd("tpr", "asian") == pytest.approx(binomial(positive, ill), rel=0.06)
        well = asian & (label == 0)
        assert sd("fpr", "asian") == pytest.approx(binomial(positive, well), rel=0.06)
        variance = delong.auc_variance(label[asian], scores[:1, asian])[1][0]
        assert sd("group_auc", "asian") == pytest.approx(np.sqrt(variance), rel=0.06)

    def test_no_resample_loses_a_group_or_a_class(self):
        label = np.array([0, 1] * 3 + [0, 0, 1])
        codes = np.array([0] * 6 + [1] * 3)
        score = np.linspace(0, 1, 9)[None]
        found = resample_metrics(label, score, codes, ("big", "tiny"), n_resamples=500)
        assert all(np.isfinite(value).all() for value in found.resampled.values())

    def test_runs_of_one_call_share_their_resamples(self):
        label, scores, codes = simulated()
        found = resample_metrics(label, scores[[0, 1, 0]], codes, GROUPS, n_resamples=50)
        for value in found.resampled.values():
            assert (value[0] == value[2]).all()

    def test_a_seed_gives_the_same_numbers_again(self):
        arrays = simulated()
        first, again, other = (
            resample_metrics(*arrays, GROUPS, n_resamples=20, seed=s).resampled for s in (3, 3, 4)
        )
        assert all((first[key] == again[key]).all() for key in first)
        assert (first["auc", ""] != other["auc", ""]).any()

    def test_a_group_of_one_class_is_nan_throughout_where_it_matters(self):
        label = np.array([0, 1, 0, 1, 1, 1])
        codes = np.array([0, 0, 0, 0, 1, 1])
        score = np.arange(6.0)[None]
        found = resample_metrics(label, score, codes, ("both", "ill"), 2.5, n_resamples=30)
        for metric in ("es_auc", "auc_gap", "worst_group_auc", "deodds"):
            assert np.isnan(found.resampled[metric, ""]).all(), metric
            assert np.isnan(found.contrast(metric, "", [1]).low)
        assert np.isfinite(found.resampled["dpd", ""]).all()
        assert np.isfinite(found.resampled["auc", ""]).all()

    def test_without_groups_gaps_are_nan_and_auc_is_not(self):
        label, scores, _ = simulated()
        found = resample_metrics(label, scores, np.full(150, -1), (), n_resamples=10)
        assert np.isnan(found.observed["dpd", ""]).all()
        assert np.isnan(found.observed["worst_group_auc", ""]).all()
        assert np.isfinite(found.resampled["auc", ""]).all()

    def test_no_resamples_are_refused(self):
        with pytest.raises(ValueError, match="at least 1"):
            resample_metrics(*simulated(), GROUPS, n_resamples=0)


class TestContrast:
    def test_a_paired_difference_of_aucs_agrees_with_delong(self):
        label, scores, codes = simulated(600)
        found = resample_metrics(label, scores, codes, GROUPS, n_resamples=4000)
        ours, theory = found.contrast("auc", "", [1, -1]), delong.paired(label, *scores)
        assert ours.estimate == pytest.approx(theory.estimate)
        assert ours.se == pytest.approx(theory.se, rel=0.06)
        assert (ours.low, ours.high) == pytest.approx((theory.low, theory.high), abs=0.006)

    def test_bca_of_an_auc_shifts_by_the_influence_of_its_placements(self):
        label, scores, _ = simulated(runs=1)
        found = resample_metrics(
            label, scores, np.full(150, -1), (), n_resamples=2000, influence=True
        )
        placed = Placements.of(label, scores)
        expected = np.empty(150)
        expected[label == 1] = placed.positive[0] / (2 * (label == 0).sum())
        expected[label == 0] = placed.negative[0] / (2 * (label == 1).sum())
        expected -= placed.auc[0]
        assert found.influence["auc", ""][0] == pytest.approx(expected, abs=1e-12)
        assert found.contrast("auc", "", [1], kind="bca").low < found.observed["auc", ""][0]

    def test_a_run_minus_itself_is_not_tested(self):
        label, scores, codes = simulated()
        found = resample_metrics(label, scores[[0, 0]], codes, GROUPS, n_resamples=20)
        assert "no spread" in found.contrast("dpd", "", [1, -1]).reason

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("auc", "martian", [1, -1]), "'auc' of group 'martian' was not resampled"),
            (("auc", "", [1]), "for 2 runs"),
        ],
    )
    def test_what_was_not_resampled_is_refused(self, arguments, message):
        found = resample_metrics(*simulated(), GROUPS, n_resamples=2)
        with pytest.raises(ValueError, match=message):
            found.contrast(*arguments)

    def test_bca_without_influence_is_refused(self):
        found = resample_metrics(*simulated(), GROUPS, n_resamples=2)
        with pytest.raises(ValueError, match="influence=True"):
            found.contrast("auc", "", [1, 0], kind="bca")
