import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmark import keep_ahead as module
from benchmark import kept_values as values_module
from benchmark.errors import FairbenchError
from benchmark.keep_ahead import keep_ahead, keeping_ahead
from benchmark.kept_values import FOLDER, kept_file, kept_values, lacks_values
from benchmark.results import RunStore
from benchmark.values import run_values

ASKED = (["race"], ["last", "val-auc"], "0.5")


@pytest.fixture
def tasks(write_scored, tmp_path):
    """Return what keeps the values of six runs."""
    for seed in range(6):
        write_scored(seed=seed)
    return [(run, *ASKED) for run in RunStore(tmp_path / "results").read()]


@pytest.fixture
def three_processes(monkeypatch):
    monkeypatch.setattr(module, "RUNS_A_PROCESS", 2)
    monkeypatch.setattr(module, "usable_cores", lambda: 8)


@pytest.fixture
def started(monkeypatch):
    """Return the processes that are started."""
    found = []
    begin = module._started

    def recorded(*arguments):
        found.append(begin(*arguments))
        return found[-1]

    monkeypatch.setattr(module, "_started", recorded)
    return found


def kept(tasks):
    return [kept_file(run, FOLDER).is_file() for run, *_ in tasks]


def wait_for(state, seconds=60):
    end = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def exact(found):
    """Return values as text in which every bit of a number shows."""
    return [repr(asdict(values)) for of_run in found for values in of_run]


class TestKeepAhead:
    @pytest.mark.usefixtures("three_processes")
    def test_what_other_processes_keep_is_what_this_one_computes(self, tasks, monkeypatch, started):
        computed = exact(run_values(*task) for task in tasks)
        monkeypatch.setattr(values_module, "run_values", lambda *_: pytest.fail("computed here"))
        with keeping_ahead(kept_values, tasks, 2):
            wait_for(lambda: all(kept(tasks)))
        assert len(started) == 2
        assert exact(kept_values(*task) for task in tasks) == computed

    @pytest.mark.usefixtures("three_processes")
    def test_this_process_does_what_no_other_has_taken_and_nothing_else(self, tasks, monkeypatch):
        mine = []
        monkeypatch.setattr(
            values_module, "run_values", lambda *task: mine.append(task[0].id) or run_values(*task)
        )

        def one_was_taken(folder):
            (Path(folder) / "2").touch()
            raise OSError

        monkeypatch.setattr(module, "_started", one_was_taken)
        keep_ahead(kept_values, tasks)
        assert mine == [tasks[n][0].id for n in (0, 1, 3, 4, 5)]

    def test_few_runs_or_one_core_start_no_process(self, tasks, monkeypatch):
        monkeypatch.setattr(module, "_started", lambda *_: pytest.fail("a process was started"))
        keep_ahead(kept_values, tasks)
        monkeypatch.setattr(module, "RUNS_A_PROCESS", 1)
        monkeypatch.setattr(module, "usable_cores", lambda: 1)
        keep_ahead(kept_values, tasks)
        assert not any(kept(tasks))

    @pytest.mark.usefixtures("three_processes")
    def test_what_cannot_be_given_to_another_process_is_left_alone(self, monkeypatch):
        monkeypatch.setattr(module, "_started", lambda *_: pytest.fail("a process was started"))
        keep_ahead(kept_values, [(lambda: None,)] * 6)

    @pytest.mark.usefixtures("three_processes")
    @pytest.mark.parametrize("python", ["/nowhere/python", None])
    def test_processes_that_do_not_start_or_fail_cost_no_error(self, tasks, monkeypatch, python):
        monkeypatch.setattr(sys, "executable", python or sys.executable)
        monkeypatch.setattr(module, "_SCRIPT", "raise SystemExit(3)")
        keep_ahead(kept_values, tasks)
        assert all(kept(tasks))

    @pytest.mark.usefixtures("three_processes")
    def test_a_process_that_is_ended_amid_a_task_leaves_it_to_whoever_asks(
        self, tasks, monkeypatch, started
    ):
        script = "import pathlib, sys; (pathlib.Path(sys.argv[1]) / '4').touch()"
        monkeypatch.setattr(module, "_SCRIPT", script)
        computed = exact(run_values(*task) for task in tasks)
        with keeping_ahead(kept_values, tasks, 2):
            wait_for(lambda: all(child.poll() is not None for child in started))
        assert kept(tasks) == [True] * 4 + [False, True]
        assert exact(kept_values(*task) for task in tasks) == computed

    @pytest.mark.usefixtures("three_processes")
    def test_an_error_of_this_process_ends_the_others(self, tasks, monkeypatch, started):
        monkeypatch.setattr(module, "_SCRIPT", "import time; time.sleep(600)")
        path: Path = tasks[0][0].path / "predictions.parquet"
        path.write_bytes(b"damaged")
        with pytest.raises(FairbenchError, match=path.name):
            keep_ahead(kept_values, tasks)
        assert len(started) == 2
        assert all(child.poll() is not None for child in started)

    @pytest.mark.usefixtures("three_processes")
    def test_an_error_of_the_block_ends_the_others_and_does_no_task(
        self, tasks, monkeypatch, started
    ):
        monkeypatch.setattr(module, "_SCRIPT", "import time; time.sleep(600)")
        with pytest.raises(KeyboardInterrupt), keeping_ahead(kept_values, tasks, 2):
            raise KeyboardInterrupt
        assert all(child.poll() is not None for child in started)
        assert not any(kept(tasks))


class TestWhatIsGivenOut:
    def test_is_what_other_code_has_kept_and_what_was_not_asked_before(self, tasks, monkeypatch):
        task = tasks[0]
        assert lacks_values(*task)
        kept_values(*task)
        assert not lacks_values(*task)
        run, attributes, rules, threshold = task
        assert not lacks_values(run, attributes, rules[:1], threshold)
        assert lacks_values(run, attributes, [*rules, "test-auc"], threshold)
        assert lacks_values(run, attributes, rules, "youden")
        monkeypatch.setattr(values_module, "code_digest", lambda: b"other")
        assert lacks_values(*task)
