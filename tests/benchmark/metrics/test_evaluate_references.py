from __future__ import annotations

import json
from pathlib import Path
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

from benchmark.metrics.evaluate import MetricValue, evaluate

DATA = Path(__file__).parents[2] / "data"
OFFICIAL = json.loads((DATA / "metrics_official.json").read_text())["cases"]
ARRAYS = np.load(DATA / "metrics_official.npz")
RATES = {"positive_rate": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate}


def values(rows: list[MetricValue]) -> dict[tuple[str, str], float]:
    return {(row.metric, row.group): row.value for row in rows}


def reasons(rows: list[MetricValue]) -> dict[tuple[str, str], str]:
    return {(row.metric, row.group): row.reason for row in rows}


def names(n: int) -> list[str]:
    return [f"g{i}" for i in range(n)]


def equity_scaled(overall: float, by_group: list[float]) -> float:
    return overall / (1 + sum(abs(overall - x) for x in by_group))


@st.composite
def grouped_samples(draw: st.DrawFn) -> dict[str, Any]:
    """Up to 7 groups, each with both classes; scores tie and some lie exactly on 0.5."""
    n_groups = draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    extra = draw(st.integers(0, 80))
    codes = np.concatenate(
        [np.repeat(np.arange(n_groups), 2), rng.integers(0, n_groups, extra)]
    ).astype(np.int8)
    label = np.concatenate([np.tile([0, 1], n_groups), rng.integers(0, 2, extra)])
    score = (rng.integers(0, draw(st.integers(2, 40)), len(codes)) / 32 / 40 + 0.49).astype("f4")
    score[rng.random(len(codes)) < 0.1] = 0.5
    return {"label": label, "score": score, "codes": codes, "groups": names(n_groups)}


class TestAgainstFairlearnAndScikitLearn:
    @settings(max_examples=25, deadline=None)
    @given(grouped_samples())
    def test_every_value_agrees_to_1e_12(self, case: dict[str, Any]) -> None:
        got = values(evaluate(**case, permutations=1))
        label, score, codes = case["label"], case["score"], case["codes"]
        decision = (score >= 0.5).astype(int)
        inside = [codes == g for g in range(len(case["groups"]))]
        auc, accuracy = roc_auc_score(label, score), accuracy_score(label, decision)
        aucs = [roc_auc_score(label[i], score[i]) for i in inside]
        accuracies = [accuracy_score(label[i], decision[i]) for i in inside]
        among = {"y_true": label, "y_pred": decision, "sensitive_features": codes}
        expected = {
            ("auc", ""): auc,
            ("accuracy", ""): accuracy,
            ("es_auc", ""): equity_scaled(auc, aucs),
            ("es_accuracy", ""): equity_scaled(accuracy, accuracies),
            ("worst_group_auc", ""): min(aucs),
            ("auc_gap", ""): max(aucs) - min(aucs),
            ("dpd", ""): demographic_parity_difference(**among),
            ("deodds", ""): equalized_odds_difference(**among),
        }
        for i, name in zip(inside, case["groups"], strict=True):
            expected["group_auc", name] = roc_auc_score(label[i], score[i])
            expected["group_accuracy", name] = accuracy_score(label[i], decision[i])
            for metric, rate in RATES.items():
                expected[metric, name] = rate(label[i], decision[i], pos_label=1)
            expected["n", name] = i.sum()
            expected["n_positive", name] = label[i].sum()
            expected["n_negative", name] = (1 - label[i]).sum()
        assert {key: got[key] for key in expected} == pytest.approx(expected, abs=1e-12)

    @settings(max_examples=25, deadline=None)
    @given(grouped_samples())
    def test_the_named_groups_attain_the_gap(self, case: dict[str, Any]) -> None:
        rows = evaluate(**case, permutations=1)
        got = values(rows)
        for gap, rates in {
            "dpd": ["positive_rate"],
            "auc_gap": ["group_auc"],
            "deodds": ["tpr", "fpr"],
        }.items():
            low, high = (
                next(r for r in rows if r.metric.startswith(gap) and r.metric.endswith(end))
                for end in ("_low", "_high")
            )
            rate = next(r for r in rates if len(rates) == 1 or r in low.metric)
            assert low.value == got[rate, low.group]
            assert high.value == got[rate, high.group]
            assert high.value - low.value == got[gap, ""]


