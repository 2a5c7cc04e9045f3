from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score

from benchmark.metrics.catalogue import METRICS
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.multiclass import evaluate_classes
from benchmark.metrics.value import MetricValue

CLASSES = ("none", "mild", "severe")
RACE = ("asian", "black", "white")


def values(rows: list[MetricValue]) -> dict[tuple[str, str], float]:
    found = {(row.metric, row.group): row.value for row in rows}
    assert len(found) == len(rows)
    return found


def reasons(rows: list[MetricValue]) -> dict[tuple[str, str], str]:
    return {(row.metric, row.group): row.reason for row in rows}


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Every group has every class; probabilities without a tie for the highest."""
    n_classes, n_groups = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    extra = draw(st.integers(0, 60))
    codes = np.repeat(np.arange(n_groups), n_classes)
    codes = np.concatenate([codes, rng.integers(-1, n_groups, extra)])
    label = np.tile(np.arange(n_classes), n_groups)
    label = np.concatenate([label, rng.integers(0, n_classes, extra)])
    score = rng.dirichlet(np.ones(n_classes), len(label))
    score = score.round(2) / score.round(2).sum(axis=1, keepdims=True)
    score += np.arange(n_classes) * 1e-9
    return {
        "label": label,
        "score": score,
        "codes": codes,
        "groups": [f"g{i}" for i in range(n_groups)],
        "classes": [f"class {c}" for c in range(n_classes)],
    }


def macro(label: Any, score: Any) -> float:
    """As scikit-learn; it wants the plain vector for two classes, and rows that sum to 1."""
    if score.shape[1] == 2:
        aucs = [roc_auc_score(label == c, score[:, c]) for c in (0, 1)]
        return float(np.mean(aucs))
    return float(roc_auc_score(label, score, multi_class="ovr", average="macro"))


class TestAgainstScikitLearnAndFairlearn:
    @settings(max_examples=10, deadline=None)
    @given(cases())
    def test_every_value_agrees_to_1e_12(self, case: dict[str, Any]) -> None:
        score = case["score"] / case["score"].sum(axis=1, keepdims=True)
        case = {**case, "score": score}
        got = values(evaluate_classes(**case, permutations=1))
        label, codes, groups, classes = (case[k] for k in ("label", "codes", "groups", "classes"))
        decision, known = score.argmax(axis=1), codes >= 0
        inside = [codes == g for g in range(len(groups))]
        aucs = [macro(label[i], score[i]) for i in inside]
        auc = macro(label, score)
        expected = {
            ("auc", ""): auc,
            ("accuracy", ""): accuracy_score(label, decision),
            ("es_auc", ""): auc / (1 + sum(abs(auc - x) for x in aucs)),
            ("worst_group_auc", ""): min(aucs),
            ("auc_gap", ""): max(aucs) - min(aucs),
        }
        for name, i, group_auc in zip(groups, inside, aucs, strict=True):
            expected["group_auc", name] = group_auc
            expected["group_accuracy", name] = accuracy_score(label[i], decision[i])
            expected["n", name] = i.sum()
        for c, name in enumerate(classes):
            is_class, as_class = (label == c).astype(int), (decision == c).astype(int)
            among = {
                "y_true": is_class[known],
                "y_pred": as_class[known],
                "sensitive_features": codes[known],
            }
            expected["class_dpd", name] = demographic_parity_difference(**among)
            expected["class_deodds", name] = equalized_odds_difference(**among)
            expected["class_auc", name] = roc_auc_score(is_class, score[:, c])
            expected["class_positive_rate", name] = selection_rate(is_class, as_class, pos_label=1)
            expected["class_tpr", name] = true_positive_rate(is_class, as_class, pos_label=1)
            expected["class_fpr", name] = false_positive_rate(is_class, as_class, pos_label=1)
            expected["class_n", name] = is_class.sum()
        for metric in ("dpd", "deodds"):
            expected[metric, ""] = max(expected[f"class_{metric}", name] for name in classes)
        assert {key: got[key] for key in expected} == pytest.approx(expected, abs=1e-12)

    def test_permuted_means_agree_with_a_loop(self) -> None:
        rng = np.random.default_rng(3)
        codes, label = rng.integers(0, 3, 120), rng.integers(0, 3, 120)
        score = rng.dirichlet(np.ones(3), 120)
        rows = evaluate_classes(label, score, codes, RACE, CLASSES, permutations=6, seed=7)
        shuffled = np.random.default_rng(7).permuted(np.tile(codes, (6, 1)), axis=1)
        decision = score.argmax(axis=1)
        gaps = np.array(
            [
                [
                    metric(label == c, decision == c, sensitive_features=row)
                    for metric in (demographic_parity_difference, equalized_odds_difference)
                    for c in range(3)
                ]
                for row in shuffled
            ]
        ).reshape(6, 2, 3)
        got = values(rows)
        for m, metric in enumerate(("dpd", "deodds")):
            expected = gaps[:, m].mean(axis=0)
            found = [got[f"class_{metric}_permuted", name] for name in CLASSES]
            np.testing.assert_allclose(found, expected, atol=1e-12)
            largest = gaps[:, m].max(axis=1).mean()
            assert got[f"{metric}_permuted", ""] == pytest.approx(largest, abs=1e-12)
        aucs = [[macro(label[row == g], score[row == g]) for g in range(3)] for row in shuffled]
        expected_gap = np.ptp(aucs, axis=1).mean()
        assert got["auc_gap_permuted", ""] == pytest.approx(expected_gap, abs=1e-12)


class TestTwoClasses:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 60))
    def test_give_the_numbers_of_the_binary_label(self, seed: int, n: int) -> None:
        rng = np.random.default_rng(seed)
        label, codes = rng.integers(0, 2, n), rng.integers(-1, 3, n)
        score = rng.integers(0, 65, n) / 64  # 1 - score is exact, and 0.5 occurs
        both = np.stack([1 - score, score], axis=1)
        binary = evaluate(label, score, codes, RACE, permutations=20)
        several = evaluate_classes(label, both, codes, RACE, CLASSES[:2], permutations=20)
        expected, got = values(binary), values(several)
        shared = {
            key
            for key in expected.keys() & got.keys()
            # Either class attains the gap, so which group is low may be said of the other.
            if not key[0].startswith(("dpd_low", "dpd_high", "deodds_tpr", "deodds_fpr"))
        }
        assert {"auc", "es_auc", "dpd", "deodds", "dpd_permuted", "auc_gap_permuted"} <= {
            metric for metric, _ in shared
        }
        for key in shared:
            assert got[key] == pytest.approx(expected[key], abs=1e-12, nan_ok=True), key
        assert got["class_tpr", "mild"] == pytest.approx(expected["tpr", ""], nan_ok=True)


class TestRelabelling:
    @settings(max_examples=25, deadline=None)
    @given(cases(), st.randoms(use_true_random=False))
    def test_permutes_the_rows_of_classes_and_changes_nothing_else(
        self, case: dict[str, Any], random: Any
    ) -> None:
        order = list(range(len(case["classes"])))
        random.shuffle(order)
        renamed = {
            **case,
            "label": np.argsort(order)[case["label"]],
            "score": case["score"][:, order],
            "classes": [case["classes"][c] for c in order],
        }
        before, after = (values(evaluate_classes(**c, permutations=5)) for c in (case, renamed))
        # Who attains a gap is said of the first of tied classes.
        named = {key for key in before if not key[0].endswith(("_low", "_high"))}
        assert {key: after[key] for key in named} == pytest.approx(
            {key: before[key] for key in named}, abs=1e-12, nan_ok=True
        )


class TestNotEstimable:
    LABEL = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1])
    CODES = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    SCORE = np.random.default_rng(0).dirichlet(np.ones(3), 9)

    def test_a_group_without_a_class_says_so_with_counts(self) -> None:
        rows = evaluate_classes(self.LABEL, self.SCORE, self.CODES, RACE, CLASSES)
        why = "group 'white' has 2 samples of class 'none', 1 of 'mild' and 0 of 'severe'"
        for key in [("es_auc", ""), ("auc_gap", ""), ("worst_group_auc", "")]:
            assert np.isnan(values(rows)[key])
            assert reasons(rows)[key] == why
        assert reasons(rows)["group_auc", "white"] == why
        assert reasons(rows)["deodds", ""] == f"TPR of 'severe' undefined: {why}"
        assert np.isnan(values(rows)["class_deodds", "severe"])
        assert "0 positive and 3 negative" in reasons(rows)["class_deodds", "severe"]
        for key in [("auc", ""), ("dpd", ""), ("class_deodds", "none"), ("class_dpd", "severe")]:
            assert reasons(rows)[key] == ""
            assert not np.isnan(values(rows)[key])

    def test_a_class_that_nobody_has_is_never_0(self) -> None:
        label = np.where(self.LABEL == 2, 0, self.LABEL)
        rows = evaluate_classes(label, self.SCORE, self.CODES, RACE, CLASSES)
        why = "6 samples of class 'none', 3 of 'mild' and 0 of 'severe'"
        assert np.isnan(values(rows)["auc", ""])
        assert reasons(rows)["auc", ""] == why
        for metric in ("class_auc", "class_tpr"):
            assert np.isnan(values(rows)[metric, "severe"])
            assert reasons(rows)[metric, "severe"] == "0 positive and 9 negative samples"
        assert values(rows)["class_n", "severe"] == 0

    def test_permutations_without_some_class_in_a_group_are_left_out_and_counted(self) -> None:
        rows = evaluate_classes(self.LABEL, self.SCORE, self.CODES, RACE, CLASSES)
        reason = reasons(rows)["deodds_permuted", ""]
        assert reason.endswith("permutations left out: a group had no sample of some class")

    def test_one_group_has_no_gap(self) -> None:
        rows = evaluate_classes(self.LABEL, self.SCORE, np.zeros(9, int), RACE[:1], CLASSES)
        for key in [("dpd", ""), ("deodds", ""), ("class_dpd", "mild"), ("auc_gap", "")]:
            assert reasons(rows)[key] == "one group only: 'asian'"

    def test_calibration_is_refused_with_a_reason(self) -> None:
        rows = evaluate_classes(self.LABEL, self.SCORE, self.CODES, RACE, CLASSES)
        assert np.isnan(values(rows)["ece", ""])
        assert reasons(rows)["brier", "asian"] == (
            "Platt scaling is of two classes, the label has 3"
        )

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2), st.integers(0, 9)), max_size=12)
    )
    def test_nan_has_a_reason_and_a_reason_has_nan(
        self, samples: list[tuple[int, int, int]]
    ) -> None:
        label, codes, seed = np.array(samples, dtype=int).reshape(-1, 3).T
        score = np.eye(3)[seed % 3] + seed[:, None] / 10
        for row in evaluate_classes(label, score, codes, RACE, CLASSES, permutations=3):
            if not row.metric.endswith("_permuted"):
                assert np.isnan(row.value) == bool(row.reason), row
            elif np.isnan(row.value):
                assert row.reason, row


class TestDecision:
    def test_is_the_highest_score_and_of_tied_classes_the_last(self) -> None:
        score = [[0.2, 0.4, 0.4], [0.5, 0.3, 0.2], [1, 1, 1]]
        got = values(evaluate_classes([2, 0, 2], score, [0, 0, 0], ["all"], CLASSES))
        assert got["accuracy", ""] == 1

    @pytest.mark.parametrize(("of_one_class", "flag"), [(95, 0), (96, 1)])
    def test_is_degenerate_where_over_95_percent_are_one_class(
        self, of_one_class: int, flag: int
    ) -> None:
        predicted = np.repeat([0, 1], [of_one_class, 100 - of_one_class])
        score = np.eye(3)[np.concatenate([predicted, [0, 1, 2]])]
        codes = np.repeat([0, 1], [100, 3])
        label = np.arange(103) % 3
        got = values(evaluate_classes(label, score, codes, RACE[:2], CLASSES, permutations=1))
        assert [got["degenerate", g] for g in ("asian", "black", "")] == [flag, 0, flag]


class TestInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"label": [0, 1, 3]}, "label holds 3; known: 0 to 2"),
            ({"label": [0.0, 1.0, 2.0]}, "label has type float64"),
            ({"label": [[0, 1, 2]]}, "label has shape"),
            ({"score": np.ones((3, 2))}, "3 labels of 3 classes"),
            ({"score": np.full((3, 3), np.nan)}, "9 of 9 values that are NaN"),
            ({"codes": [0, 1, 2]}, "codes holds 2"),
            ({"classes": ["one"]}, "expected two or more"),
            ({"permutations": 0}, "permutations is 0"),
        ],
    )
    def test_refuses_with_the_value(self, change: dict[str, Any], message: str) -> None:
        good = {"label": [0, 1, 2], "score": np.eye(3), "codes": [0, 1, 1]}
        with pytest.raises(ValueError, match=message):
            evaluate_classes(**{**good, "groups": ["a", "b"], "classes": CLASSES, **change})


class TestCatalogue:
    def test_lists_every_metric_of_several_classes(self) -> None:
        label, codes = np.arange(60) % 3, np.arange(60) // 30
        rows = evaluate_classes(label, np.eye(3)[label], codes, RACE[:2], CLASSES)
        of_classes = {metric for metric in METRICS if metric.startswith("class_")}
        assert of_classes <= {row.metric for row in rows} <= set(METRICS)
