import shutil
import threading

import pytest

import benchmark
from benchmark.errors import FairbenchError
from benchmark.execute import forget, plan_run
from benchmark.plan import Request, plan
from benchmark.results import RunStore
from benchmark.run_queue import do_run, queue_runs
from benchmark.sweep import Silent, SweepRun, sweep


def snapshot(folder):
    """Return what would change if anything in the folder were touched."""
    return {
        path.name: (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in folder.iterdir()
    }


class Heard(Silent):
    def __init__(self):
        self.planned = []
        self.started = []

    def on_plan(self, runs):
        self.planned = [(config.label, config.seed, present) for config, present in runs]

    def on_run(self, planned):
        self.started.append((planned.config.label, planned.config.seed))


@pytest.fixture
def copied(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "results")
    return tmp_path / "results"


class TestSameRun:
    def test_a_second_start_skips_and_touches_nothing(self, train, trained):
        before = {p.name: snapshot(p) for p in (trained / "runs").glob("[0-9a-f]*")}
        heard = Heard()
        table = train(
            ["clip", "clip-ft", "fairclip"],
            trained,
            seeds="0-1",
            keys={"epochs": 2},
            watcher=heard,
        )
        assert set(table["state"]) == {"present"}
        assert heard.started == []
        assert {p.name: snapshot(p) for p in (trained / "runs").glob("[0-9a-f]*")} == before

    def test_new_seeds_are_added_and_old_ones_skipped(self, train, copied):
        heard = Heard()
        table = train("clip-ft", copied, seeds="0-2", keys={"epochs": 2}, watcher=heard)
        assert table["state"].tolist() == ["present", "present", "done"]
        assert heard.planned == [("clip-ft", 0, True), ("clip-ft", 1, True), ("clip-ft", 2, False)]
        assert heard.started == [("clip-ft", 2)]

    def test_what_a_killed_process_left_is_done_again(self, train, copied):
        (run_id,) = train("clip", copied)["id"]
        whole = copied / "runs" / run_id
        expected = (whole / "predictions.parquet").read_bytes()
        whole.rename(whole.with_suffix(".partial"))
        (whole.with_suffix(".partial") / "predictions.parquet").write_bytes(b"half")
        assert train("clip", copied)["state"].item() == "done"
        assert (whole / "predictions.parquet").read_bytes() == expected
        assert not whole.with_suffix(".partial").exists()

    def test_configurations_with_one_id_are_one_run(self, train, trained):
        table = train(["clip-ft", "clip-ft"], trained, seeds=1, keys={"epochs": 2})
        assert len(table) == 1

    def test_runs_keep_the_order_asked_for(self, trained, train):
        table = train(["fairclip", "clip", "clip-ft"], trained, seeds="1", keys={"epochs": 2})
        assert table["variant"].tolist() == ["fairclip", "clip", "clip-ft"]


class TestBadInput:
    def test_nothing_runs_if_any_run_cannot(self, tmp_path, mini):
        good = Request(variants=["clip"], dataset="fairvlmed", data_dir=mini)
        bad = Request(
            variants=["fairclip"], attributes=["shoe size"], dataset="fairvlmed", data_dir=mini
        )
        store = RunStore(tmp_path)
        with pytest.raises(FairbenchError, match="no attribute 'shoe size'"):
            sweep([*plan(good), *plan(bad)], store, Silent())
        assert store.read() == []

    def test_data_changed_between_two_calls_of_one_process_are_read_again(self, tmp_path, mini):
        data = tmp_path / "data"
        shutil.copytree(mini, data)
        notes = data / "gpt-4_summarized_notes.csv"

        def run():
            return benchmark.run(
                "clip", results=tmp_path / "results", dataset="fairvlmed", data_dir=data
            )

        first = run()
        text = notes.read_text(encoding="utf-8")
        notes.write_text(text.replace("glaucoma", "cataract"), encoding="utf-8")
        second = run()
        assert second["state"].item() == "done"
        assert second["id"].item() != first["id"].item()

    def test_data_changed_after_a_run_was_queued_are_no_other_run(self, tmp_path, mini):
        data = shutil.copytree(mini, tmp_path / "data")
        store = RunStore(tmp_path / "results")
        store.prepare()
        configs = plan(Request(variants=["clip"], dataset="fairvlmed", data_dir=data))
        (run,) = queue_runs(configs, store)
        notes = data / "gpt-4_summarized_notes.csv"
        text = notes.read_text(encoding="utf-8")
        notes.write_text(text.replace("glaucoma", "cataract"), encoding="utf-8")
        forget()
        with pytest.raises(FairbenchError, match=f"run {run.id} is .* by now: its data"):
            do_run(run, store, Silent(), wait=False)
        assert [path.name for path in store.runs.iterdir()] == [".locks"]


class TestSideBySide:
    @pytest.mark.parametrize(
        ("seeds", "parallel", "processes"),
        [
            ("0-3", 8, 2),  # two are there
            ("0-3", 2, 2),
            ("0-2", 8, None),  # one is to do: this process does it
            ("0-3", 1, None),
        ],
    )
    def test_starts_no_more_processes_than_runs_are_to_do(
        self, train, copied, monkeypatch, seeds, parallel, processes
    ):
        asked = []

        def run_side_by_side(queue, present, store, watcher, n_processes):
            asked.append((len(queue), len(present), n_processes))
            return {run.id: SweepRun(run.config, run.id, "done") for run in queue}

        def run_in_order(queue, store, watcher):
            return run_side_by_side(queue, (), store, watcher, None)

        monkeypatch.setattr("benchmark.sweep.run_side_by_side", run_side_by_side)
        monkeypatch.setattr("benchmark.sweep._run_in_order", run_in_order)
        train("clip-ft", copied, seeds=seeds, keys={"epochs": 2}, parallel=parallel)
        n = int(seeds[-1]) + 1
        assert asked == [(n, 0 if processes is None else 2, processes)]


class TestSharedWork:
    def test_a_probe_waits_for_the_run_that_another_process_holds(self, tmp_path, mini):
        request = Request(
            variants=["clip", "linear-probe"],
            changes={"backbone": "clip-ft", "epochs": 1, "probe_epochs": 1, "batch_size": 48},
            dataset="fairvlmed",
            data_dir=mini,
        )
        configs = plan(request)
        store = RunStore(tmp_path)
        store.prepare()
        backbone = plan_run(configs[1].backbone)
        finished, idle = [], threading.Event()

        class Listening(Silent):
            def on_finished(self, run):
                finished.append((run.config.variant, run.state))
                idle.set()

        found = []
        work = threading.Thread(target=lambda: found.extend(sweep(configs, store, Listening())))
        with store.claim(backbone.id, wait=False) as held:
            assert held
            work.start()
            assert idle.wait(120)
            assert finished == [("clip", "done")]
        work.join(120)
        assert finished == [("clip", "done"), ("clip-ft", "done"), ("linear-probe", "done")]
        assert [run.config.variant for run in found] == ["clip", "clip-ft", "linear-probe"]
