from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmark.probe.head import make_head
from benchmark.randomness import generator
from benchmark.trainer import DivergedError


def by_hand(arrays: Any, *, epochs: int, batch: int, warmup: float, decay: float) -> Any:
    """The whole probe in float64 numpy, with gradients by hand: test scores after the end."""
    x, y = arrays.x("train").astype(float), arrays.y("train").astype(float)
    linear = make_head(x.shape[1], seed=0)[1]
    w, b = (p.detach().double().numpy().copy() for p in (linear.weight, linear.bias))
    moving_w, moving_b = np.zeros_like(w), np.zeros_like(b)
    mean, variance = np.zeros(x.shape[1]), np.ones(x.shape[1])
    peak, steps = 0.1 * batch / 256, len(x) // batch
    for epoch in range(epochs):
        order = generator(0, "order", epoch + 1).permutation(len(x))
        for step in range(steps):
            now = epoch + step / steps
            half = 0.5 * (1 + math.cos(math.pi * (now - warmup) / (epochs - warmup)))
            lr = peak * (now / warmup if now < warmup else half)
            rows = order[step * batch : (step + 1) * batch]
            z = (x[rows] - x[rows].mean(axis=0)) / np.sqrt(x[rows].var(axis=0) + 1e-6)
            mean = 0.9 * mean + 0.1 * x[rows].mean(axis=0)
            variance = 0.9 * variance + 0.1 * x[rows].var(axis=0, ddof=1)
            error = np.zeros((batch, 2))
            error[:, 1] = (1 / (1 + np.exp(-(z @ w[1] + b[1]))) - y[rows]) / batch
            update = error.T @ z + decay * w
            update *= 0.001 * np.linalg.norm(w) / np.linalg.norm(update)
            moving_w, moving_b = 0.9 * moving_w + update, 0.9 * moving_b + error.sum(axis=0)
            w, b = w - lr * moving_w, b - lr * moving_b
    z = (arrays.x("test") - mean) / np.sqrt(variance + 1e-6)
    return 1 / (1 + np.exp(-(z @ w[1] + b[1])))


