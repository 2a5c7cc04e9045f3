"""What every variant must do, whatever its equation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.registry import Variant, known_variants
from benchmark.selection import SELECTIONS
from variants.objective import Features, MainBatch, Objective

VARIANTS = [variant for variant in known_variants().values() if variant.origin == "built-in"]
LOOPED = [variant for variant in VARIANTS if not variant.objective.frozen]
"""Those that go through `benchmark.trainer`; a head on frozen towers has a loop of its own."""
TRAINED = [variant for variant in LOOPED if variant.objective.trains]
WEIGHTED = [variant for variant in TRAINED if "weight" in type(variant.objective).model_fields]

each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
each_looped = pytest.mark.parametrize("variant", LOOPED, ids=lambda v: v.name)
each_trained = pytest.mark.parametrize("variant", TRAINED, ids=lambda v: v.name)
each_weighted = pytest.mark.parametrize("variant", WEIGHTED, ids=lambda v: v.name)


def features(n: int, seed: int, scale: float = 14.3) -> Features:
    def unit(offset: int) -> torch.Tensor:
        noise = torch.Generator().manual_seed(10 * seed + offset)
        rows = torch.randn(n, 16, generator=noise)
        return torch.nn.functional.normalize(rows, dim=1)

    return Features(unit(1), unit(2), torch.tensor(scale))


GROUPS = {"race/asian": features(4, 1), "race/black": features(1, 2)}
NAMES = {"race": ("asian", "black", "white"), "gender": ("female", "male")}


def main_batch(objective: Objective, n: int = 8) -> MainBatch:
    """A batch with one asian, a pair of unknown race and no white pair."""
    pairs = features(n, 0)
    race = torch.tensor([0, -1, *[1] * (n - 2)])
    gender = torch.arange(n) % 2
    own = None if objective.auxiliary_lr is None else objective.auxiliary(16, NAMES, seed=0)
    return MainBatch(
        image=pairs.image.requires_grad_(),
        text=pairs.text.requires_grad_(),
        logit_scale=pairs.logit_scale.requires_grad_(),
        label=torch.arange(n) // 2 % 2,
        codes={"race": race, "gender": gender},
        progress=0.5,
        auxiliary=own,
    )


def changed_parameters(before: Any, after: Any) -> set[str]:
    old = dict(before.named_parameters())
    return {name for name, p in after.named_parameters() if not torch.equal(p, old[name])}


def is_encoder(name: str) -> bool:
    return name.startswith(("transformer.", "visual."))


@each_variant
class TestEveryVariant:
    def test_says_in_one_line_what_it_is_and_cites_a_source(self, variant: Variant) -> None:
        assert 10 < len(variant.summary) <= 100
        assert "et al." in variant.doc

    def test_names_a_selection_rule_that_exists(self, variant: Variant) -> None:
        assert variant.objective.own_selection in SELECTIONS

    def test_every_key_says_what_it_does_and_what_others_do(self, variant: Variant) -> None:
        keys = variant.objective.keys()
        for name in keys:
            field = type(variant.objective).model_fields[name]
            assert field.description
            if variant.name != "logit-shrink":  # a control has no other source
                assert isinstance(field.json_schema_extra, dict)
                assert set(field.json_schema_extra["sources"]) == {  # type: ignore[arg-type]
                    "paper",
                    "official",
                    "reproduction",
                }


@each_looped
class TestTraining:
    def test_two_runs_of_one_configuration_agree_bit_for_bit(
        self, variant: Variant, train_run: Any
    ) -> None:
        first, second = train_run(variant.name), train_run(variant.name)
        assert len(first.epochs) == len(second.epochs) == 1
        for split in ("val", "test"):
            a, b = first.epochs[-1].scores[split], second.epochs[-1].scores[split]
            np.testing.assert_array_equal(a.score, b.score)
            np.testing.assert_array_equal(a.similarity, b.similarity)

    @pytest.mark.parametrize("trained", ["encoders", "all"])
    def test_trains_the_parameters_that_the_protocol_names_and_no_others(
        self, variant: Variant, trained: str, train_run: Any, small_clip: Any
    ) -> None:
        names = {name for name, _ in small_clip.module.named_parameters()}
        expected = {name for name in names if trained == "all" or is_encoder(name)}
        module = train_run(variant.name, trained=trained).module
        assert changed_parameters(small_clip.module, module) == (
            expected if variant.objective.trains else set()
        )


@each_trained
class TestTerms:
    def test_are_finite_scalars_with_finite_weights(self, variant: Variant) -> None:
        terms = variant.objective.terms(main_batch(variant.objective), GROUPS)
        assert terms
        for term in terms.values():
            assert term.value.shape == ()
            assert torch.isfinite(term.value)
            assert math.isfinite(term.weight)

    def test_carry_a_finite_gradient_to_the_batch(self, variant: Variant) -> None:
        batch = main_batch(variant.objective)
        terms = variant.objective.terms(batch, GROUPS)
        for term in terms.values():
            of_image, of_text = torch.autograd.grad(
                term.value, [batch.image, batch.text], retain_graph=True, allow_unused=True
            )
            assert torch.isfinite(of_image).all()
            assert of_image.norm() > 0
            assert of_text is None or torch.isfinite(of_text).all()

    def test_survive_a_batch_without_any_group(self, variant: Variant) -> None:
        batch = main_batch(variant.objective)
        nobody = {name: torch.full_like(codes, -1) for name, codes in batch.codes.items()}
        terms = variant.objective.terms(replace(batch, codes=nobody), {})
        assert all(torch.isfinite(term.value) for term in terms.values())
        assert terms["clip"].value.item() > 0

    def test_do_not_depend_on_the_order_of_the_pairs(self, variant: Variant) -> None:
        batch, order = main_batch(variant.objective), torch.randperm(8)
        shuffled = replace(
            batch,
            image=batch.image[order],
            text=batch.text[order],
            label=batch.label[order],
            codes={name: codes[order] for name, codes in batch.codes.items()},
        )
        terms = variant.objective.terms(batch, GROUPS)
        again = variant.objective.terms(shuffled, GROUPS)
        for name, term in terms.items():
            assert again[name].value.item() == pytest.approx(term.value.item(), rel=1e-5)

    def test_of_a_training_with_an_empty_group_and_a_group_of_one_are_finite(
        self, variant: Variant, train_run: Any
    ) -> None:
        steps = train_run(variant.name).steps
        assert [len(step.batches.main) for step in steps] == [8, 8, 5]
        if variant.objective.group_weights:
            sizes = {name: len(index) for name, index in steps[0].batches.groups.items()}
            assert sizes["race/asian"] == 1
            assert "race/martian" not in sizes
        for step in steps:
            assert all(math.isfinite(term.value) for term in step.terms.values())
            assert all(term.gradient_norm > 0 for term in step.terms.values())


@each_weighted
class TestWeightZero:
    def test_predicts_what_clip_ft_predicts_bit_for_bit(
        self, variant: Variant, train_run: Any
    ) -> None:
        plain, without = train_run("clip-ft"), train_run(variant.name, weight=0.0)
        for split in ("val", "test"):
            a, b = plain.epochs[-1].scores[split], without.epochs[-1].scores[split]
            np.testing.assert_array_equal(a.score, b.score)
            np.testing.assert_array_equal(a.similarity, b.similarity)

    def test_records_the_term_that_a_weight_would_bring_in(
        self, variant: Variant, train_run: Any
    ) -> None:
        without = train_run(variant.name, weight=0.0).steps[0].terms
        weighted = train_run(variant.name, weight=1e-6).steps[0].terms
        penalties = [name for name, term in without.items() if term.weight == 0]
        assert penalties
        for name in penalties:
            assert without[name].value == weighted[name].value > 0
            assert without[name].gradient_norm == pytest.approx(
                weighted[name].gradient_norm, rel=1e-4
            )

    def test_a_large_weight_moves_the_predictions(self, variant: Variant, train_run: Any) -> None:
        plain, heavy = train_run("clip-ft"), train_run(variant.name, weight=1.0)
        assert (
            plain.epochs[-1].scores["test"].score != heavy.epochs[-1].scores["test"].score
        ).any()
