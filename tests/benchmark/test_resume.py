import json
import subprocess
import sys

import pytest

from benchmark import resume as module
from benchmark.execute import plan_run
from benchmark.known_weights import known_weights, remember_weights
from benchmark.plan import Request, plan
from benchmark.results import RunStore
from benchmark.resume import resume
from benchmark.suite import Suite, SuiteRun
from benchmark.suite_lists import suite_run_ids
from benchmark.sweep import Silent, sweep


@pytest.fixture
def configs(mini):
    def of(*variants, **more):
        request = Request(
            variants=variants, dataset="fairvlmed", data_dir=mini, seeds=(0, 1), **more
        )
        return plan(request)

    return of


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "results")


def finish(store, configs):
    """Store a run without content for each configuration; return the ids."""
    store.prepare()
    ids = [plan_run(config).id for config in configs]
    for run in ids:
        (store.runs / run).mkdir()
        (store.runs / run / "status.json").write_text(json.dumps({"state": "done"}))
    return ids


class Told(Silent):
    def __init__(self):
        self.planned, self.finished = [], []

    def on_plan(self, runs):
        self.planned += runs

    def on_finished(self, run):
        self.finished.append(run)


class TestResume:
    def test_of_runs_that_are_all_there_it_says_what_sweep_says(self, configs, store):
        asked = configs("clip", "clip-ft", "fairclip")
        ids = finish(store, asked)
        ours, theirs = Told(), Told()
        found = resume([*asked, asked[0]], store, ours)
        assert found == sweep([*asked, asked[0]], store, theirs)
        assert [run.id for run in found] == ids
        assert (ours.planned, ours.finished) == (theirs.planned, theirs.finished)

    def test_with_one_run_missing_it_leaves_all_to_sweep(self, configs, store):
        asked = configs("clip-ft", "fairclip")
        *_, last = finish(store, asked)
        (store.runs / last).rename(store.runs / f"{last}.partial")
        told = Told()
        assert resume(asked, store, told) is None
        assert told.planned == []

    def test_weights_to_keep_are_for_sweep_to_look_at(self, configs, store):
        finish(store, configs("clip-ft"))
        assert resume(configs("clip-ft", keep_checkpoint=("last",)), store, Silent()) is None

    def test_data_that_cannot_be_read_is_for_sweep_to_say(self, configs, store, tmp_path):
        asked = configs("clip")
        finish(store, asked)
        gone = asked[0].dataset.model_copy(update={"data_dir": tmp_path / "gone"})
        moved = [config.model_copy(update={"dataset": gone}) for config in asked]
        assert resume(moved, store, Silent()) is None

    def test_of_weights_never_loaded_here_nothing_is_known(
        self, configs, store, tmp_path, monkeypatch
    ):
        asked = configs("clip")
        finish(store, asked)
        monkeypatch.setenv("FAIRBENCH_CACHE", str(tmp_path / "new"))
        assert resume(asked, store, Silent()) is None

    def test_the_list_of_a_suite_is_written_too(self, configs, store):
        asked = configs("clip")
        ids = finish(store, asked)
        suite = Suite(name="mine", question="", runs=(SuiteRun(variant="clip"),))
        resume(asked, store, Silent(), suite)
        assert suite_run_ids(store.results, "mine") == set(ids)

    def test_brings_no_torch(self):
        script = f"import sys, {module.__name__}; assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", script], check=True)


class TestKnownWeights:
    def test_are_those_that_were_loaded_with_this_name_file_and_seed(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRBENCH_CACHE", str(tmp_path / "cache"))
        file = tmp_path / "weights.safetensors"
        file.write_bytes(b"one")
        for known in (("tiny", None, 0), ("ViT-B-32", None, 3), ("ViT-B-32", str(file), 0)):
            assert known_weights(*known) is None
            remember_weights(*known, weights_hash=f"hash of {known}")
            assert known_weights(*known) == f"hash of {known}"
        assert known_weights("ViT-B-32", None, 4) is None
        assert known_weights("ViT-B-16", None, 3) is None
        file.write_bytes(b"two")
        assert known_weights("ViT-B-32", str(file), 0) is None

    @pytest.mark.parametrize("name", ["hf-hub:a/b", "blip2:x", "no-such-architecture"])
    def test_of_what_can_change_elsewhere_nothing_is_kept(self, name, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRBENCH_CACHE", str(tmp_path))
        remember_weights(name, None, 0, weights_hash="h")
        assert known_weights(name, None, 0) is None
        assert not (tmp_path / "weights").exists()
