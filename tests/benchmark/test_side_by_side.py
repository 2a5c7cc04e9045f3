"""Scheduling, with processes that bring no torch; `test_worker.py` trains in real ones."""

import json
import os
import signal
from types import SimpleNamespace

import pytest

from benchmark import workers as module
from benchmark.config import run_id
from benchmark.errors import FairbenchError
from benchmark.results import RunStore, write_config, write_json
from benchmark.run_messages import Ended, RunProgress
from benchmark.side_by_side import Order, run_side_by_side
from benchmark.sweep import Silent

# Speaks as `benchmark.worker` does; the first part of a run's id says what becomes of it.
STAND_IN = """
import json, os, pickle, signal, sys, time
sys.path[:] = json.loads(sys.argv[1])
from benchmark.run_messages import RunProgress, Begun, Ended, Held
signal.signal(signal.SIGINT, signal.SIG_IGN)
inbox, outbox = sys.stdin.buffer, sys.stdout.buffer
results = pickle.load(inbox).results

def tell(message):
    pickle.dump(message, outbox)
    outbox.flush()

def note(what, run):
    with open(results / "log", "a") as log:
        log.write(f"{what} {run.id} {os.getpid()}\\n")

while True:
    task = pickle.load(inbox)
    run = pickle.loads(task.run)
    kind = run.id.split("-")[0]
    note("begin", run)
    if kind == "held" and not task.wait:
        tell(Held())
        continue
    if kind in ("slow", "killed"):
        (results / "runs" / f"{run.id}.partial").mkdir()
    tell(Begun())
    tell(RunProgress(0.5, 1, 2.0))
    if kind == "slow":
        time.sleep(600)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exits":
        sys.exit(3)
    if kind == "prints":
        print("no message", flush=True)
        time.sleep(600)
    time.sleep(0.05)
    note("end", run)
    tell(Ended("present") if kind == "held" else Ended("done"))
"""


def queued(name, backbone=None):
    config = SimpleNamespace(source_hash="", backbone=None)
    return SimpleNamespace(id=name, config=config, backbone_id=backbone, data="", asked=True)


class Told(Silent):
    def __init__(self):
        self.told = []

    def on_run(self, run):
        self.told.append(("begun", run.id))

    def on_progress(self, run, progress):
        self.told.append((progress, run.id))

    def on_finished(self, run):
        self.told.append((run.state, run.id))


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path)
    store.prepare()
    return store


@pytest.fixture
def do(store, monkeypatch):
    """Do runs with stand-ins for the processes; return what was found and their log."""
    monkeypatch.setattr(module, "_SCRIPT", STAND_IN)

    def run(*runs, n_processes=2, present=(), watcher=None):
        found = run_side_by_side(runs, present, store, watcher or Silent(), n_processes)
        return found, log_of(store)

    return run


def log_of(store):
    path = store.results / "log"
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def gone(pid):
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    return False


class TestRunSideBySide:
    def test_every_run_is_done_once_and_the_watcher_hears_of_it(self, do):
        told = Told()
        runs = [queued(f"ok-{i}") for i in range(5)]
        found, log = do(*runs, watcher=told)
        assert {name: one.state for name, one in found.items()} == {r.id: "done" for r in runs}
        assert sorted(name for what, name, _ in log if what == "end") == [r.id for r in runs]
        for run in runs:
            assert [what for what, name in told.told if name == run.id] == [
                "begun", RunProgress(0.5, 1, 2.0), "done",
            ]  # fmt: skip

    def test_a_process_does_many_runs_and_no_more_are_started_than_runs(self, do):
        _, log = do(*[queued(f"ok-{i}") for i in range(6)], n_processes=2)
        assert len({pid for *_, pid in log}) == 2
        _, log = do(queued("ok-a"), queued("ok-b"), n_processes=5)
        assert len({pid for _, name, pid in log if name in ("ok-a", "ok-b")}) == 2

    def test_runs_that_are_there_are_reported_and_start_no_process(self, do, monkeypatch):
        monkeypatch.setattr(module.subprocess, "Popen", lambda *_, **__: pytest.fail("started"))
        told = Told()
        found, _ = do(queued("ok-0"), queued("ok-1"), present={"ok-0", "ok-1"}, watcher=told)
        assert told.told == [("present", "ok-0"), ("present", "ok-1")]
        assert found.keys() == {"ok-0", "ok-1"}

    def test_a_run_that_needs_weights_begins_after_they_are_there(self, do):
        probes = [queued(f"ok-probe-{i}", backbone="ok-backbone") for i in range(2)]
        _, log = do(queued("ok-backbone"), *probes)
        events = [(what, name) for what, name, _ in log]
        for probe in probes:
            begun = events.index(("begin", probe.id))
            assert events.index(("end", "ok-backbone")) < begun

    def test_a_run_that_another_command_holds_is_left_for_the_end_and_waited_for(self, do):
        probe = queued("ok-probe", backbone="held-0")
        found, log = do(queued("held-0"), probe, *[queued(f"ok-{i}") for i in range(3)])
        assert found["held-0"].state == "present"
        events = [(what, name) for what, name, _ in log]
        assert events.count(("begin", "held-0")) == 2
        assert events.index(("end", "held-0")) < events.index(("begin", "ok-probe"))

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("killed-0", "its process was ended by SIGKILL: out of memory, or by hand"),
            ("exits-0", "its process ended with exit code 3; without --parallel it says more"),
            ("prints-0", "its process was ended by SIGKILL: out of memory, or by hand"),
        ],
    )
    def test_a_process_that_dies_is_a_failed_run_and_the_others_go_on(
        self, do, store, name, reason
    ):
        others = [queued(f"ok-{i}") for i in range(4)]
        found, _ = do(queued(name), *others)
        assert (found[name].state, found[name].message) == ("failed", reason)
        assert [found[run.id].state for run in others] == ["done"] * 4
        assert not list(store.runs.glob("*.partial"))

    def test_a_run_whose_backbone_died_is_tried_and_says_so_itself(self, do):
        _, log = do(queued("killed-0"), queued("ok-probe", backbone="killed-0"))
        assert ("end", "ok-probe") in [(what, name) for what, name, _ in log]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
    def test_an_exception_here_ends_all_processes_and_leaves_nothing(self, do, store, error):
        class Stops(Silent):
            def __init__(self):
                self.begun = 0

            def on_progress(self, run, progress):
                self.begun += 1
                if self.begun == 2:
                    raise error

        with pytest.raises(error):
            do(queued("slow-0"), queued("slow-1"), watcher=Stops())
        log = log_of(store)
        assert len(log) == 2
        assert all(gone(pid) for *_, pid in log)
        assert [path.name for path in store.runs.iterdir()] == [".locks"]


