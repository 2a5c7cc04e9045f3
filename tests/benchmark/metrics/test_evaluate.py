from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.metrics.calibration import Platt, fit_platt
from benchmark.metrics.catalogue import METRICS
from benchmark.metrics.evaluate import MetricValue, evaluate


def values(rows: list[MetricValue]) -> dict[tuple[str, str], float]:
    return {(row.metric, row.group): row.value for row in rows}


def reasons(rows: list[MetricValue]) -> dict[tuple[str, str], str]:
    return {(row.metric, row.group): row.reason for row in rows}


def names(n: int) -> list[str]:
    return [f"g{i}" for i in range(n)]


def equity_scaled(overall: float, by_group: list[float]) -> float:
    return overall / (1 + sum(abs(overall - x) for x in by_group))


class TestNotEstimable:
    LABEL = np.array([0, 1, 0, 1, 0, 1, 1, 1, 1])
    SCORE = np.array([0.1, 0.9, 0.6, 0.4, 0.2, 0.8, 0.9, 0.3, 0.7])
    CODES = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    GROUPS = ("asian", "black", "other")

    def test_a_group_of_one_class_leaves_auc_and_deodds_without_value_and_says_why(self) -> None:
        rows = evaluate(self.LABEL, self.SCORE, self.CODES, self.GROUPS)
        why = "group 'other' has 3 positive and 0 negative samples"
        for key in [("es_auc", ""), ("auc_gap", ""), ("worst_group_auc", ""), ("fpr", "other")]:
            assert np.isnan(values(rows)[key])
            assert reasons(rows)[key] == why
        assert reasons(rows)["group_auc", "other"] == why
        assert reasons(rows)["deodds", ""] == f"FPR undefined: {why}"
        assert values(rows)["dpd", ""] == pytest.approx(1 / 3)
        assert not {row.metric for row in rows} & {"deodds_tpr_low", "deodds_fpr_low"}

    def test_an_absent_group_takes_no_part_in_gaps(self) -> None:
        groups = (*self.GROUPS, "nobody")
        present = self.CODES < 2
        case = self.LABEL[present], self.SCORE[present], self.CODES[present]
        with_absent, without = evaluate(*case, groups), evaluate(*case, self.GROUPS[:2])
        for key, value in values(without).items():
            assert values(with_absent)[key] == pytest.approx(value, nan_ok=True, abs=0)
        assert values(with_absent)["n", "nobody"] == 0
        assert reasons(with_absent)["group_accuracy", "nobody"] == "group 'nobody' has no samples"

    def test_one_group_has_no_gap_but_an_auc(self) -> None:
        rows = evaluate(self.LABEL, self.SCORE, np.zeros(9, dtype=int), ["all"])
        gaps = ["auc_gap", "dpd", "deodds", "auc_gap_permuted", "dpd_permuted"]
        for gap in gaps:
            assert np.isnan(values(rows)[gap, ""])
            assert reasons(rows)[gap, ""] == "one group only: 'all'"
        assert values(rows)["worst_group_auc", ""] == values(rows)["auc", ""]

    def test_unknown_samples_count_in_overall_metrics_only(self) -> None:
        codes = np.where(self.CODES == 2, -1, self.CODES)
        got = values(evaluate(self.LABEL, self.SCORE, codes, self.GROUPS[:2]))
        aucs = [got["group_auc", name] for name in self.GROUPS[:2]]
        assert got["n", ""] == 9
        assert got["auc", ""] == pytest.approx(roc_auc_score(self.LABEL, self.SCORE), abs=1e-12)
        assert got["es_auc", ""] == pytest.approx(equity_scaled(got["auc", ""], aucs), abs=1e-15)

    def test_no_known_group_leaves_only_overall_metrics(self) -> None:
        rows = evaluate(self.LABEL, self.SCORE, np.full(9, -1), self.GROUPS)
        auc = roc_auc_score(self.LABEL, self.SCORE)
        assert values(rows)["auc", ""] == pytest.approx(auc, abs=1e-12)
        for metric in ("es_auc", "es_accuracy", "dpd", "dpd_permuted", "degenerate"):
            assert reasons(rows)[metric, ""] == "no sample has a known group"

    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(-1, 2)), max_size=12)
    )
    def test_nan_has_a_reason_and_a_reason_has_nan(
        self, samples: list[tuple[int, int, int]]
    ) -> None:
        label, score, codes = np.array(samples, dtype=int).reshape(-1, 3).T
        for row in evaluate(label, score / 4, codes, names(3), permutations=3):
            if not row.metric.endswith("_permuted"):
                assert np.isnan(row.value) == bool(row.reason), row
            elif np.isnan(row.value):
                assert row.reason, row


