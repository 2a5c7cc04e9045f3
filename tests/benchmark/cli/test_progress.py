import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmark.batches import StepBatches
from benchmark.cli.progress import Bars, Lines, describe_data, make_watcher
from benchmark.config import resolve
from benchmark.data.dataset import Dataset, Schema
from benchmark.registry import find_variant
from benchmark.step import TermFacts
from benchmark.sweep import SweepRun
from benchmark.trainer import EpochFacts, StepFacts


@pytest.fixture
def data():
    sizes = {"train": 7000, "val": 990, "test": 1985}
    return Dataset(
        Schema("fairvlmed", (), (), {}),
        {name: range(n) for name, n in sizes.items()},
        "abcdef0123456789",
        "",
        {"train": 0, "val": 10, "test": 15},
        truncated_notes=3,
    )


@pytest.fixture
def config():
    return resolve(find_variant("fairclip"), seed=4)


LINE = (
    "dataset fairvlmed abcdef012345: 7000 train, 990 val, 1985 test samples; dropped for unknown "
    "attributes: 10 val and 15 test; notes cut to the model's context: 3"
)


class TestLines:
    def test_a_dataset_is_described_once(self, data, config, capsys):
        lines = Lines()
        for _ in range(3):
            lines.on_run(SimpleNamespace(config=config, data=data))
        assert capsys.readouterr().out == f"{LINE}\n"

    def test_another_dataset_is_described_too(self, data, config, capsys):
        lines = Lines()
        other = Dataset(data.schema, data.splits, "ffffffffffffffff", "", data.dropped, 0)
        for one in (data, other, data):
            lines.on_run(SimpleNamespace(config=config, data=one))
        assert capsys.readouterr().out.splitlines() == [LINE, describe_data(other)]

    def test_an_outcome_is_one_line_with_its_reason(self, config, capsys):
        Lines().on_finished(SweepRun(config, "a1", "diverged", "epoch 1, step 2"))
        assert capsys.readouterr().out == (
            "diverged  a1  fairclip on race, seed 4: epoch 1, step 2\n"
        )


class TestBars:
    def test_show_runs_epochs_and_steps_and_leave_the_lines(self, data, config):
        console = Console(
            file=io.StringIO(), force_terminal=True, width=200, highlight=False, markup=False
        )
        batches = StepBatches(None, {})
        with Bars(console) as bars:
            bars.on_plan([(config, False), (config, True)])
            bars.on_run(SimpleNamespace(config=config, data=data))
            bars.on_step(StepFacts(2, 5, 9, batches, {"clip": TermFacts(0.5, 1.0, 1.0)}))
            bars.on_epoch(EpochFacts(2, {}, 1.0))
            tasks = {task.id: task for task in bars.progress.tasks}
            assert (tasks[bars.steps].completed, tasks[bars.steps].total) == (5, 9)
            assert "epoch 2, loss 0.5000" in tasks[bars.steps].description
            assert (tasks[bars.epochs].completed, tasks[bars.epochs].total) == (2, 10)
            bars.on_finished(SweepRun(config, "a1", "done"))
            assert (tasks[bars.runs].completed, tasks[bars.runs].total) == (1, 2)
        text = console.file.getvalue()
        assert LINE in text
        assert "done      a1  fairclip on race, seed 4" in text


class TestMakeWatcher:
    def test_without_a_terminal_there_are_no_bars(self):
        with make_watcher() as watcher:
            assert type(watcher) is Lines
