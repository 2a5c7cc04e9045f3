from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.errors import FairbenchError
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.intersections import (
    group_codes,
    intersect,
    intersections_of,
    parse_intersection,
    require_intersections,
)

RACE, GENDER = ("asian", "black", "white"), ("female", "male")
KNOWN = ("race", "gender", "age")


class TestParseIntersection:
    @pytest.mark.parametrize(
        "text", ["race×gender", "race*gender", "race:gender", "gender×race", " race × gender "]
    )
    def test_every_spelling_has_the_datasets_order(self, text: str) -> None:
        assert parse_intersection(text, KNOWN) == ("race", "gender")

    def test_takes_more_than_two(self) -> None:
        assert parse_intersection("age*race*gender", KNOWN) == KNOWN

    def test_a_colon_in_a_name_is_none_where_the_sign_separates(self) -> None:
        assert parse_intersection("a:b×race", ("race", "a:b")) == ("race", "a:b")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("race×gendre", "intersection 'race×gendre': 'gendre'. Did you mean 'gender'"),
            ("race×", "intersection 'race×': ''"),
            ("race", "two or more different"),
            ("race*race", "two or more different"),
        ],
    )
    def test_refuses_in_one_line(self, text: str, message: str) -> None:
        with pytest.raises(FairbenchError, match="intersection") as error:
            parse_intersection(text, KNOWN)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


class TestIntersectionsOf:
    def test_leaves_out_what_the_dataset_lacks_and_names_each_once(self) -> None:
        asked = ["gender*race", "race×gender", "race×language"]
        assert intersections_of(asked, KNOWN) == ("race×gender",)

    def test_one_that_no_dataset_has_is_an_error(self) -> None:
        datasets = [("race", "gender"), ("race", "age")]
        require_intersections(["race*age", "race*gender"], datasets)
        with pytest.raises(FairbenchError, match="'language'"):
            require_intersections(["race*age", "race*language"], datasets)


class TestIntersect:
    def test_agrees_with_a_loop_over_samples(self) -> None:
        rng = np.random.default_rng(0)
        of = [rng.integers(-1, g, 300) for g in (3, 2, 4)]
        names = [RACE, GENDER, ("a", "b", "c", "d")]
        codes, groups = intersect(of, names)
        for i, sample in enumerate(zip(*of, strict=True)):
            if -1 in sample:
                assert codes[i] == -1
            else:
                own = [name[code] for name, code in zip(names, sample, strict=True)]
                assert groups[codes[i]] == " × ".join(own)

    def test_combinations_without_samples_are_groups_too(self) -> None:
        codes, groups = intersect([[0, 2], [1, 1]], [RACE, GENDER])
        assert codes.tolist() == [1, 5]
        assert groups == tuple(f"{race} × {gender}" for race in RACE for gender in GENDER)

    @given(st.lists(st.text("a× ", max_size=4), min_size=2, max_size=4, unique=True))
    def test_no_two_combinations_share_a_name(self, names: list[str]) -> None:
        _, groups = intersect([[0], [0]], [names, names])
        assert len(set(groups)) == len(names) ** 2

    @pytest.mark.parametrize(
        ("codes", "groups", "message"),
        [
            ([[0]], [RACE], "codes of 1 attributes"),
            ([[0], [2]], [RACE, GENDER], "codes holds 2; known: -1"),
            ([[0], [0, 1]], [RACE, GENDER], "shape"),
        ],
    )
    def test_refuses(self, codes: Any, groups: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            intersect(codes, groups)


class TestGroupCodes:
    CODES: ClassVar = {"race": [0, 1, 2, -1], "gender": [1, 0, -1, 0], "a×b": [0, 0, 0, 0]}
    GROUPS: ClassVar = {"race": RACE, "gender": GENDER, "a×b": ("x × y",)}

    def test_an_attribute_is_itself_whatever_its_name(self) -> None:
        codes, groups = group_codes("a×b", self.CODES, self.GROUPS)
        assert (codes.tolist(), groups) == ([0, 0, 0, 0], ("x × y",))

    def test_unknown_in_either_is_unknown(self) -> None:
        codes, _ = group_codes("race×gender", self.CODES, self.GROUPS)
        assert codes.tolist() == [1, 2, -1, -1]


class TestMetricsOfAnIntersection:
    def test_are_those_of_an_attribute_with_these_groups(self) -> None:
        rng = np.random.default_rng(1)
        race, gender = rng.integers(-1, 3, 400), rng.integers(0, 2, 400)
        label, score = rng.integers(0, 2, 400), rng.random(400)
        codes, groups = intersect([race, gender], [RACE, GENDER])
        value = {(r.metric, r.group): r.value for r in evaluate(label, score, codes, groups)}
        rates = []
        for name, (r, g) in zip(groups, np.ndindex(3, 2), strict=True):
            inside = (race == r) & (gender == g)
            rates.append(np.mean(score[inside] >= 0.5))
            assert value["n", name] == inside.sum()
            assert value["group_auc", name] == pytest.approx(
                roc_auc_score(label[inside], score[inside])
            )
        assert value["dpd", ""] == pytest.approx(max(rates) - min(rates))
        assert 0 < value["dpd_permuted", ""] < 1

    def test_a_small_combination_is_not_estimable_with_its_counts(self) -> None:
        race, gender = np.repeat([0, 1], [40, 40]), np.arange(80) % 2
        gender[41:] = 1  # one sample of (black, female)
        label, score = np.arange(80) // 2 % 2, np.linspace(0, 1, 80)
        codes, groups = intersect([race, gender], [RACE, GENDER])
        reason = {(r.metric, r.group): r.reason for r in evaluate(label, score, codes, groups)}
        why = "group 'black × female' has 0 positive and 1 negative samples"
        assert reason["group_auc", "black × female"] == why
        assert why in reason["deodds", ""]
        assert reason["group_auc", "white × male"] == "group 'white × male' has no samples"
        assert reason["dpd", ""] == ""
        assert "permutations left out" in reason["deodds_permuted", ""]
