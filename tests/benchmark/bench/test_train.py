from typing import Any

import pytest
import torch

from benchmark.batches import StepBatches
from benchmark.bench.bare import BarePasses
from benchmark.bench.train import BARE, PARTS, bench_train
from benchmark.bench.workload import MINI, Size, make_workload

SMALL = Size(MINI, (12, 3, 3), batch=4, epochs=2)


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return {f.name.split(": ", 1)[1]: f for f in bench_train(sizes=[SMALL])}


class TestBenchTrain:
    def test_parts_make_up_the_whole(self, figures: dict[str, Any]) -> None:
        shares = [figures[f"time: {name}"].value for name in PARTS]
        assert min(shares) > 0
        assert sum(shares) == pytest.approx(100)

    def test_the_bare_passes_take_less_than_the_training(self, figures: dict[str, Any]) -> None:
        assert figures[BARE].value > 0.8  # of epochs of milliseconds
        assert 0 < figures["model FLOP utilisation"].value < 100
        assert figures["memory"].value > 100

    def test_pairs_a_second_are_those_of_the_main_batches(self, figures: dict[str, Any]) -> None:
        assert figures["pairs a second"].value == pytest.approx(12 / figures["epoch"].value)


class TestBarePasses:
    def test_operations_are_those_of_the_layers(self) -> None:
        """Two for each weight and token forward, four more backward; attention beside it."""
        work = make_workload(SMALL, "cpu", 1)
        step = StepBatches(*work.batches.epoch(1)[0].__dict__.values())
        pairs, extra = len(step.main), sum(map(len, step.groups.values()))
        block = 12 * 64 * 64 * 2  # of a width of 64: q, k, v, out, and the two of four times it
        tokens = (64 + 1) * 2 + 77 * 2
        patches, projections = 64 * 3 * 8 * 8 * 64, 2 * 64 * 64
        forward = 2 * (tokens * block // 2 + patches + projections)
        attention = 2 * 4 * (65**2 + 77**2) * 64
        found = BarePasses(work).operations([step])
        low = (3 * pairs + extra) * forward - 2 * pairs * 2 * patches  # pixels have no gradient
        assert low <= found <= (3 * pairs + extra) * (forward + 2 * attention)

    def test_a_step_leaves_no_gradient_and_no_changed_weight(self) -> None:
        work = make_workload(SMALL, "cpu", 1)
        bare = BarePasses(work)
        before = {n: p.clone() for n, p in bare.module.named_parameters()}
        assert bare.seconds(work.batches.epoch(1)) > 0
        for name, parameter in bare.module.named_parameters():
            assert parameter.grad is None
            assert torch.equal(parameter, before[name])


class TestMakeWorkload:
    def test_bfloat16_is_the_faster_protocol(self) -> None:
        fast = make_workload(Size(MINI, (12, 3, 3), precision="bf16-amp"), "cpu", 1)
        plain = make_workload(SMALL, "cpu", 1)
        assert fast.config.protocol.fast
        assert not plain.config.protocol.fast
        assert plain.config.protocol.batch_size == 4
        assert [len(step.groups) for step in plain.batches.epoch(1)] == [3] * 3
