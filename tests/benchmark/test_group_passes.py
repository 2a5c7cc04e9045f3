"""Groups' features in training, above all of models with batch norm, such as RN50."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.batches import StepBatches
from benchmark.data.dataset import Dataset
from benchmark.encode import Encoder, batch_norms
from benchmark.group_passes import (
    LARGEST_PASS,
    features_of_pass,
    group_features,
    pairs_are_independent,
    planned_passes,
)
from benchmark.pair_tensors import PairTensors
from variants.distances import wasserstein
from variants.group_distance import GroupDistance
from variants.objective import Features

CPU, GPU = torch.device("cpu"), torch.device("cuda")
MODES = ("switched", "train", "eval")
EXACT: dict[str, Any] = {"solver": "exact", "weight": 1.0}


@pytest.fixture(scope="session")
def resnet(add_architecture: Any, small_clip_config: Any) -> Any:
    """The module of a CLIP whose image tower is a ModifiedResNet, as RN50's."""
    from benchmark.model import load_model

    tower = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64}
    name = add_architecture(
        "fairbench-test-resnet", {**small_clip_config, "vision_cfg": {**tower, "patch_size": None}}
    )
    return load_model(name, seed=0).module


@pytest.fixture(scope="session")
def larger(small_data: Dataset) -> Dataset:
    """The small data with images of 64 pixels, so that a batch of one has several values."""
    splits = {
        name: replace(split, images=split.images.repeat(4, axis=2).repeat(4, axis=3))
        for name, split in small_data.splits.items()
    }
    return replace(small_data, splits=splits)


@pytest.fixture
def trained(train_run: Any, resnet: Any, larger: Dataset) -> Any:
    def run(variant: str, **more: Any) -> Any:
        return train_run(variant, module=copy.deepcopy(resnet), data=larger, **more)

    return run


def scores(run: Any) -> np.ndarray:
    return np.concatenate([run.epochs[-1].scores[split].score for split in ("val", "test")])


def statistics(module: Any) -> torch.Tensor:
    found = [part.running_mean for part in batch_norms(module)]
    return torch.cat([mean for mean in found if mean is not None])


class TestBatchNorm:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("source", ["loader", "loader-gradient", "batch"])
    def test_at_weight_zero_every_number_is_that_of_clip_ft(
        self, source: str, mode: str, trained: Any
    ) -> None:
        plain = trained("clip-ft", mode=mode, epochs=2)
        objective = GroupDistance(weight=0.0, group_source=source, group_batch=4)
        other = trained("clip-ft", mode=mode, epochs=2, objective=objective)
        np.testing.assert_array_equal(scores(plain), scores(other))
        expected = plain.module.state_dict()
        for name, tensor in other.module.state_dict().items():
            assert torch.equal(tensor, expected[name]), name

    @pytest.mark.parametrize(("mode", "moves"), [("switched", True), ("eval", False)])
    def test_main_batches_move_the_statistics_in_train_mode_alone(
        self, mode: str, moves: bool, trained: Any, resnet: Any
    ) -> None:
        after = statistics(trained("clip-ft", mode=mode).module)
        assert torch.equal(after, statistics(resnet)) is not moves

    def test_modes_differ_in_their_scores(self, trained: Any) -> None:
        found = [scores(trained("clip-ft", mode=mode)) for mode in MODES]
        assert not any(np.array_equal(a, b) for a, b in pairwise(found))

    def test_group_passes_move_them_where_told(self, trained: Any) -> None:
        restored = trained("fairclip", weight=0.0)
        moved = trained("fairclip", weight=0.0, group_batch_norm="moved")
        assert not torch.equal(statistics(restored.module), statistics(moved.module))
        for name, p in moved.module.named_parameters():  # train mode reads no statistics
            assert torch.equal(p, dict(restored.module.named_parameters())[name])
        assert (scores(restored) != scores(moved)).any()

    def test_a_moved_statistic_is_the_running_mean_over_main_and_group_batches(
        self, trained: Any, resnet: Any, larger: Dataset, small_clip: Any
    ) -> None:
        run = trained("fairclip", weight=0.0, group_batch_norm="moved", batch_size=21, lr=1e-30)
        (facts,) = run.steps
        pairs = PairTensors(larger.splits["train"], CPU)
        stem = resnet.visual
        mean, std = (torch.tensor(v)[:, None, None] for v in (small_clip.mean, small_clip.std))
        expected = torch.zeros(stem.bn1.num_features)
        for index in [facts.batches.main, *facts.batches.groups.values()]:
            with torch.no_grad():
                values = stem.conv1((pairs.images(index).float() / 255 - mean) / std)
            expected = 0.9 * expected + 0.1 * values.mean(dim=(0, 2, 3))
        torch.testing.assert_close(run.module.visual.bn1.running_mean, expected)

    def test_evaluation_in_train_mode_moves_nothing(self, trained: Any, resnet: Any) -> None:
        run = trained("clip", mode="train")
        assert torch.equal(statistics(run.module), statistics(resnet))

    def test_encoders_are_trained_with_their_batch_norms(self, trained: Any, resnet: Any) -> None:
        module = trained("clip-ft", trained="encoders").module
        before = dict(resnet.named_parameters())
        changed = {n for n, p in module.named_parameters() if not torch.equal(p, before[n])}
        assert "visual.bn1.weight" in changed
        assert not {n for n in changed if not n.startswith(("visual.", "transformer."))}


