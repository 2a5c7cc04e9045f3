"""Real processes: the same bits as in this one, and an end with the one that asks."""

import pickle
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pandas as pd
import pytest

from benchmark.run_messages import Begun, RunProgress, Setting, Task
from benchmark.worker import _Reporter

OWN_VARIANT = '''
"""Clip-ft with a loss of its own: the square of the similarity, weighed until it diverges."""

from typing import ClassVar

from variants.contrastive import contrastive_loss
from variants.objective import Objective, Term, key


class Own(Objective):
    kind: ClassVar[str] = "own"
    own_weight: float = key(1.0, "of the square", paper="none")

    def terms(self, batch, groups):
        print("a worker's output is no place for a variant's")
        square = (batch.image * batch.text).sum(dim=1).square().mean()
        return {"clip": Term(contrastive_loss(batch)), "own": Term(square, self.own_weight)}


VARIANT = Own(own_selection="val-auc")
'''


def files(results):
    """Return what runs hold, but for the times in them."""
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in results.glob("runs/*/*")
        if path.suffix in {".yaml", ".safetensors"}
        or path.name in {"predictions.parquet", "status.json"}
    }


class TestSameBits:
    def test_runs_side_by_side_are_those_of_one_process(self, train, tmp_path):
        own = tmp_path / "own_method.py"
        own.write_text(OWN_VARIANT)
        asked = {
            "variants": ["fairclip", str(own), "linear-probe"],
            "keys": {"backbone": "clip-ft", "probe_epochs": 1, "batch_size": 48, "weight": 1e38},
            "keep_checkpoint": "last",
        }
        serial = train(results=tmp_path / "serial", **asked)
        parallel = train(results=tmp_path / "parallel", parallel=2, **asked)
        assert serial["state"].tolist() == ["diverged", "done", "done", "done"]
        pd.testing.assert_frame_equal(parallel, serial)
        expected = files(tmp_path / "serial")
        assert sum(name.endswith("predictions.parquet") for name in expected) == 4
        assert sum(name.endswith("safetensors") for name in expected) == 2
        assert files(tmp_path / "parallel") == expected
        assert not list(tmp_path.glob("parallel/runs/*.partial"))


BUSY = """
import sys, types
sys.modules["torch"] = types.SimpleNamespace(set_num_threads=lambda n: None)
from benchmark import worker

def work(task, store, tell):
    tell("busy")
    while True:
        sum(range(10_000))

worker._do = work
worker.main()
"""


class TestEndOfInput:
    @pytest.fixture
    def busy(self, tmp_path):
        """Return a process that has a task which takes for ever."""
        process = subprocess.Popen(
            [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        pickle.dump(Setting(tmp_path, ["fairbench", "run"], 1), process.stdin)
        pickle.dump(Task(b"", (), wait=False), process.stdin)
        process.stdin.flush()
        assert pickle.load(process.stdout) == "busy"
        yield process
        process.kill()
        process.wait()

    def test_ends_a_process_in_the_middle_of_a_run(self, busy):
        busy.stdin.close()
        assert busy.wait(timeout=60) == 0

    def test_an_interruption_is_for_the_process_that_asks(self, busy):
        busy.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            busy.wait(timeout=0.3)


class TestReporter:
    def test_tells_of_steps_now_and_then_and_of_every_epoch(self, monkeypatch):
        now = [100.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        told = []
        reporter = _Reporter(told.append)
        reporter.on_run(None)
        for step in range(1, 5):
            now[0] += 0.15
            reporter.on_step(SimpleNamespace(epoch=2, step=step, steps=4, loss=0.1 * step))
        reporter.on_epoch(SimpleNamespace(epoch=2))
        assert told == [
            Begun(), RunProgress(1.25, 2, 0.1), RunProgress(1.75, 2, 0.1 * 3), RunProgress(2.0, 2),
        ]  # fmt: skip
