from __future__ import annotations

import pytest

from benchmark.discrepancies import between_protocols, between_variants
from benchmark.errors import FairbenchError


class TestBetweenVariants:
    def test_lists_what_the_aligned_code_changed_in_the_released_objective(self) -> None:
        found = {d.key: (d.left, d.right) for d in between_variants("fairclip", "a-fairclip")}
        assert found == {
            "score": ("squared-logits", "logit"),
            "normalise": ("groups", "none"),
            "scaling": ("0.5", "0.95"),
            "selection rule": ("test-auc", "val-auc"),
        }

    def test_gives_the_sources_of_every_key(self) -> None:
        for difference in between_variants("fairclip", "a-fairclip")[:-1]:
            assert {"paper", "official", "reproduction"} == set(difference.sources)
            assert all(difference.sources.values())

    def test_gives_the_source_of_each_selection_rule(self) -> None:
        rule = between_variants("fairclip", "a-fairclip")[-1]
        assert "official" in rule.sources["test-auc"]
        assert "reproduction" in rule.sources["val-auc"]

    def test_swapping_the_sides_swaps_the_values(self) -> None:
        one, two = (
            between_variants("fairclip", "a-fairclip"),
            between_variants("a-fairclip", "fairclip"),
        )
        assert [(d.key, d.left, d.right) for d in one] == [(d.key, d.right, d.left) for d in two]

    def test_of_a_variant_with_itself_is_empty(self) -> None:
        assert between_variants("fairclip", "fairclip") == []

    def test_of_different_equations_is_refused(self) -> None:
        with pytest.raises(FairbenchError, match=r"contrastive.*group-distance"):
            between_variants("clip-ft", "fairclip")

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown variant 'x'.*Known: a-fairclip, clip"):
            between_variants("fairclip", "x")


class TestBetweenProtocols:
    def test_lists_what_the_reproduction_changed(self) -> None:
        found = {d.key: (d.left, d.right) for d in between_protocols("official", "reproduction")}
        assert found == {
            "precision": ("fp16-weights", "fp32"),
            "trained": ("encoders", "all"),
            "mode": ("eval", "switched"),
            "deterministic": ("False", "True"),
        }

    def test_gives_the_sources_of_every_key(self) -> None:
        for difference in between_protocols("official", "paper"):
            assert {"paper", "official", "reproduction"} == set(difference.sources)

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"Known: official, paper, reproduction, tiny"):
            between_protocols("official", "x")
