from __future__ import annotations

import pytest

from benchmark.ablation.keys import EndSpec, choose_keys, parts_between, resolve_end
from benchmark.discrepancies import between_protocols, between_variants
from benchmark.errors import FairbenchError


@pytest.fixture
def parts(request_of):
    def between(left, right, **more):
        request = request_of(attributes=("race",), **more)
        ends = [resolve_end(spec, request, "clip-ft") for spec in (left, right)]
        return parts_between(*ends)

    return between


class TestPartsBetween:
    @pytest.mark.parametrize(
        ("left", "right"), [("fairclip", "a-fairclip"), ("a-fairclip", "mmd-gaussian")]
    )
    def test_are_the_listed_discrepancies_of_two_variants(self, parts, left, right):
        listed = [d for d in between_variants(left, right) if not d.agreed]
        found = parts(EndSpec(left), EndSpec(right))
        assert {(p.name, str(p.left), str(p.right)) for p in found} == {
            (d.key.removesuffix(" rule"), d.left, d.right) for d in listed
        }
        for part in found:
            (same,) = (d for d in listed if d.key.removesuffix(" rule") == part.name)
            assert part.sources == same.sources

    def test_are_the_listed_discrepancies_of_two_protocols(self, parts):
        listed = [d for d in between_protocols("official", "reproduction") if not d.agreed]
        found = parts(EndSpec("fairclip", "official"), EndSpec("fairclip", "reproduction"))
        assert {(p.name, str(p.left), str(p.right)) for p in found} == {
            (d.key, d.left, d.right) for d in listed
        }
        assert {p.scope for p in found} == {"protocol"}

    def test_include_what_is_set_at_one_end_alone(self, parts):
        to = EndSpec("fairclip", changes={"solver": "exact", "selection": "last"})
        found = {p.name: (p.left, p.right, p.scope) for p in parts(EndSpec("fairclip"), to)}
        assert found == {
            "solver": ("geomloss-fp32", "exact", "objective"),
            "selection": ("test-auc", "last", "selection"),
        }

    def test_leave_out_what_is_set_at_both(self, parts):
        assert parts(EndSpec("fairclip"), EndSpec("fairclip"), changes={"weight": 0.1}) == []

    def test_of_different_equations_are_refused(self, parts):
        with pytest.raises(FairbenchError, match="different equations"):
            parts(EndSpec("fairclip"), EndSpec("adversarial"))


class TestEnds:
    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            (EndSpec("clip-ft"), "is the baseline"),
            (EndSpec("fairclip", changes={"selection": "best"}), "unknown selection rule 'best'"),
            (EndSpec("fairclip", changes={"bandwidth": 1.0}), "'bandwidth' has no effect"),
            (EndSpec("fairclip", changes={"lamda": 1.0}), "unknown key 'lamda'"),
            (EndSpec("fairclip", "officail"), "Did you mean 'official'"),
        ],
    )
    def test_that_cannot_be_had_say_why(self, request_of, spec, message):
        with pytest.raises(FairbenchError, match=message):
            resolve_end(spec, request_of(), "clip-ft")


class TestChooseKeys:
    @pytest.fixture
    def four(self, parts):
        return parts(EndSpec("fairclip"), EndSpec("a-fairclip"))

    def test_takes_all_by_default(self, four):
        assert [key.name for key in choose_keys(four, [])] == [part.name for part in four]

    def test_keeps_the_order_named_and_merges_with_a_plus(self, four):
        found = choose_keys(four, ["selection", "score+normalise"])
        assert [key.name for key in found] == ["selection", "score+normalise"]
        assert [key.trains for key in found] == [False, True]
        assert [key.moves_baseline for key in found] == [True, False]
        assert found[1].change == "squared-logits → logit, groups → none"

    def test_refuses_a_key_that_both_ends_agree_on_and_says_how_to_change_it(self, four):
        with pytest.raises(FairbenchError, match=r"'blur'.*--to-set blur=VALUE"):
            choose_keys(four, ["blur"])

    def test_refuses_a_key_given_twice(self, four):
        with pytest.raises(FairbenchError, match="'score' is given twice"):
            choose_keys(four, ["score", "score+scaling"])

    def test_refuses_ends_that_are_the_same(self):
        with pytest.raises(FairbenchError, match="both ends are the same"):
            choose_keys([], [])