class TestGradientThroughGroups:
    def gradients(
        self, source: str, model: Any, data: Dataset
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Return the parameters' gradients of the distance alone, by the trainer's parts."""
        objective = GroupDistance(solver="exact", score="logit", group_source=source)
        module = copy.deepcopy(model.module)
        encoder = Encoder(module, model.mean, model.std, CPU)
        pairs = PairTensors(data.splits["train"], CPU)
        step = StepBatches(np.arange(8), {"race/black": np.array([2, 4, 6, 9])})
        if objective.groups_within_batch:
            step = StepBatches(np.arange(8), {"race/black": np.array([2, 4, 6])})
        batch = encoder.pairs(pairs.images(step.main), pairs.tokens(step.main))
        outputs = [batch.image, batch.text, batch.logit_scale]
        leaves = [tensor.detach().requires_grad_() for tensor in outputs]
        groups = group_features(encoder, pairs, step, objective, Features(*leaves))
        value = objective.terms(Features(*leaves), groups.features)["fairness"].value
        leaves, outputs = leaves + groups.leaves, outputs + groups.outputs
        found = torch.autograd.grad(value, leaves)
        torch.autograd.backward(outputs, found)
        return {n: p.grad for n, p in module.named_parameters() if p.grad is not None}, value

    def plain(
        self, source: str, model: Any, data: Dataset
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Return the same from one graph, as a script would write it."""
        module = copy.deepcopy(model.module)
        encoder = Encoder(module, model.mean, model.std, CPU)
        pairs = PairTensors(data.splits["train"], CPU)

        def logits(index: np.ndarray) -> torch.Tensor:
            image, text = encoder.image(pairs.images(index)), encoder.text(pairs.tokens(index))
            found: torch.Tensor = module.logit_scale.exp() * (image * text).sum(1)
            return found

        score = logits(np.arange(8))
        within = source.startswith("batch")
        other = score[[2, 4, 6]] if within else logits(np.array([2, 4, 6, 9]))
        if source in ("loader", "batch-detached"):
            other = other.detach()
        value = wasserstein(score, other)
        torch.autograd.backward(value)
        return {n: p.grad for n, p in module.named_parameters() if p.grad is not None}, value

    @pytest.mark.parametrize("source", ["loader", "loader-gradient", "batch", "batch-detached"])
    def test_is_that_of_one_graph(self, source: str, small_clip: Any, small_data: Dataset) -> None:
        found, value = self.gradients(source, small_clip, small_data)
        expected, same = self.plain(source, small_clip, small_data)
        assert value.item() == pytest.approx(same.item(), rel=1e-5)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            scale = gradient.abs().max()
            assert (found[name] - gradient).abs().max() <= 1e-4 * scale + 1e-7, name

    @pytest.mark.parametrize("source", ["loader", "loader-gradient", "batch", "batch-detached"])
    def test_at_a_relative_weight_is_that_part_of_the_contrastive_one_at_every_step(
        self, source: str, train_run: Any
    ) -> None:
        run = train_run(
            "a-fairclip",
            objective=GroupDistance(
                solver="exact", weight=0.25, balance="gradient", group_source=source, group_batch=4
            ),
        )
        for step in run.steps:
            clip, fairness = step.terms["clip"], step.terms["fairness"]
            ratio = fairness.weight * fairness.gradient_norm / clip.gradient_norm
            assert ratio == pytest.approx(0.25, rel=1e-3)

    def test_moves_the_trained_model(self, train_run: Any) -> None:
        without = train_run("a-fairclip", **EXACT)
        through = train_run("a-fairclip", **EXACT, group_source="loader-gradient")
        assert (scores(without) != scores(through)).any()

    def test_group_scores_without_gradient_have_the_value_of_those_with(
        self, train_run: Any
    ) -> None:
        for pair in (("loader", "loader-gradient"), ("batch", "batch-detached")):
            first = [
                train_run("clip-ft", objective=GroupDistance(**EXACT, group_source=s)).steps[0]
                for s in pair
            ]
            a, b = (step.terms["fairness"] for step in first)
            assert a.value == b.value


class TestMismatchedCaptions:
    def test_give_group_features_of_other_notes_and_leave_the_images(
        self, small_clip: Any, small_data: Dataset
    ) -> None:
        encoder = Encoder(small_clip.module, small_clip.mean, small_clip.std, CPU)
        pairs = PairTensors(small_data.splits["train"], CPU)
        groups = {"race/black": np.array([2, 4])}
        captions = {"race/black": np.array([0, 1])}
        batch = Features(*(torch.zeros(1, 1) for _ in range(3)))
        own, other = (
            group_features(encoder, pairs, step, GroupDistance(), batch).features["race/black"]
            for step in (
                StepBatches(np.arange(8), groups),
                StepBatches(np.arange(8), groups, captions),
            )
        )
        assert torch.equal(own.image, other.image)
        with torch.no_grad():
            assert torch.equal(other.text, encoder.text(pairs.tokens(np.array([0, 1]))))
        assert not torch.equal(own.text, other.text)

    def test_move_the_trained_model(self, train_run: Any) -> None:
        own = train_run("a-fairclip", **EXACT)
        other = train_run("a-fairclip", **EXACT, group_captions="mismatched")
        assert (scores(own) != scores(other)).any()


def numbered(*sizes: int) -> StepBatches:
    ends = np.cumsum([0, *sizes])
    groups = {f"a/{i}": np.arange(*ends[i : i + 2]) for i in range(len(sizes))}
    return StepBatches(np.arange(4), groups)


class TestPlannedPasses:
    def sizes(self, step: StepBatches, module: Any = None, **keys: Any) -> list[list[int]]:
        module = torch.nn.Linear(1, 1) if module is None else module
        found = planned_passes(step, GroupDistance(**keys), module, GPU)
        return [list(planned.groups.values()) for planned in found]

    def test_are_one_for_all_groups(self) -> None:
        step = replace(numbered(32, 3, 32), captions={"a/1": np.array([90, 91, 92])})
        (one,) = planned_passes(step, GroupDistance(), torch.nn.Linear(1, 1), GPU)
        assert one.groups == {"a/0": 32, "a/1": 3, "a/2": 32}
        np.testing.assert_array_equal(one.images, np.arange(67))
        np.testing.assert_array_equal(one.captions, [*range(32), 90, 91, 92, *range(35, 67)])

    def test_have_a_largest_size(self) -> None:
        half = LARGEST_PASS // 2
        assert self.sizes(numbered(half, half, 2, LARGEST_PASS + 5, 2)) == [
            [half, half],
            [2],
            [LARGEST_PASS + 5],
            [2],
        ]

    def test_are_one_a_group_with_gradient_or_where_pairs_depend_on_each_other(self) -> None:
        assert self.sizes(numbered(3, 4), group_source="loader-gradient") == [[3], [4]]
        assert self.sizes(numbered(3, 4), torch.nn.BatchNorm1d(2)) == [[3], [4]]
        assert self.sizes(numbered(3, 4), torch.nn.BatchNorm1d(2).eval()) == [[3, 4]]

    def test_are_one_a_group_on_a_cpu(self) -> None:
        found = planned_passes(numbered(3, 4), GroupDistance(), torch.nn.Linear(1, 1), CPU)
        assert [list(planned.groups) for planned in found] == [["a/0"], ["a/1"]]

    def test_are_none_within_the_batch(self) -> None:
        assert self.sizes(numbered(3, 4), group_source="batch") == []

    @pytest.mark.parametrize("sizes", [(6, 6, 6), (6, 2, 5), (2, 2), (1, 6, 1, 3)])
    def test_give_every_group_the_features_of_a_pass_of_its_own(
        self, sizes: tuple[int, ...], small_clip: Any, small_data: Dataset
    ) -> None:
        encoder = Encoder(small_clip.module, small_clip.mean, small_clip.std, CPU)
        pairs = PairTensors(small_data.splits["train"], CPU)
        step = numbered(*sizes)
        with torch.no_grad():
            (one,) = planned_passes(step, GroupDistance(), encoder.module, GPU)
            found = features_of_pass(encoder, pairs, one)
        assert list(found) == list(step.groups)
        for name, index in step.groups.items():
            with torch.no_grad():
                own = encoder.pairs(pairs.images(index), pairs.tokens(index))
            torch.testing.assert_close(found[name].image, own.image, rtol=0, atol=1e-6)
            torch.testing.assert_close(found[name].text, own.text, rtol=0, atol=1e-6)


class TestPairsAreIndependent:
    @pytest.mark.parametrize(
        ("part", "independent"),
        [
            (torch.nn.LayerNorm(4), True),
            (torch.nn.Dropout(0.0), True),
            (torch.nn.Dropout(0.1), False),
            (torch.nn.BatchNorm2d(3), False),
            (torch.nn.MultiheadAttention(4, 1), True),
            (torch.nn.MultiheadAttention(4, 1, dropout=0.1), False),
        ],
    )
    def test_says_what_holds_in_train_mode_and_always_in_eval_mode(
        self, part: Any, independent: bool
    ) -> None:
        module = torch.nn.Sequential(torch.nn.Linear(1, 1), part)
        assert pairs_are_independent(module) is independent
        assert pairs_are_independent(module.eval())

    def test_knows_a_share_that_an_attention_of_transformers_holds(self) -> None:
        attention = torch.nn.Linear(1, 1)
        attention.dropout = 0.3
        assert not pairs_are_independent(attention)
        attention.dropout = 0.0
        assert pairs_are_independent(attention)

    def test_knows_the_random_parts_of_open_clip_and_timm(self) -> None:
        from open_clip.transformer import PatchDropout
        from timm.layers import DropPath

        assert not pairs_are_independent(PatchDropout(0.5))
        assert not pairs_are_independent(DropPath(0.1))
        assert pairs_are_independent(DropPath(0.0))
