from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from benchmark.discrepancies import (
    between_protocols,
    between_variants,
    key_sources,
    sources_differ,
    stated_values,
)
from benchmark.errors import FairbenchError
from benchmark.protocol import Protocol
from benchmark.registry import find_variant
from benchmark.yaml_io import parse_yaml
from variants.group_distance import GroupDistance


class TestBetweenVariants:
    def test_lists_what_the_aligned_code_changed_in_the_released_objective(self) -> None:
        found = between_variants("fairclip", "a-fairclip")
        assert {d.key: (d.left, d.right) for d in found if not d.agreed} == {
            "score": ("squared-logits", "logit"),
            "normalise": ("groups", "none"),
            "scaling": ("0.5", "0.95"),
            "selection rule": ("test-auc", "val-auc"),
        }

    def test_gives_the_sources_of_every_key(self) -> None:
        for difference in between_variants("fairclip", "a-fairclip"):
            if difference.key != "selection rule":
                assert {"paper", "official", "reproduction"} == set(difference.sources)
                assert all(difference.sources.values())

    def test_adds_the_keys_on_which_both_agree_and_the_sources_do_not(self) -> None:
        found = between_variants("fairclip", "a-fairclip")
        agreed = [d.key for d in found if d.agreed]
        assert agreed == [d.key for d in found[-len(agreed) :]]
        assert {"group_source", "weight", "debiased", "as_run", "group_captions"} <= set(agreed)
        assert not {"solver", "groups", "score"} & set(agreed)

    def test_gives_the_source_of_each_selection_rule(self) -> None:
        found = between_variants("fairclip", "a-fairclip")
        (rule,) = (d for d in found if d.key == "selection rule")
        assert "official" in rule.sources["test-auc"]
        assert "reproduction" in rule.sources["val-auc"]

    def test_swapping_the_sides_swaps_the_values(self) -> None:
        one, two = (
            between_variants("fairclip", "a-fairclip"),
            between_variants("a-fairclip", "fairclip"),
        )
        assert [(d.key, d.left, d.right) for d in one] == [(d.key, d.right, d.left) for d in two]

    def test_of_a_variant_with_itself_is_empty(self) -> None:
        assert all(d.agreed for d in between_variants("fairclip", "fairclip"))

    def test_of_different_equations_is_refused(self) -> None:
        with pytest.raises(FairbenchError, match=r"contrastive.*group-distance"):
            between_variants("clip-ft", "fairclip")

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown variant 'x'.*Known: a-fairclip, "):
            between_variants("fairclip", "x")


class TestBetweenProtocols:
    def test_lists_what_the_reproduction_changed(self) -> None:
        found = between_protocols("official", "reproduction")
        assert {d.key: (d.left, d.right) for d in found if not d.agreed} == {
            "precision": ("fp16-weights", "fp32"),
            "trained": ("encoders", "all"),
            "mode": ("eval", "switched"),
            "deterministic": ("False", "True"),
        }

    def test_gives_the_sources_of_every_key(self) -> None:
        for difference in between_protocols("official", "paper"):
            assert {"paper", "official", "reproduction"} == set(difference.sources)

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"Known: fairface, fast, official, paper, rep"):
            between_protocols("official", "x")


class TestSources:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("32: scripts/x.sh; the flag's default is 64", ("32",)),
            ("kept or dropped: x.py; dropped in y.py", ("kept", "dropped")),
            ("not stated", ()),
            ("not stated: no kernel", ()),
        ],
    )
    def test_name_their_values_before_the_colon(self, text: str, values: tuple[str, ...]) -> None:
        assert stated_values(text) == values

    def test_differ_where_two_that_speak_name_different_values(self) -> None:
        assert sources_differ({"paper": "a: here", "official": "b: there"})
        assert not sources_differ({"paper": "not stated", "official": "b", "reproduction": "b: x"})

    @pytest.mark.parametrize("model", [GroupDistance, Protocol])
    def test_state_values_that_their_key_takes(self, model: type[BaseModel]) -> None:
        for name in model.model_fields.keys() - {"own_selection", "attributes"}:
            for text in key_sources(model, name).values():
                for value in stated_values(text):
                    model(**{name: parse_yaml(value, name)})

    @pytest.mark.parametrize("model", [GroupDistance, Protocol])
    def test_of_public_code_name_a_file(self, model: type[BaseModel]) -> None:
        for name in model.model_fields.keys() - {"own_selection"}:
            for who, text in key_sources(model, name).items():
                if who != "paper" and stated_values(text):
                    assert re.search(r"\w\.(py|sh|job)|job|same|flag default", text), (name, who)

    @pytest.mark.parametrize(
        ("variant", "source"),
        [
            ("fairclip", "official"),
            ("a-fairclip", "reproduction"),
            ("mmd-gaussian", "reproduction"),
        ],
    )
    def test_state_what_the_variant_after_them_does(self, variant: str, source: str) -> None:
        keys = find_variant(variant).objective.keys()
        unused = find_variant(variant).objective.unused_keys()
        for name in keys.keys() - unused - {"attributes", "group_batch_norm"}:
            stated = stated_values(key_sources(GroupDistance, name)[source])
            if stated:
                assert keys[name] in [parse_yaml(value, name) for value in stated], name
