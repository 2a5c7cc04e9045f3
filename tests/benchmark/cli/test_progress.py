import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmark import cores
from benchmark.batches import StepBatches
from benchmark.cli.progress import Bars, Lines, make_watcher
from benchmark.config import resolve
from benchmark.cores import crowded
from benchmark.registry import find_variant
from benchmark.run_messages import RunProgress
from benchmark.step import TermFacts
from benchmark.sweep import SweepRun
from benchmark.trainer import EpochFacts, StepFacts

LINE = "dataset fairvlmed abcdef012345: 7000 train, 990 val, 1985 test samples"


@pytest.fixture
def config():
    return resolve(find_variant("fairclip"), seed=4)


@pytest.fixture
def run(config):
    """Return a run as a sweep queues it."""

    def of(name="a1", data=LINE):
        return SimpleNamespace(id=name, config=config, data=data)

    return of


class TestLines:
    def test_a_dataset_is_described_once(self, run, capsys):
        lines = Lines()
        for _ in range(3):
            lines.on_run(run())
        assert capsys.readouterr().out == f"{LINE}\n"

    def test_another_dataset_is_described_too(self, run, capsys):
        lines = Lines()
        for data in (LINE, "dataset other", LINE):
            lines.on_run(run(data=data))
        assert capsys.readouterr().out.splitlines() == [LINE, "dataset other"]

    def test_an_outcome_is_one_line_with_its_reason(self, config, capsys):
        Lines().on_finished(SweepRun(config, "a1", "diverged", "epoch 1, step 2"))
        assert capsys.readouterr().out == (
            "diverged  a1  fairclip on race, seed 4: epoch 1, step 2\n"
        )

    def test_more_threads_than_cores_are_said_in_one_line(self, config, capsys, monkeypatch):
        monkeypatch.setattr(cores, "usable_cores", lambda: 4)
        wide = config.model_copy(update={"threads": 2})
        plan = [(config, False), (wide, False), (wide, False), (config, True)]
        for parallel in (1, 2, 3, 8):
            Lines(parallel).on_plan(plan)
        assert capsys.readouterr().out.splitlines() == [
            "4 runs, 3 to do",
            "4 runs, 3 to do",
            *["4 runs, 3 to do", crowded(3, 2)] * 2,
        ]


def console():
    return Console(
        file=io.StringIO(), force_terminal=True, width=200, highlight=False, markup=False
    )


class TestBars:
    def test_show_the_run_under_way_and_leave_the_lines(self, run, config):
        screen = console()
        batches = StepBatches(None, {})
        with Bars(screen) as bars:
            bars.on_plan([(config, False), (config, True)])
            bars.on_run(run())
            bars.on_step(StepFacts(2, 5, 10, batches, {"clip": TermFacts(0.5, 1.0, 1.0)}))
            tasks = {task.id: task for task in bars.bars.tasks}
            mine = tasks[bars.active["a1"]]
            assert (mine.description, mine.total) == ("fairclip on race, seed 4", 10)
            assert (mine.completed, mine.fields["done"]) == (1.5, "epoch 2/10, loss 0.5000")
            bars.on_epoch(EpochFacts(2, {}, 1.0))
            assert (mine.completed, mine.fields["done"]) == (2, "epoch 2/10")
            bars.on_finished(SweepRun(config, "a1", "done"))
            assert (tasks[bars.runs].completed, tasks[bars.runs].total) == (1, 2)
            assert tasks[bars.runs].fields["done"] == "1/2"
        text = screen.file.getvalue()
        assert LINE in text
        assert "done      a1  fairclip on race, seed 4" in text

    def test_runs_side_by_side_have_a_bar_each(self, run, config):
        with Bars(console(), parallel=2) as bars:
            bars.on_plan([(config, False)] * 3)
            bars.on_run(run("a1"))
            bars.on_run(run("b2"))
            bars.on_progress(run("a1"), RunProgress(3.25, 4, 1.5))
            bars.on_progress(run("b2"), RunProgress(7.0, 7))
            shown = {name: bars.bars.tasks[1 + i] for i, name in enumerate(("a1", "b2"))}
            assert {name: task.completed for name, task in shown.items()} == {"a1": 3.25, "b2": 7}
            assert shown["a1"].fields["done"] == "epoch 4/10, loss 1.5000"
            bars.on_finished(SweepRun(config, "a1", "failed", "its process was ended"))
            assert [task.description for task in bars.bars.tasks[1:]] == [shown["b2"].description]

    def test_a_run_that_ends_before_it_begins_has_none(self, config):
        with Bars(console()) as bars:
            bars.on_plan([(config, False)])
            bars.on_finished(SweepRun(config, "a1", "failed", "no data"))
            assert len(bars.bars.tasks) == 1


class TestMakeWatcher:
    def test_without_a_terminal_there_are_no_bars(self):
        with make_watcher() as watcher:
            assert type(watcher) is Lines
