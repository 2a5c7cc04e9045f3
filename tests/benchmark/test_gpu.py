"""What only a CUDA device runs, against the CPU; skipped where there is none."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.batches import StepBatches
from benchmark.data.dataset import Dataset
from benchmark.encode import Encoder
from benchmark.group_passes import group_features, planned_passes
from benchmark.pair_tensors import PairTensors
from benchmark.stopwatch import BACKWARD, GROUPS, MAIN, Stopwatch
from variants.distances import sinkhorn_to_each, wasserstein
from variants.group_distance import GroupDistance
from variants.objective import Features

DEVICE = "cuda"
CPU, GPU = torch.device("cpu"), torch.device(DEVICE)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def scores(run: Any) -> np.ndarray:
    return np.concatenate([facts.scores["test"].score for facts in run.epochs])


class TestPairTensors:
    @pytest.mark.parametrize("streamed", [False, True])
    def test_give_the_images_of_the_memory_map(self, streamed: bool, small_data: Dataset) -> None:
        split = small_data.splits["train"]
        pairs, index = PairTensors(split, GPU, streamed=streamed), np.array([7, 2, 2])
        pairs.read_ahead([index])
        images = pairs.images(index)
        assert images.device.type == DEVICE
        np.testing.assert_array_equal(images.cpu().numpy(), split.images[index])
        np.testing.assert_array_equal(pairs.tokens(index).cpu().numpy(), split.tokens[index])


class TestGroupPasses:
    def test_are_one_and_give_the_features_of_a_cpu(
        self, small_clip: Any, small_data: Dataset
    ) -> None:
        step = StepBatches(np.arange(4), {"a/0": np.arange(5), "a/1": np.array([9])})
        batch = Features(*(torch.zeros(1, 1) for _ in range(3)))
        found = {}
        for device in (CPU, GPU):
            module = copy.deepcopy(small_clip.module).to(device)
            encoder = Encoder(module, small_clip.mean, small_clip.std, device)
            pairs = PairTensors(small_data.splits["train"], device)
            if device is GPU:
                assert len(planned_passes(step, GroupDistance(), module, device)) == 1
            found[device] = group_features(encoder, pairs, step, GroupDistance(), batch).features
        for name in step.groups:
            for part in ("image", "text"):
                there, here = (getattr(found[d][name], part).cpu() for d in (GPU, CPU))
                torch.testing.assert_close(there, here, rtol=0, atol=1e-5)


class TestDistances:
    @pytest.mark.parametrize("scaling", [0.5, 0.95])
    def test_are_those_of_a_cpu_in_float64_with_their_gradient(self, scaling: float) -> None:
        rng = np.random.default_rng(0)
        sets = [torch.from_numpy(20 + rng.normal(size=n)) for n in (32, 32, 3, 17)]
        found = {}
        for device in (CPU, GPU):
            x, *groups = (s.to(device).requires_grad_() for s in sets)
            values = sinkhorn_to_each(x, groups, blur=1e-2, scaling=scaling, solver="geomloss-fp64")
            torch.stack([*values]).sum().backward()
            exact = [wasserstein(x, y).item() for y in groups]
            found[device] = [v.item() for v in values], x.grad.cpu().numpy(), exact
        for there, here in zip(found[GPU], found[CPU], strict=True):
            np.testing.assert_allclose(there, here, rtol=1e-6, atol=1e-9)


class TestTraining:
    @pytest.mark.parametrize("variant", ["clip-ft", "fairclip", "a-fairclip", "adversarial"])
    def test_in_float32_is_near_that_of_a_cpu(self, variant: str, train_run: Any) -> None:
        exact = {"solver": "exact"} if "fairclip" in variant else {}
        there, here = (train_run(variant, device=d, **exact) for d in (DEVICE, "cpu"))
        np.testing.assert_allclose(scores(there), scores(here), atol=2e-3)
        first, same = there.steps[0].terms["clip"], here.steps[0].terms["clip"]
        assert first.value == pytest.approx(same.value, rel=1e-4)
        assert first.gradient_norm == pytest.approx(same.gradient_norm, rel=1e-3)

    def test_deterministic_is_the_same_again(self, train_run: Any) -> None:
        first, again = (scores(train_run("fairclip", device=DEVICE)) for _ in range(2))
        np.testing.assert_array_equal(first, again)

    @pytest.mark.parametrize(
        "keys",
        [
            {"precision": "bf16-amp", "deterministic": False},
            {"precision": "fp16-weights", "deterministic": False, "trained": "encoders"},
        ],
    )
    def test_in_half_precision_ends_with_other_scores_near_those_of_float32(
        self, keys: dict[str, Any], train_run: Any
    ) -> None:
        half = scores(train_run("fairclip", device=DEVICE, lr=1e-5, **keys))
        plain = {k: v for k, v in keys.items() if k == "trained"}
        whole = scores(train_run("fairclip", device=DEVICE, lr=1e-5, **plain))
        assert (half != whole).any()
        np.testing.assert_allclose(half, whole, atol=2e-2)

    def test_that_is_streamed_is_the_same(self, train_run: Any, monkeypatch: Any) -> None:
        from functools import partial

        whole = scores(train_run("fairclip", device=DEVICE))
        monkeypatch.setattr("benchmark.trainer.PairTensors", partial(PairTensors, streamed=True))
        np.testing.assert_array_equal(scores(train_run("fairclip", device=DEVICE)), whole)


class TestStopwatch:
    def test_finds_the_time_of_the_device(self, train_run: Any) -> None:
        train_run("fairclip", device=DEVICE)  # kernels are loaded at their first use
        watch, started = Stopwatch(GPU), time.perf_counter()
        with watch.watch():
            train_run("fairclip", device=DEVICE)
        found = watch.totals()
        assert min(found[name] for name in (MAIN, GROUPS, BACKWARD)) > 0
        assert sum(found.values()) < time.perf_counter() - started