class TestDegenerate:
    @pytest.mark.parametrize(("predicted", "flag"), [(4, 1), (5, 0), (95, 0), (96, 1)])
    def test_marks_positive_rates_outside_5_to_95_percent(self, predicted: int, flag: int) -> None:
        score = np.concatenate([np.repeat([0.9, 0.1], [predicted, 100 - predicted]), [0.1, 0.9]])
        codes, label = np.repeat([0, 1], [100, 2]), np.arange(102) % 2
        got = values(evaluate(label, score, codes, names(2), permutations=1))
        assert [got["degenerate", g] for g in ("g0", "g1", "")] == [flag, 0, flag]


class TestCalibratedMetrics:
    def test_brier_and_ece_of_near_half_scores_are_those_of_calibrated_ones(self) -> None:
        rng = np.random.default_rng(6)
        margin = rng.normal(size=4_000)
        truth = 1 / (1 + np.exp(-margin))
        label = (rng.random(4_000) < truth).astype(int)
        score = 1 / (1 + np.exp(-margin / 100))  # what a missing logit scale of 100 does
        platt = fit_platt(label[:2_000], score[:2_000])
        rows = evaluate(label[2_000:], score[2_000:], np.zeros(2_000, int), ["all"], platt=platt)
        ideal = float(np.mean((truth[2_000:] - label[2_000:]) ** 2))
        assert values(rows)["brier", "all"] == pytest.approx(ideal, abs=0.003)
        assert values(rows)["ece", ""] < 0.05

    def test_without_a_fit_both_are_nan_with_its_reason(self) -> None:
        failed = Platt(np.nan, np.nan, "no fit because of this")
        rows = evaluate([0, 1], [0.1, 0.9], [0, 0], ["a"], platt=failed)
        assert {reasons(rows)[m, g] for m in ("brier", "ece") for g in ("", "a")} == {failed.reason}

    def test_ece_of_a_small_group_is_nan_with_its_size(self) -> None:
        label, score = np.arange(30) % 2, np.linspace(0.4, 0.6, 30)
        codes = np.repeat([0, 1], [11, 19])
        rows = evaluate(label, score, codes, names(2), platt=fit_platt(label, score))
        assert reasons(rows)["ece", "g1"] == "group 'g1' has 19 samples; ECE needs 20"
        assert reasons(rows)["ece", ""] == ""


class TestInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"label": [0, 1, 7]}, "label holds 7"),
            ({"codes": [0, 1, 2]}, r"codes holds 2; known: -1 \(unknown\), 0 \(a\), 1 \(b\)"),
            ({"codes": [0, -2, 1]}, "codes holds -2"),
            ({"codes": [0.0, 1.0, 1.0]}, "codes has type float64"),
            ({"codes": [0, 1]}, r"codes has shape \(2,\) for 3 labels"),
            ({"score": [0.1, 0.2]}, r"shape \(2,\) for 3 labels"),
            ({"score": [0.1, 0.2, np.nan]}, "1 of 3 values that are NaN"),
            ({"threshold": np.nan}, "threshold is nan"),
        ],
    )
    def test_refuses_with_the_value(self, change: dict[str, Any], message: str) -> None:
        good = {"label": [0, 1, 1], "score": [0.1, 0.2, 0.3], "codes": [0, 1, 1]}
        with pytest.raises(ValueError, match=message):
            evaluate(**{**good, "groups": ["a", "b"], **change})

    def test_the_threshold_itself_is_positive_at_full_precision(self) -> None:
        above_float32 = float(np.float32(0.7)) + 1e-12
        case: Any = ([0, 1], np.full(2, 0.7, dtype=np.float32), [0, 0], ["a"])
        on, above = (
            values(evaluate(*case, threshold=t)) for t in (float(np.float32(0.7)), above_float32)
        )
        assert (on["positive_rate", ""], above["positive_rate", ""]) == (1, 0)


class TestCatalogue:
    def test_lists_exactly_the_metrics_of_a_binary_label_beside_those_of_classes(self) -> None:
        label, codes = np.tile([0, 1], 20), np.repeat([0, 1], 20)
        by_tpr = evaluate(label, np.where(label & codes, 0.9, 0.1), codes, names(2))
        by_fpr = evaluate(label, np.where((1 - label) & codes, 0.9, 0.1), codes, names(2))
        of_binary = {metric for metric in METRICS if not metric.startswith("class_")}
        assert {row.metric for row in by_tpr + by_fpr} == of_binary
