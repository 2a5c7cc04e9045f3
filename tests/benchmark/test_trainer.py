from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.batches import SeededBatches
from benchmark.config import resolve
from benchmark.data.dataset import Dataset
from benchmark.encode import Encoder
from benchmark.pair_tensors import PairTensors
from benchmark.registry import find_variant
from benchmark.step import TermFacts
from benchmark.trainer import DivergedError, StepFacts
from variants.contrastive import contrastive_loss
from variants.objective import Features, Objective, Term

CPU = torch.device("cpu")
FAIR: dict[str, Any] = {
    "solver": "exact",
    "weight": 1e-2,
    "lr": 1e-3,
    "batch_size": 8,
    "group_batch": 4,
}
"""The exact solver: float32 Sinkhorn gradients would hide errors of the loop."""


def plain_losses(model: Any, data: Dataset, step: Any, objective: Any) -> dict[str, torch.Tensor]:
    """The terms of one step, written as a script would: model in, scalars out."""
    pairs = PairTensors(data.splits["train"], CPU)
    mean, std = (torch.tensor(v)[:, None, None] for v in (model.mean, model.std))

    def forward(index: Any) -> tuple[torch.Tensor, ...]:
        pixels = (pairs.images(index).float() / 255 - mean) / std
        out: tuple[torch.Tensor, ...] = model.module(pixels, pairs.tokens(index))
        return out

    image, text, scale = forward(step.main)
    logits = scale * image @ text.T
    target = torch.arange(len(logits))
    losses = {
        "clip": (
            nn.functional.cross_entropy(logits, target)
            + nn.functional.cross_entropy(logits.T, target)
        )
        / 2
    }
    if objective.group_weights:
        with torch.no_grad():
            others = {name: Features(*forward(index)) for name, index in step.groups.items()}
        terms = objective.terms(Features(image, text, scale), others)
        losses["fairness"] = terms["fairness"].value
    for tensor in (image, text):
        tensor.retain_grad()
    losses["image"], losses["text"] = image, text
    return losses


def config_of(variant: str, **changes: Any) -> Any:
    return resolve(find_variant(variant), changes={**FAIR, **changes}, preset="tiny")


def batches_of(config: Any, data: Dataset) -> SeededBatches:
    objective = config.objective
    return SeededBatches(
        data,
        0,
        config.protocol.batch_size,
        objective.group_weights,
        objective.group_batch_size,
    )


class Custom(Objective):
    """The contrastive loss with a second term that a test chooses."""

    kind: ClassVar[str] = "custom"
    weight: float = 1.0
    at_size: int = 5
    """Of the batch at which the term breaks; 5 is the last one of an epoch."""
    bad: float = float("nan")

    def terms(self, batch: Features, groups: Mapping[str, Features]) -> dict[str, Term]:
        broken = len(batch.image) == self.at_size
        extra = batch.image.sum() * (self.bad if broken else 1.0)
        return {"clip": Term(contrastive_loss(batch)), "extra": Term(extra, weight=self.weight)}


