from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.batches import SeededBatches
from benchmark.data.dataset import Dataset
from benchmark.encode import Encoder
from benchmark.pair_tensors import PairTensors
from benchmark.randomness import generator
from variants.adversary import make_adversary
from variants.contrastive import contrastive_loss
from variants.objective import Features, MainBatch, Objective, Term

CPU = torch.device("cpu")
ADVERSARY = "adversary/race"


class Reverse(torch.autograd.Function):
    """Gradient reversal as a layer (Ganin and Lempitsky, ICML 2015), to compare with."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def adversary_of(seed: int) -> nn.Module:
    """As a run of that seed makes it, for the four groups of race."""
    own = int(generator(seed, "init/auxiliary").integers(2**63))
    return make_adversary(16, (16, 32, 64), groups=4, seed=own)


class TestAnAdversary:
    def test_trains_like_a_plain_loop_with_a_gradient_reversal_layer(
        self, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        strength, epochs = 5.0, 3
        keys = {"optimiser": "sgd", "lr": 0.05, "weight_decay": 1e-3, "epochs": epochs}
        found = train_run("adversarial", weight=strength, adversary_lr=0.5, **keys)

        module, adversary = copy.deepcopy(small_clip.module), adversary_of(seed=0)
        encoder = Encoder(module, small_clip.mean, small_clip.std, CPU)
        pairs = PairTensors(small_data.splits["train"], CPU)
        race = torch.from_numpy(small_data.splits["train"].attributes["race"]).long()
        groups = [
            {"params": [*module.parameters()], "lr": 0.05},
            {"params": [*adversary.parameters()], "lr": 0.5},
        ]
        sgd = torch.optim.SGD(groups, weight_decay=1e-3)
        entropies = []
        for epoch in range(1, epochs + 1):
            for step in SeededBatches(small_data, 0, 8).epoch(epoch):
                batch = encoder.pairs(pairs.images(step.main), pairs.tokens(step.main))
                known = race[step.main] >= 0
                logits = adversary(Reverse.apply(batch.image, strength)[known])
                entropy = nn.functional.cross_entropy(logits, race[step.main][known])
                sgd.zero_grad()
                torch.autograd.backward(contrastive_loss(batch) + entropy)
                sgd.step()
                entropies.append(entropy.item())

        found_entropies = [step.terms[ADVERSARY].value for step in found.steps]
        assert found_entropies == pytest.approx(entropies, rel=1e-4)
        expected = dict(module.named_parameters())
        without = dict(train_run("clip-ft", **keys).module.named_parameters())
        moved = 0.0
        for name, p in found.module.named_parameters():
            torch.testing.assert_close(p, expected[name], rtol=1e-4, atol=1e-6)
            moved = max(moved, (p - without[name]).abs().max().item())
        assert moved > 1e-3

    def test_has_the_norm_of_its_own_gradient_whatever_it_weighs(
        self, train_run: Any, small_clip: Any, small_data: Dataset
    ) -> None:
        step = SeededBatches(small_data, 0, 8).epoch(1)[0]
        pairs = PairTensors(small_data.splits["train"], CPU)
        encoder = Encoder(small_clip.module, small_clip.mean, small_clip.std, CPU)
        image = encoder.image(pairs.images(step.main)).detach().requires_grad_()
        race = torch.from_numpy(small_data.splits["train"].attributes["race"][step.main]).long()
        known = race >= 0
        logits = adversary_of(seed=0)(image[known])
        entropy = nn.functional.cross_entropy(logits, race[known])
        (gradient,) = torch.autograd.grad(entropy, image)
        for weight in (0.0, 0.01, 5.0):
            facts = train_run("adversarial", weight=weight).steps[0]
            term = facts.terms[ADVERSARY]
            assert term.weight == -weight
            assert term.gradient_norm == pytest.approx(gradient.norm().item(), rel=1e-4)
            loss = facts.terms["clip"].value - weight * term.value
            assert facts.loss == pytest.approx(loss, rel=1e-12)

    def test_is_judged_on_every_sample_of_known_group_once_an_epoch(
        self, train_run: Any, small_data: Dataset
    ) -> None:
        race = small_data.splits["train"].attributes["race"]
        steps = train_run("adversarial").steps
        confusion = sum(step.terms[ADVERSARY].confusion for step in steps)
        assert confusion.dtype == np.int64
        assert confusion.sum(axis=1).tolist() == [int((race == g).sum()) for g in range(4)]

    def test_learns_while_it_only_watches(self, train_run: Any) -> None:
        steps = train_run("adversarial", weight=0.0, epochs=20).steps
        entropies = [step.terms[ADVERSARY].value for step in steps]
        assert np.mean(entropies[-3:]) < 0.8 * np.mean(entropies[:3])

    def test_depends_on_the_seed_and_leaves_the_model_paired_with_the_baseline(
        self, train_run: Any
    ) -> None:
        firsts = [train_run("adversarial", seed=seed).steps[0].terms for seed in (0, 1)]
        assert firsts[0][ADVERSARY].value != firsts[1][ADVERSARY].value
        for seed, terms in enumerate(firsts):
            plain = train_run("clip-ft", seed=seed).steps[0].terms
            assert terms["clip"].value == plain["clip"].value


class Sometimes(Objective):
    """Its network has a part in batches of eight, and none in the last, smaller one."""

    kind: ClassVar[str] = "sometimes"
    auxiliary_lr: ClassVar[float] = 0.5
    seen: list[Any] = Field(default_factory=list)
    """What a term saw: the batch, and the network's weights then."""

    def auxiliary(self, width: int, groups: Mapping[str, Sequence[str]], seed: int) -> nn.Module:
        return nn.Linear(width, 1, bias=False)

    def terms(self, batch: MainBatch, groups: Mapping[str, Features]) -> dict[str, Term]:
        assert batch.auxiliary is not None
        weight = next(batch.auxiliary.parameters())
        self.seen.append((batch, weight.detach().clone()))
        whole = len(batch.image) == 8
        value = batch.auxiliary(batch.image).mean() if whole else batch.image.new_zeros(())
        return {"clip": Term(contrastive_loss(batch)), "own": Term(value, weight=0.0)}


class TestAnAuxiliaryNetwork:
    def test_descends_on_the_unweighted_term_at_its_own_rate(self, train_run: Any) -> None:
        objective = Sometimes()
        train_run("clip-ft", objective=objective, optimiser="sgd", weight_decay=0.0)
        (first, before), (_, after) = objective.seen[:2]
        step = 0.5 * first.image.detach().mean(dim=0, keepdim=True)
        torch.testing.assert_close(after, before - step)

    def test_is_left_alone_by_a_batch_in_which_no_term_depends_on_it(self, train_run: Any) -> None:
        objective = Sometimes()
        train_run("clip-ft", objective=objective, epochs=2)
        weights = [weight for _, weight in objective.seen]
        assert [len(batch.image) for batch, _ in objective.seen] == [8, 8, 5, 8, 8, 5]
        assert torch.equal(weights[2], weights[3])
        assert not torch.equal(weights[1], weights[2])

    def test_sees_labels_and_the_share_of_steps_behind_it(
        self, train_run: Any, small_data: Dataset
    ) -> None:
        objective = Sometimes()
        train_run("clip-ft", objective=objective, epochs=2)
        batches = [batch for batch, _ in objective.seen]
        assert [batch.progress for batch in batches] == pytest.approx([k / 6 for k in range(6)])
        labels = torch.cat([batch.label for batch in batches[:3]])
        assert labels.sum() == small_data.splits["train"].label.sum()
        assert batches[0].codes == {}  # it trains on no attribute