IDENTITY = {"seed": 3, "weight": 1e-7}


class TestIdleProcess:
    def test_that_died_is_given_no_run(self, store, monkeypatch):
        monkeypatch.setattr(module, "_SCRIPT", STAND_IN)
        workers = module.Workers(1, store.results)

        def do(name):
            workers.give(queued(name), wait=False)
            while not isinstance(told := workers.hear()[1], Ended | module.Died):
                pass
            return told

        try:
            assert do("ok-0") == Ended("done")
            (pid,) = {pid for *_, pid in log_of(store)}
            os.kill(int(pid), signal.SIGKILL)
            workers._idle[0]._popen.wait()
            assert do("ok-1") == Ended("done")
        finally:
            workers.stop()


class TestNoProcess:
    def test_is_an_error_with_a_way_out(self, do, monkeypatch):
        monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
        with pytest.raises(FairbenchError, match=r"no process can be started .*--parallel"):
            do(queued("ok-0"), queued("ok-1"))


class TestStoredFailure:
    @pytest.fixture
    def dying(self, store):
        """Return a run of which this much is there when its process dies."""
        name = run_id(IDENTITY)

        def prepare(identity):
            folder = store.runs / f"{name}.partial"
            folder.mkdir()
            write_config(folder / "config.yaml", {"variant": "clip", "identity": identity})
            run = queued(name)
            run.config.device, run.config.fast = "cpu", False
            return run

        return prepare

    @pytest.fixture
    def dead(self, do, monkeypatch):
        monkeypatch.setattr(module, "_SCRIPT", "raise SystemExit(3)")
        return do

    def test_is_a_folder_that_says_why(self, dead, dying, store):
        run = dying(IDENTITY)
        dead(run)
        status = json.loads((store.runs / f"{run.id}.failed" / "status.json").read_text())
        assert status["state"] == "failed"
        assert "exit code 3" in status["message"]
        made = json.loads((store.runs / f"{run.id}.failed" / "provenance.json").read_text())
        assert {"commit", "finished", "step"} <= made.keys()

    def test_half_a_configuration_is_no_run(self, dead, dying, store):
        run = dying({"seed": 3})
        found, _ = dead(run)
        assert found[run.id].state == "failed"
        assert [path.name for path in store.runs.iterdir()] == [".locks"]

    def test_a_run_that_was_whole_before_its_process_died_is_there(self, dead, store):
        run = queued("0123")
        run.config.keep = ()
        (store.runs / run.id).mkdir()
        write_json(store.runs / run.id / "status.json", {"state": "done"})
        found, _ = dead(run)
        assert found[run.id].state == "present"
        assert (store.runs / run.id).is_dir()


class TestOrder:
    def test_is_that_of_the_queue_where_nothing_waits(self):
        order = Order([queued("a"), queued("b", backbone="there"), queued("c")])
        assert [order.next()[0].id for _ in range(3)] == ["a", "b", "c"]
        assert order.next() is None
        assert order.open == {"a", "b", "c"}

    def test_others_pass_what_waits_for_weights(self):
        backbone, other = queued("backbone"), queued("other")
        order = Order([backbone, queued("probe", backbone="backbone"), other])
        assert [order.next(), order.next(), order.next()] == [
            (backbone, False), (other, False), None,
        ]  # fmt: skip
        order.close(other)
        assert order.next() is None
        order.close(backbone)
        assert order.next()[0].id == "probe"

    def test_what_another_command_holds_comes_last_and_what_needs_it_after(self):
        held, other = queued("held"), queued("other")
        order = Order([held, queued("probe", backbone="held"), other])
        assert order.next() == (held, False)
        order.set_aside(held)
        assert [order.next(), order.next(), order.next()] == [(other, False), (held, True), None]
        order.close(held)
        assert order.next()[0].id == "probe"
