import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmark import keep_ahead as module
from benchmark import kept_values as values_module
from benchmark.errors import FairbenchError
from benchmark.keep_ahead import keep_ahead
from benchmark.kept_values import FOLDER, kept_file, kept_values
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
    monkeypatch.setattr(module, "_cores", lambda: 8)


def kept(tasks):
    return [kept_file(run, FOLDER).is_file() for run, *_ in tasks]


def exact(found):
    """Return values as text in which every bit of a number shows."""
    return [repr(asdict(values)) for of_run in found for values in of_run]


class TestKeepAhead:
    @pytest.mark.usefixtures("three_processes")
    def test_what_other_processes_keep_is_what_this_one_computes(self, tasks, monkeypatch):
        computed = exact(run_values(*task) for task in tasks)
        mine = []
        monkeypatch.setattr(
            values_module, "run_values", lambda *task: mine.append(task) or run_values(*task)
        )
        keep_ahead(kept_values, tasks)
        assert len(mine) == 2
        assert all(kept(tasks))
        assert exact(kept_values(*task) for task in tasks) == computed
        assert len(mine) == 2

    def test_few_runs_or_one_core_start_no_process(self, tasks, monkeypatch):
        monkeypatch.setattr(module, "_started", lambda *_: pytest.fail("a process was started"))
        keep_ahead(kept_values, tasks)
        monkeypatch.setattr(module, "RUNS_A_PROCESS", 1)
        monkeypatch.setattr(module, "_cores", lambda: 1)
        keep_ahead(kept_values, tasks)
        assert not any(kept(tasks))

    @pytest.mark.usefixtures("three_processes")
    @pytest.mark.parametrize("python", ["/nowhere/python", None])
    def test_processes_that_do_not_start_or_fail_cost_no_error(
        self, tasks, monkeypatch, python, tmp_path
    ):
        monkeypatch.setattr(sys, "executable", python or sys.executable)
        monkeypatch.setattr(module, "_SCRIPT", "raise SystemExit(3)")
        keep_ahead(kept_values, tasks)
        assert kept(tasks) == [True, False, False, True, False, False]

    @pytest.mark.usefixtures("three_processes")
    def test_an_error_of_this_process_ends_the_others(self, tasks, monkeypatch):
        started = []

        def recorded(*arguments):
            started.append(begin(*arguments))
            return started[-1]

        begin = module._started
        monkeypatch.setattr(module, "_started", recorded)
        monkeypatch.setattr(module, "_SCRIPT", "import time; time.sleep(600)")
        path: Path = tasks[0][0].path / "predictions.parquet"
        path.write_bytes(b"damaged")
        with pytest.raises(FairbenchError, match=path.name):
            keep_ahead(kept_values, tasks)
        assert len(started) == 2
        assert all(child.poll() is not None for child in started)
