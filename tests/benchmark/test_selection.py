from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmark.errors import FairbenchError
from benchmark.metrics.auc import auc
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.multiclass import evaluate_classes
from benchmark.selection import SELECTIONS, SplitScores, select_epoch

GROUPS = ("a", "b", "c")
CRITERIA = {
    "val-auc": "auc",
    "val-es-auc": "es_auc",
    "val-worst-group-auc": "worst_group_auc",
    "test-auc": "auc",
}


def codes_of(run: SplitScores) -> np.ndarray:
    assert run.codes is not None
    return np.asarray(run.codes)


def split(seed: int, *, epochs: int = 8, n: int = 90) -> SplitScores:
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    score = (0.5 + 0.01 * rng.normal(size=(epochs, n)) + 0.005 * label).astype(np.float32)
    return SplitScores(score, label, rng.permutation(np.arange(n) // 2 % 3).astype(np.int8))


def auc_as_running_sum(label: np.ndarray, score: np.ndarray) -> float:
    """The area under the ROC curve, added up strip by strip as a float."""
    n1 = int(label.sum())
    tpr = area = 0.0
    for positive in label[np.argsort(-score)]:
        if positive:
            tpr += 1 / n1
        else:
            area += tpr / (len(label) - n1)
    return area


def select(rule: str, **change: Any) -> Any:
    given = {"epochs": range(1, 9), "val": split(1), "test": split(2), "groups": GROUPS}
    return select_epoch(rule, **{**given, **change})


def split_of_classes(seed: int, *, epochs: int = 8, n: int = 90) -> SplitScores:
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 3
    score = rng.dirichlet(np.ones(3), (epochs, n)) + 0.2 * np.eye(3)[label]
    codes = rng.permutation(np.arange(n) // 3 % 3)
    return SplitScores(score.astype(np.float32), label, codes, ("x", "y", "z"))


class TestSeveralClasses:
    @pytest.mark.parametrize("rule", CRITERIA)
    def test_takes_the_epoch_whose_mean_over_classes_is_best(self, rule: str) -> None:
        val, test = split_of_classes(1), split_of_classes(2)
        looked_at = test if rule == "test-auc" else val
        by_epoch = [
            next(
                row.value
                for row in evaluate_classes(
                    looked_at.label,
                    score,
                    codes_of(looked_at),
                    GROUPS,
                    looked_at.classes,
                    permutations=1,
                )
                if row.metric == CRITERIA[rule]
            )
            for score in np.asarray(looked_at.score)
        ]
        found = select(rule, val=val, test=test)
        assert found.epoch == 1 + int(np.argmax(by_epoch))
        assert found.value == pytest.approx(max(by_epoch), abs=1e-12)

    def test_of_exactly_tied_epochs_the_later_is_taken(self) -> None:
        once = split_of_classes(3, epochs=3)
        score = np.asarray(once.score)
        twice = SplitScores(np.concatenate([score, score**2]), once.label, once.codes)
        best = select("val-auc", val=once, epochs=[1, 2, 3]).epoch
        assert select("val-auc", val=twice, epochs=range(1, 7)).epoch == best + 3

    def test_a_class_without_samples_leaves_no_epoch_and_says_why(self) -> None:
        val = split_of_classes(4)
        label = np.where(np.asarray(val.label) == 2, 0, val.label)
        named = SplitScores(val.score, label, val.codes, val.classes)
        why = "validation has 60 samples of class 'x', 30 of 'y' and 0 of 'z'"
        assert select("val-auc", val=named).reason == why
        unnamed = SplitScores(val.score, label, val.codes)
        assert select("val-auc", val=unnamed).reason == (
            "validation has 60 samples of class '0', 30 of '1' and 0 of '2'"
        )
        group = select("val-worst-group-auc", val=named).reason
        assert group.startswith("group 'a' of validation has ")


class TestSelectEpoch:
    @pytest.mark.parametrize("rule", CRITERIA)
    @pytest.mark.parametrize("seed", range(5))
    def test_takes_the_epoch_whose_metric_is_best(self, rule: str, seed: int) -> None:
        val, test = split(seed), split(seed + 100)
        looked_at = test if rule == "test-auc" else val
        by_epoch = [
            next(
                row.value
                for row in evaluate(
                    looked_at.label, score, codes_of(looked_at), GROUPS, permutations=1
                )
                if row.metric == CRITERIA[rule]
            )
            for score in np.asarray(looked_at.score)
        ]
        chosen = select(rule, val=val, test=test)
        assert chosen.epoch == 1 + int(np.argmax(by_epoch))
        assert chosen.value == pytest.approx(max(by_epoch), abs=1e-12)

    def test_last_looks_at_no_score(self) -> None:
        broken = SplitScores(np.full((8, 4), np.nan), [0, 1, 0, 1])
        chosen = select("last", val=broken, test=broken, epochs=[2, 4, 9])
        assert chosen.epoch == 9
        assert np.isnan(chosen.value)

    @pytest.mark.parametrize("rule", CRITERIA)
    def test_the_later_of_exact_ties_wins(self, rule: str) -> None:
        once = split(3, epochs=3)
        score = np.asarray(once.score)
        # Ranks, and so all AUCs, are the same in the second half; the floats are not.
        twice = SplitScores(np.concatenate([score, score**2]), once.label, once.codes)
        single = select(rule, val=once, test=once, epochs=[0, 1, 2])
        double = select(rule, val=twice, test=twice, epochs=range(6))
        assert double.epoch == single.epoch + 3

    def test_equal_aucs_tie_even_where_sums_of_floats_differ(self) -> None:
        label = np.arange(60) % 2
        score = np.random.default_rng(419).permuted(np.tile(np.arange(60), (2, 1)), axis=1) / 60
        first, second = (auc_as_running_sum(label, row) for row in score)
        assert 0 < first - second < 1e-12  # floats would choose the first
        assert select("val-auc", val=SplitScores(score, label), epochs=[1, 2]).epoch == 2

    def test_equal_es_aucs_tie_even_where_sums_of_floats_differ(self) -> None:
        label, codes = np.tile(np.arange(20) % 2, 3), np.repeat([0, 1, 2], 20)
        first = np.random.default_rng(1543).permutation(60) / 60
        score = np.stack([first, np.roll(first, 20)])  # the groups trade places
        in_floats = [
            auc(label, row)
            / (1 + sum(abs(auc(label, row) - auc(label[:20], g)) for g in row.reshape(3, 20)))
            for row in score
        ]
        assert 0 < in_floats[0] - in_floats[1] < 1e-12  # floats would choose the first
        run = SplitScores(score, label, codes)
        assert select("val-es-auc", val=run, epochs=[1, 2]).epoch == 2

    def test_validation_of_one_class_selects_nothing_and_says_why(self) -> None:
        one_class = SplitScores(np.full((8, 3), 0.5), [1, 1, 1], [0, 1, 2])
        chosen = select("val-auc", val=one_class)
        assert chosen.epoch is None
        assert np.isnan(chosen.value)
        assert chosen.reason == "validation has 3 positive and 0 negative samples"
        assert select("test-auc", val=one_class).epoch is not None

    @pytest.mark.parametrize("rule", ["val-es-auc", "val-worst-group-auc"])
    def test_a_group_of_one_class_stops_the_group_rules_only(self, rule: str) -> None:
        val = split(5, n=60)
        codes = np.where(codes_of(val) == 2, 0, codes_of(val))
        codes[[1, 3]] = 2
        lopsided = SplitScores(val.score, val.label, codes)
        why = "group 'c' of validation has 2 positive and 0 negative samples"
        assert select(rule, val=lopsided).reason == why
        assert select("val-auc", val=lopsided).epoch is not None

    @pytest.mark.parametrize("rule", ["val-es-auc", "val-worst-group-auc"])
    def test_unknown_and_absent_groups_take_no_part(self, rule: str) -> None:
        val = split(6)
        assert select(rule, val=val, groups=(*GROUPS, "nobody")) == select(rule, val=val)
        nobody = SplitScores(val.score, val.label, np.full(90, -1))
        assert select(rule, val=nobody).reason == "no validation sample has a known group"

    def test_no_epoch_selects_nothing(self) -> None:
        assert select("val-auc", epochs=[]).reason == "no epoch was recorded"


class TestInput:
    def test_an_unknown_rule_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown selection rule 'val_auc'.*test-auc"):
            select("val_auc")

    @pytest.mark.parametrize("rule", sorted(r for r, i in SELECTIONS.items() if i.needs_attribute))
    def test_a_group_rule_without_attribute_is_an_error(self, rule: str) -> None:
        val = split(7)
        with pytest.raises(FairbenchError, match=f"'{rule}' needs an attribute"):
            select(rule, val=SplitScores(val.score, val.label))

    def test_refuses_epochs_out_of_order(self) -> None:
        with pytest.raises(ValueError, match=r"epochs are \[2, 1\]"):
            select("last", epochs=[2, 1])

    def test_refuses_another_number_of_epochs_than_rows(self) -> None:
        with pytest.raises(ValueError, match="scores of 8 epochs for 3 epoch numbers"):
            select("val-auc", epochs=[1, 2, 3])

    def test_refuses_scores_that_are_not_finite(self) -> None:
        val = split(8)
        score = np.array(val.score)
        score[2, 5] = np.nan
        with pytest.raises(ValueError, match="1 of 720 values that are NaN"):
            select("val-auc", val=SplitScores(score, val.label))