class TestLars:
    @pytest.mark.parametrize("decay", [0.0, 0.01])
    def test_follows_the_source_step_by_step(self, arrays: Any, probe: Any, decay: float) -> None:
        found = arrays(train=22, width=3)  # two batches of 8, the rest is dropped
        keys = {"probe_epochs": 30, "probe_batch_size": 8, "warmup_epochs": 4.5}
        run = probe(found, probe_weight_decay=decay, **keys)
        expected = by_hand(found, epochs=30, batch=8, warmup=4.5, decay=decay)
        # the raw outputs move by 1e-2 in these steps
        np.testing.assert_allclose(run.epochs[-1].scores["test"].score, expected, atol=2e-6)
        assert np.ptp(expected) > 1e-3

    def test_output_0_never_moves(self, arrays: Any, probe: Any) -> None:
        found = arrays(width=5)
        linear = probe(found, probe_epochs=30, probe_lr=10.0).module[1]
        start = make_head(5, seed=0)[1]
        assert torch.equal(linear.weight[0], start.weight[0])
        assert torch.equal(linear.bias[0], start.bias[0])
        assert not torch.equal(linear.weight[1], start.weight[1])

    def test_both_outputs_move_under_cross_entropy(self, arrays: Any, probe: Any) -> None:
        linear = probe(arrays(width=5), probe_epochs=3, loss="cross-entropy").module[1]
        assert not torch.equal(linear.weight[0], make_head(5, seed=0)[1].weight[0])

    def test_batches_are_whole_and_the_streams_of_the_seed(self, arrays: Any, probe: Any) -> None:
        steps = probe(arrays(train=20), probe_epochs=2, probe_batch_size=8, seed=5).steps
        assert [(s.epoch, s.step, s.steps) for s in steps] == [
            (1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)
        ]  # fmt: skip
        order = np.concatenate([s.batches.main for s in steps[:2]])
        np.testing.assert_array_equal(order, generator(5, "order", 1).permutation(20)[:16])

    def test_a_batch_larger_than_the_training_set_is_all_of_it(
        self, arrays: Any, probe: Any
    ) -> None:
        steps = probe(arrays(train=20), probe_epochs=1).steps
        assert [len(s.batches.main) for s in steps] == [20]

    def test_every_kth_epoch_and_the_last_are_reported(self, arrays: Any, probe: Any) -> None:
        run = probe(arrays(), probe_epochs=11, store_every=4)
        assert [facts.epoch for facts in run.epochs] == [4, 8, 11]
        assert len(run.steps) == 11

    def test_what_is_stored_does_not_move_what_is_trained(self, arrays: Any, probe: Any) -> None:
        often, seldom = (probe(arrays(), probe_epochs=6, store_every=k) for k in (1, 6))
        assert torch.equal(often.module[1].weight, seldom.module[1].weight)
        for name in ("val", "test"):
            a, b = often.epochs[-1].scores[name], seldom.epochs[-1].scores[name]
            np.testing.assert_array_equal(a.score, b.score)

    def test_one_seed_repeats_and_two_differ(self, arrays: Any, probe: Any) -> None:
        scores = [
            probe(arrays(), probe_epochs=3, seed=seed).epochs[-1].scores["test"].score
            for seed in (0, 0, 1)
        ]
        np.testing.assert_array_equal(scores[0], scores[1])
        assert (scores[0] != scores[2]).any()

    def test_similarity_is_that_of_the_backbone(self, arrays: Any, probe: Any) -> None:
        found = arrays()
        facts = probe(found, probe_epochs=1).epochs[0]
        similarity = found.features.splits["val"].similarity
        np.testing.assert_array_equal(facts.scores["val"].similarity, similarity)

    def test_notes_are_seen_with_image_and_text_only(self, arrays: Any, probe: Any) -> None:
        width = probe(arrays(width=3), probe_epochs=1).module[1].in_features
        both = probe(arrays(width=3), probe_epochs=1, features="image+text").module[1].in_features
        assert (width, both) == (3, 6)

    def test_numbers_that_are_not_finite_end_it(self, arrays: Any, probe: Any, kept: Any) -> None:
        with pytest.raises(DivergedError, match="epoch 2, step 1 of 1: term 'probe' is"):
            probe(
                arrays(), observer=kept, probe_lr=1e39, warmup_epochs=0, trust=1.0, probe_epochs=5
            )
        assert kept.epochs == []


class TestReferenceSolver:
    @pytest.mark.parametrize(
        ("epochs", "rate"),
        [
            pytest.param(1000, 0.1, marks=pytest.mark.slow, id="the source's keys"),
            pytest.param(100, 1.0, id="a tenth of the epochs at ten times the rate"),
        ],
    )
    def test_agrees_with_lars_within_a_point_of_auc(
        self, arrays: Any, probe: Any, epochs: int, rate: float
    ) -> None:
        found = arrays(train=3000, width=40)
        label = found.y("test")
        lars = probe(found, probe_epochs=epochs, probe_lr=rate).epochs[-1].scores["test"].score
        lbfgs = probe(found, solver="lbfgs").epochs[-1].scores["test"].score
        ours, reference = roc_auc_score(label, lars), roc_auc_score(label, lbfgs)
        assert 0.75 < reference < 0.999
        assert abs(ours - reference) < 0.01

    def test_has_one_epoch_with_its_training_loss(self, arrays: Any, probe: Any) -> None:
        run = probe(arrays(), solver="lbfgs", store_every=10)
        assert [facts.epoch for facts in run.epochs] == [1]
        [step] = run.steps
        assert 0 < step.loss < math.log(2)

    def test_needs_no_seed(self, arrays: Any, probe: Any) -> None:
        a, b = (
            probe(arrays(), solver="lbfgs", seed=seed).epochs[0].scores["test"].score
            for seed in (0, 1)
        )
        np.testing.assert_array_equal(a, b)