class TestAgainstAPlainLoop:
    @pytest.mark.parametrize("trained", ["encoders", "all"])
    @pytest.mark.parametrize("variant", ["clip-ft", "fairclip", "a-fairclip"])
    def test_parameters_after_two_epochs_are_those_of_a_plain_loop(
        self, variant: str, trained: str, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        changes = {**FAIR, "trained": trained, "epochs": 2}
        found = train_run(variant, **changes).module
        config = config_of(variant, **changes)
        module = copy.deepcopy(small_clip.module)
        model = copy.copy(small_clip)
        object.__setattr__(model, "module", module)
        chosen = [
            p
            for name, p in module.named_parameters()
            if trained == "all" or name.startswith(("transformer.", "visual."))
        ]
        adam = torch.optim.Adam(chosen, lr=1e-3, betas=(0.1, 0.1), eps=1e-6, weight_decay=6e-5)
        batches = batches_of(config, small_data)
        for epoch in (1, 2):
            for step in batches.epoch(epoch):
                losses = plain_losses(model, small_data, step, config.objective)
                total = losses["clip"]
                if "fairness" in losses:
                    total = total + FAIR["weight"] * losses["fairness"]
                module.zero_grad()
                torch.autograd.backward(total)
                adam.step()
        moved = 0.0
        start = dict(small_clip.module.named_parameters())
        expected = dict(module.named_parameters())
        for name, p in found.named_parameters():
            difference = (p - expected[name]).abs()
            if name.endswith("in_proj_bias"):
                # The key's bias moves no softmax: its gradient is 0 but for rounding, which Adam,
                # dividing by the gradient's size, turns into steps.
                query, _, value = difference.chunk(3)
                difference = torch.cat([query, value])
            assert difference.mean() < 2e-6, name
            moved = max(moved, (p - start[name]).abs().max().item())
        assert moved > 4e-3

    def test_facts_are_those_of_the_terms_differentiated_one_by_one(
        self, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        facts = train_run("fairclip", **FAIR).steps[0]
        config = config_of("fairclip")
        step = batches_of(config, small_data).epoch(1)[0]
        for name, weight in (("clip", 1.0), ("fairness", FAIR["weight"])):
            losses = plain_losses(small_clip, small_data, step, config.objective)
            gradients = torch.autograd.grad(losses[name], [losses["image"], losses["text"]])
            norm = torch.cat([g.flatten() for g in gradients]).double().norm().item()
            assert facts.terms[name].value == pytest.approx(losses[name].item(), rel=1e-5)
            assert facts.terms[name].gradient_norm == pytest.approx(norm, rel=1e-4)
            assert facts.terms[name].weight == weight

    def test_loss_is_the_weighted_sum_of_the_terms(self, train_run: Any) -> None:
        for facts in train_run("fairclip", **FAIR).steps:
            terms = facts.terms
            expected = terms["clip"].value + 1e-2 * terms["fairness"].value
            assert facts.loss == pytest.approx(expected, rel=1e-12)

    def test_a_negative_weight_has_a_positive_gradient_norm(self, train_run: Any) -> None:
        up = train_run("clip-ft", objective=Custom(weight=2.0, at_size=0)).steps[0].terms["extra"]
        down = train_run("clip-ft", objective=Custom(weight=-2.0, at_size=0)).steps[0]
        assert down.terms["extra"].gradient_norm == pytest.approx(up.gradient_norm, rel=1e-6)
        # d(Σ image)/d(image) is 1 everywhere: 8 images of 16 numbers.
        assert up.gradient_norm == pytest.approx(np.sqrt(8 * 16), rel=1e-6)


class TestFacts:
    def test_count_epochs_and_steps_from_one(self, train_run: Any) -> None:
        trained = train_run("clip-ft", epochs=2)
        places = [(s.epoch, s.step, s.steps) for s in trained.steps]
        assert places == [(e, s, 3) for e in (1, 2) for s in (1, 2, 3)]
        assert [epoch.epoch for epoch in trained.epochs] == [1, 2]

    def test_hold_float32_scores_of_validation_and_test(
        self, train_run: Any, small_data: Dataset
    ) -> None:
        for epoch in train_run("clip-ft", epochs=2).epochs:
            assert set(epoch.scores) == {"val", "test"}
            for split, scores in epoch.scores.items():
                assert len(scores.score) == len(small_data.splits[split])
                assert scores.score.dtype == scores.similarity.dtype == np.float32
            assert set(epoch.seconds) == {"train", "evaluate"}

    def test_hold_the_logit_scale_that_was_trained(self, train_run: Any, small_clip: Any) -> None:
        start = small_clip.module.logit_scale.exp().item()
        frozen = train_run("clip-ft", trained="encoders").epochs[-1].logit_scale
        trained = train_run("clip-ft", trained="all")
        assert frozen == pytest.approx(start, rel=1e-7)
        assert trained.epochs[-1].logit_scale == trained.module.logit_scale.exp().item() != start

    def test_of_a_model_that_is_not_trained_are_one_epoch_zero(
        self, train_run: Any, small_clip: Any
    ) -> None:
        found = train_run("clip")
        assert found.steps == []
        assert [epoch.epoch for epoch in found.epochs] == [0]
        for name, tensor in found.module.state_dict().items():
            assert torch.equal(tensor, small_clip.module.state_dict()[name])

    def test_of_every_epoch_do_not_depend_on_how_many_follow(self, train_run: Any) -> None:
        short, long = train_run("fairclip", epochs=1), train_run("fairclip", epochs=2)
        a, b = short.epochs[0].scores["test"], long.epochs[0].scores["test"]
        np.testing.assert_array_equal(a.score, b.score)

    def test_depend_on_the_seed(self, train_run: Any) -> None:
        a, b = train_run("clip-ft", seed=0), train_run("clip-ft", seed=1)
        assert (a.epochs[-1].scores["test"].score != b.epochs[-1].scores["test"].score).any()

    def test_leave_the_initial_weights_untouched(self, train_run: Any, small_clip: Any) -> None:
        before = {name: t.clone() for name, t in small_clip.module.state_dict().items()}
        train_run("fairclip")
        for name, tensor in small_clip.module.state_dict().items():
            assert torch.equal(tensor, before[name])
        assert all(p.requires_grad for p in small_clip.module.parameters())

    def test_loss_of_infinite_terms_is_a_number_or_nan(self) -> None:
        terms = {n: TermFacts(v, 1.0, 1.0) for n, v in (("a", np.inf), ("b", -np.inf))}
        assert np.isnan(StepFacts(1, 1, 1, None, terms).loss)  # type: ignore[arg-type]


class TestDivergence:
    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_of_a_term_ends_the_run_at_its_step_and_names_it(
        self, bad: float, train_run: Any, kept: Any
    ) -> None:
        with pytest.raises(DivergedError) as error:
            train_run("clip-ft", objective=Custom(bad=bad), observer=kept)
        message = str(error.value)
        assert message.startswith("epoch 1, step 3 of 3: term 'extra' is ")
        assert "gradient norm of" in message
        assert [step.step for step in kept.steps] == [1, 2, 3]
        assert kept.epochs == []

    def test_of_a_term_without_weight_is_a_fact_and_no_end(self, train_run: Any) -> None:
        found = train_run("clip-ft", objective=Custom(weight=0.0))
        assert np.isnan(found.steps[-1].terms["extra"].value)
        assert len(found.epochs) == 1
        assert np.isfinite(found.steps[-1].loss)

    def test_of_the_scores_ends_the_run_after_its_epoch(self, train_run: Any, kept: Any) -> None:
        with pytest.raises(DivergedError, match=r"after epoch 1: 10 of 10 val scores are not fin"):
            train_run("clip-ft", observer=kept, optimiser="sgd", lr=1e38, batch_size=21)
        assert len(kept.steps) == 1
        assert kept.epochs == []


class WithDropout(nn.Module):
    """An image tower whose features lose half their entries in train mode."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower, self.dropout = tower, nn.Dropout(0.5)
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((self.training, torch.is_grad_enabled()))
        features: torch.Tensor = self.dropout(self.tower(images))
        return features


@pytest.fixture
def noisy(small_clip: Any) -> Any:
    module = copy.deepcopy(small_clip.module)
    module.visual = WithDropout(module.visual)
    return module


class TestMode:
    @pytest.mark.parametrize(
        ("mode", "steps", "evaluation"),
        [("switched", True, False), ("train", True, True), ("eval", False, False)],
    )
    def test_of_steps_and_evaluation_is_the_protocols(
        self, mode: str, steps: bool, evaluation: bool, train_run: Any, noisy: Any
    ) -> None:
        seen = train_run("clip-ft", module=noisy, mode=mode).module.visual.seen
        assert seen == [(steps, True)] * 3 + [(evaluation, False)] * 2

    def test_of_clip_is_the_protocols(self, train_run: Any, noisy: Any) -> None:
        for mode, training in (("train", True), ("switched", False)):
            seen = train_run("clip", module=noisy, mode=mode).module.visual.seen
            assert seen == [(training, False)] * 2

    def test_of_group_batches_is_that_of_steps_without_gradient(
        self, train_run: Any, noisy: Any
    ) -> None:
        seen = train_run("fairclip", module=noisy).module.visual.seen
        assert seen[:4] == [(True, True)] + [(True, False)] * 3


class TestDropout:
    def scores(self, found: Any) -> Any:
        return found.epochs[-1].scores["test"].score

    @pytest.mark.parametrize("mode", ["switched", "train"])
    def test_is_a_function_of_the_seed(self, mode: str, train_run: Any, noisy: Any) -> None:
        runs = []
        for state, seed in ((1, 0), (2, 0), (2, 1)):
            torch.manual_seed(state)  # whatever was drawn before a run must not matter
            runs.append(self.scores(train_run("clip-ft", module=noisy, mode=mode, seed=seed)))
        np.testing.assert_array_equal(runs[0], runs[1])
        assert (runs[0] != runs[2]).any()

    def test_does_not_move_with_group_batches(self, train_run: Any, noisy: Any) -> None:
        plain = self.scores(train_run("clip-ft", module=noisy))
        np.testing.assert_array_equal(
            plain, self.scores(train_run("fairclip", module=noisy, weight=0.0))
        )


class TestMixedPrecision:
    def test_trains_on_a_cpu_and_ends_near_the_full_precision_run(self, train_run: Any) -> None:
        full = train_run("clip-ft", optimiser="sgd", lr=1e-2)
        mixed = train_run("clip-ft", optimiser="sgd", lr=1e-2, precision="bf16-amp")
        a, b = (run.epochs[-1].scores["test"] for run in (full, mixed))
        assert b.score.dtype == np.float32
        assert (a.score != b.score).any()
        np.testing.assert_allclose(a.score, b.score, atol=5e-3)
        assert all(p.dtype == torch.float32 for p in mixed.module.parameters())

    def test_in_half_weights_is_full_precision_on_a_cpu(self, train_run: Any) -> None:
        full, half = train_run("clip-ft"), train_run("clip-ft", precision="fp16-weights")
        a, b = (run.epochs[-1].scores["test"].score for run in (full, half))
        np.testing.assert_array_equal(a, b)


class TestEvaluation:
    def test_is_that_of_the_trained_module(
        self, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        found = train_run("clip-ft")
        encoder = Encoder(found.module, small_clip.mean, small_clip.std, CPU)
        pairs = PairTensors(small_data.splits["test"], CPU)
        tokens = torch.from_numpy(small_clip.tokenizer(small_data.schema.prompts))
        with torch.no_grad():
            image = encoder.image(pairs.images(np.arange(len(pairs)))).double()
            prompts = encoder.text(tokens).double()
        margin = (image @ (prompts[1] - prompts[0])).numpy()
        expected = 1 / (1 + np.exp(-margin))
        np.testing.assert_allclose(found.epochs[-1].scores["test"].score, expected, atol=1e-6)


class TestValidationFeatures:
    def test_raw_ones_change_validation_scores_and_nothing_else(
        self, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        unit, raw = train_run("clip-ft"), train_run("clip-ft", validation_features="raw")
        for split in ("val", "test"):
            a, b = (run.epochs[-1].scores[split] for run in (unit, raw))
            np.testing.assert_array_equal(a.similarity, b.similarity)
            assert np.array_equal(a.score, b.score) == (split == "test")
        encoder = Encoder(raw.module, small_clip.mean, small_clip.std, CPU)
        pairs = PairTensors(small_data.splits["val"], CPU)
        tokens = torch.from_numpy(small_clip.tokenizer(small_data.schema.prompts))
        with torch.no_grad():
            image = encoder.image_features(pairs.images(np.arange(len(pairs)))).double()
            prompts = encoder.text_features(tokens).double()
        expected = 1 / (1 + np.exp(-(image @ (prompts[1] - prompts[0])).numpy()))
        found = raw.epochs[-1].scores["val"].score
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

    def test_raw_ones_count_without_training_too(self, train_run: Any) -> None:
        unit, raw = train_run("clip"), train_run("clip", validation_features="raw")
        assert (unit.epochs[0].scores["val"].score != raw.epochs[0].scores["val"].score).any()


class TestOneStream:
    def test_moves_the_baseline_away_from_a_regulariser_of_weight_zero(
        self, train_run: Any
    ) -> None:
        # Their first epochs are one, as in the public code; so are all epochs with named streams.
        def scores(variant: str, epochs: int, **keys: Any) -> Any:
            found = train_run(variant, epochs=epochs, random_streams="shared", **keys)
            return found.epochs[-1].scores["test"].score

        for epochs in (1, 2):
            plain, fair = scores("clip-ft", epochs), scores("fairclip", epochs, weight=0.0)
            assert np.array_equal(plain, fair) == (epochs == 1)


class TestClassPrompts:
    @pytest.mark.parametrize(("mode", "times"), [("switched", 1), ("eval", 1), ("train", 2)])
    def test_are_encoded_once_an_epoch_and_for_each_split_where_noise_is_drawn(
        self, mode: str, times: int, train_run: Any, monkeypatch: Any
    ) -> None:
        from benchmark import trainer

        encode, seen = trainer.class_prompts, []

        def counted(*arguments: Any) -> Any:
            seen.append(1)
            return encode(*arguments)

        monkeypatch.setattr(trainer, "class_prompts", counted)
        train_run("clip-ft", mode=mode, epochs=2)
        assert len(seen) == 2 * times