class TestAgainstTheOfficialCode:
    @pytest.mark.parametrize("case", OFFICIAL, ids=lambda case: f"{case['key']}-{case['what']}")
    def test_every_recorded_number_agrees_unless_a_group_has_one_class(
        self, case: dict[str, Any]
    ) -> None:
        label, score = ARRAYS[f"{case['key']}_label"], ARRAYS[f"{case['key']}_prob"]
        for a, codes in enumerate(ARRAYS[f"{case['key']}_attrs"]):
            groups = names(int(codes.max()) + 1)
            rows = evaluate(label, score, codes, groups, permutations=1)
            got = values(rows)
            one_class = any(len(set(label[codes == g])) < 2 for g in range(len(groups)))
            expected = {
                ("accuracy", ""): case["acc"],
                ("auc", ""): float(case["auc"]),
                ("es_accuracy", ""): case["es_acc"][a],
                ("es_auc", ""): float(case["es_auc"][a]),
                # Deliberately not as recorded: 0 without a second group, and fairlearn's 0 for
                # a rate that has no denominator.
                ("dpd", ""): case["dpd"][a] if len(groups) > 1 else np.nan,
                ("deodds", ""): case["eod"][a] if len(groups) > 1 and not one_class else np.nan,
            }
            for g, name in enumerate(groups):
                expected["group_auc", name] = float(case["group_aucs"][a][g])
                expected["group_accuracy", name] = case["group_acc"][a][g]
            found = {key: got[key] for key in expected}
            assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def slow_gaps(case: dict[str, Any], codes: np.ndarray) -> tuple[float, float, float]:
    """AUC gap, DPD and DEOdds by scikit-learn and fairlearn; NaN where a class is missing."""
    label, score = case["label"], case["score"]
    decision = (score >= 0.5).astype(int)
    among = {"y_true": label, "y_pred": decision, "sensitive_features": codes}
    dpd = demographic_parity_difference(**among)
    inside = [codes == g for g in np.unique(codes)]
    if any(len(set(label[i])) < 2 for i in inside):
        return np.nan, dpd, np.nan
    aucs = [roc_auc_score(label[i], score[i]) for i in inside]
    return max(aucs) - min(aucs), dpd, equalized_odds_difference(**among)


class TestPermutedBaseline:
    def test_agrees_with_a_loop_over_scikit_learn_and_fairlearn(self) -> None:
        rng = np.random.default_rng(3)
        codes = rng.choice(3, 90, p=[0.06, 0.24, 0.7])
        label = rng.integers(0, 2, 90)
        label[codes == 0] = np.arange((codes == 0).sum()) % 2
        case: dict[str, Any] = {"label": label, "score": (0.48 + rng.random(90) / 20).astype("f4")}
        rows = evaluate(**case, codes=codes, groups=names(3), permutations=25, seed=7)
        shuffled = np.random.default_rng(7).permuted(np.tile(codes, (25, 1)), axis=1)
        slow = np.array([slow_gaps(case, row) for row in shuffled])
        left_out = int(np.isnan(slow[:, 0]).sum())
        assert 0 < left_out < 25
        metrics = ["auc_gap_permuted", "dpd_permuted", "deodds_permuted"]
        got = [values(rows)[metric, ""] for metric in metrics]
        np.testing.assert_allclose(got, np.nanmean(slow, axis=0), atol=1e-12)
        said = f"{left_out} of 25 permutations left out: a group had one class"
        assert [reasons(rows)[metric, ""] for metric in metrics] == [said, "", said]

    def test_small_groups_make_large_gaps_from_nothing(self) -> None:
        rng = np.random.default_rng(4)
        sizes = {"small": [12, 588], "even": [300, 300]}
        label, score = rng.integers(0, 2, 600), rng.random(600)
        gap = {
            size: values(evaluate(label, score, np.repeat([0, 1], n), names(2)))["dpd_permuted", ""]
            for size, n in sizes.items()
        }
        # The mean |difference| of two proportions at p = ½ is √(2/π)·½·√(1/n1 + 1/n2).
        expected = {
            size: np.sqrt(2 / np.pi) * 0.5 * np.sqrt(sum(1 / k for k in n))
            for size, n in sizes.items()
        }
        assert gap == pytest.approx(expected, rel=0.2)

    def test_depends_on_the_seed_and_on_nothing_else(self) -> None:
        rng = np.random.default_rng(5)
        case: dict[str, Any] = {
            "label": rng.integers(0, 2, 200),
            "score": rng.random(200),
            "codes": rng.integers(0, 3, 200),
            "groups": names(3),
        }
        first, again, other = (evaluate(**case, seed=seed) for seed in (1, 1, 2))
        assert values(first) == pytest.approx(values(again), nan_ok=True, abs=0)
        assert values(first)["dpd_permuted", ""] != values(other)["dpd_permuted", ""]

    def test_needs_a_permutation(self) -> None:
        with pytest.raises(ValueError, match="permutations is 0"):
            evaluate([0, 1], [0.1, 0.9], [0, 0], ["a"], permutations=0)
