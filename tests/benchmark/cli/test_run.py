import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
import yaml

import benchmark.cli.dry_run
import benchmark.cost
import benchmark.execute
from benchmark.cli.run import parse_keys
from benchmark.cost import MEASURED, RunCost
from benchmark.errors import FairbenchError
from benchmark.predictions import read_predictions

SHORT = ["--epochs", "1", "--set", "batch_size=48"]


def whole(folder):
    """Return the files of a run after checking that each can be read and no epoch is missing."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    status = json.loads((folder / "status.json").read_text())
    assert json.loads((folder / "provenance.json").read_text())["finished"]
    assert pq.read_table(folder / "epochs.parquet").num_rows > 0
    last = config["protocol"]["epochs"] if config["trains"] else 0
    assert (status["state"], status["epochs"]) == ("done", last)
    epochs = list(range(1, last + 1)) or [0]
    for part in read_predictions(folder).values():
        assert part.epochs.tolist() == epochs
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def finished(results):
    runs = results / "runs"
    return {p.name: whole(p) for p in runs.glob("*") if p.is_dir() and "." not in p.name}


class TestOutput:
    def test_a_line_for_the_dataset_and_for_each_run(self, fairbench, tmp_path, mini_options):
        result = fairbench(
            "run", "--variant", "clip", "--variant", "clip-ft", *mini_options, *SHORT,
            "--results", tmp_path,
        )  # fmt: skip
        assert result.code == 0
        ids = {
            yaml.safe_load(p.read_text())["variant"]: p.parent.name
            for p in tmp_path.glob("runs/*/config.yaml")
        }
        fingerprint = yaml.safe_load((tmp_path / "runs" / ids["clip"] / "config.yaml").read_text())[
            "dataset"
        ]["fingerprint"]
        lines = [re.sub(r" \(about \d+ s left\)$", "", one) for one in result.out.splitlines()]
        assert lines == [
            "2 runs, 2 to do",
            "key 'batch_size' is not used by clip",
            "key 'epochs' is not used by clip",
            f"dataset fairvlmed {fingerprint[:12]}: 96 train, 36 val, 54 test samples; dropped for "
            "unknown attributes: 4 val and 6 test; notes cut to the model's context: 0",
            f"done      {ids['clip']}  clip",
            f"done      {ids['clip-ft']}  clip-ft, seed 0",
            f"2 runs in {tmp_path}/runs: 2 done",
        ]

    def test_keeps_the_weights_of_the_rules_named(self, fairbench, tmp_path, mini_options):
        result = fairbench(
            "run", "--variant", "clip-ft", *mini_options, *SHORT, "--results", tmp_path,
            "--keep-checkpoint", "last", "--keep-checkpoint", "val-auc",
        )  # fmt: skip
        assert result.code == 0
        [kept] = tmp_path.rglob("checkpoint_*")
        assert kept.name == "checkpoint_epoch_1.safetensors"

    def test_a_second_start_says_present(self, fairbench, trained, mini_options):
        result = fairbench("run", "--variant", "clip", *mini_options, "--results", trained)
        assert result.code == 0
        first, run, last = result.out.splitlines()
        assert first == "1 runs, 0 to do"
        assert run.startswith("present ")
        assert last.endswith("1 present")

    def test_a_diverged_run_names_its_reason_and_is_no_failure(
        self, fairbench, tmp_path, mini_options
    ):
        result = fairbench(
            "run", "--variant", "fairclip", *mini_options, *SHORT, "--set", "weight=1e38",
            "--results", tmp_path,
        )  # fmt: skip
        assert result.code == 0
        assert "seed 0: epoch 1, step 1 of 2: term 'fairness' is" in result.out

    def test_a_failure_is_exit_code_1_and_the_other_runs_are_done(
        self, fairbench, tmp_path, mini_options, monkeypatch
    ):
        train = benchmark.execute.train

        def fail(config, *rest):
            if config.variant == "clip-ft":
                raise RuntimeError("out of\nmemory")
            return train(config, *rest)

        monkeypatch.setattr(benchmark.execute, "train", fail)
        result = fairbench(
            "run", "--variant", "clip-ft", "--variant", "clip", *mini_options,
            "--results", tmp_path,
        )  # fmt: skip
        assert result.code == 1
        assert result.err == ""
        assert "clip-ft, seed 0: RuntimeError: out of memory" in result.out
        *_, again, counts = result.out.splitlines()
        assert re.fullmatch(r"failed: clip-ft, run \w+: RuntimeError: out of memory", again)
        assert counts.endswith("1 failed, 1 done")
        (failed,) = tmp_path.glob("runs/*.failed")
        assert json.loads((failed / "status.json").read_text())["state"] == "failed"
        assert len(finished(tmp_path)) == 1

    def test_an_interruption_is_one_line_and_exit_code_130(
        self, fairbench, tmp_path, mini_options, monkeypatch
    ):
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(benchmark.execute, "train", interrupt)
        result = fairbench("run", "--variant", "clip", *mini_options, "--results", tmp_path)
        assert result.code == 130
        assert result.err == "fairbench: interrupted; finished runs are kept\n"
        assert [path.name for path in (tmp_path / "runs").iterdir()] == [".locks"]


class TestDryRun:
    def test_lists_runs_time_and_disk_and_writes_nothing(self, fairbench, tmp_path, mini_options):
        options = ["--variant", "clip", *mini_options, "--results", tmp_path / "results"]
        result = fairbench("run", *options, "--dry-run")
        assert result.code == 0
        run, counts, time, disk = result.out.splitlines()
        assert re.fullmatch(r"to do  [0-9a-f]{16}  clip: about \d+ s", run)
        assert counts == f"1 runs in {tmp_path}/results/runs, 0 done, 1 to do"
        assert re.fullmatch(r"time: about \d+ s one after another \(1 from measured steps\)", time)
        assert disk == "disk: about 0.01 MB"
        assert not (tmp_path / "results").exists()

    def test_says_what_runs_side_by_side_take(self, fairbench, tmp_path, mini_options, monkeypatch):
        def estimate(configs, store):
            return [RunCost(c, "a", False, 60.0, 0, MEASURED) for c in configs]

        monkeypatch.setattr(benchmark.cost, "estimate_runs", estimate)
        monkeypatch.setattr(benchmark.cli.dry_run, "usable_cores", lambda: 6)
        options = ["--variant", "clip-ft", "--seeds", "0-6", *mini_options, "--results", tmp_path]
        for parallel, threads, said in [
            (3, 1, "3 min 3 side by side"),
            (99, 1, "2 min 99 side by side"),  # six cores drive six
            (3, 4, "7 min 3 side by side"),
        ]:
            result = fairbench(
                "run", *options, "--dry-run", "--parallel", parallel, "--threads", threads
            )
            assert result.code == 0
            *_, alone, together, _ = result.out.splitlines()
            assert alone.startswith("time: about 7 min one after another")
            assert together == f"time: about {said}"

    def test_says_what_is_done(self, fairbench, trained, mini_options):
        result = fairbench(
            "run", "--variant", "clip", *mini_options, "--results", trained, "--dry-run"
        )
        done, counts = result.out.splitlines()
        assert done.startswith("done   ")
        assert counts.endswith("1 done, 0 to do")


class TestTimeLeft:
    def test_is_said_after_each_run_but_the_last(self, fairbench, tmp_path, mini_options):
        result = fairbench(
            "run", "--variant", "clip-ft", "--seeds", "0-2", *mini_options, *SHORT,
            "--results", tmp_path,
        )  # fmt: skip
        runs = [line for line in result.out.splitlines() if line.startswith("done")]
        assert [bool(re.search(r"\(about \d+ s left\)$", run)) for run in runs] == [
            True, True, False,
        ]  # fmt: skip


class TestNoNotes:
    def test_no_piece_of_a_note_is_in_results_report_or_output(
        self, fairbench, trained, mini, mini_options, tmp_path
    ):
        results = tmp_path / "results"
        shutil.copytree(trained, results)
        run = fairbench("run", "--variant", "clip-ft", *mini_options, *SHORT, "--results", results)
        report = fairbench("compare", results, "--out", tmp_path / "out")
        assert (run.code, report.code) == (0, 0)
        texts = [run.out, run.err, report.out, report.err]
        for path in [*results.rglob("*"), *(tmp_path / "out").rglob("*")]:
            if path.suffix == ".parquet":
                table = pq.read_table(path)
                for name in table.column_names:
                    if "string" in str(table.schema.field(name).type):
                        texts += table.column(name).to_pylist()
            elif path.is_file():
                texts.append(path.read_text(encoding="utf-8"))
        held = "\n".join(set(texts))
        notes = (mini / "gpt-4_summarized_notes.csv").read_text(encoding="utf-8")
        pieces = {notes[i : i + 20] for i in range(len(notes) - 19)}
        pieces = {piece for piece in pieces if "\n" not in piece and ".npz" not in piece}
        pieces = {piece for piece in pieces if piece not in "A photo of non-glaucoma"}  # a prompt
        assert len(pieces) > 1000
        assert not {held[i : i + 20] for i in range(len(held) - 19)} & pieces


class TestKilled:
    @pytest.fixture
    def command(self, mini_options, tmp_path):
        return [
            "run", "--variant", "clip", "--variant", "clip-ft", "--variant", "fairclip",
            "--seeds", "0-1", *mini_options, *SHORT, "--results", str(tmp_path),
        ]  # fmt: skip

    def kill(self, forks, command, results, delays):
        """Kill and start again; what is finished must be whole and never change."""
        before, kills = {}, 0
        for delay in delays:
            (result,) = forks(*command, kill_after=delay)
            kills += result.code == -signal.SIGKILL
            after = finished(results)
            assert {name: after.get(name) for name in before} == before
            before = after
        (result,) = forks(*command)
        assert result.code == 0, result.out
        after = finished(results)
        assert {name: after[name] for name in before} == before
        assert len(after) == 5
        assert {p.name for p in (results / "runs").iterdir()} == {".locks", *after}
        return kills

    def test_at_a_few_moments_every_finished_run_is_whole(self, forks, command, tmp_path):
        delays = [random.Random(7).uniform(0, 1.5) for _ in range(3)]
        assert self.kill(forks, command, tmp_path, delays) > 0

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(5))
    def test_at_many_moments_every_finished_run_is_whole(self, forks, command, tmp_path, seed):
        draw = random.Random(seed)
        assert self.kill(forks, command, tmp_path, [draw.uniform(0, 2) for _ in range(20)]) > 0

    def before_operation(self, forks, results, mini_options, number):
        """Kill one run before its n-th file operation, and start it again."""
        command = ["run", "--variant", "clip", *mini_options, "--results", str(results)]
        (killed,) = forks(*command, kill_at=number, results=results)
        before = finished(results)
        (result,) = forks(*command)
        assert result.code == 0, result.out
        after = finished(results)
        assert len(after) == 1
        assert after == before or not before
        assert {p.name for p in (results / "runs").iterdir()} == {".locks", *after}
        return killed.code

    @pytest.mark.parametrize("number", [5, 14])
    def test_before_a_file_operation_nothing_half_looks_whole(
        self, forks, tmp_path, mini_options, number
    ):
        code = self.before_operation(forks, tmp_path, mini_options, number)
        assert code == -signal.SIGKILL

    @pytest.mark.slow
    def test_before_any_file_operation_nothing_half_looks_whole(
        self, forks, tmp_path, mini_options
    ):
        number, code = 0, -signal.SIGKILL
        while code == -signal.SIGKILL:
            number += 1
            results = tmp_path / str(number)
            code = self.before_operation(forks, results, mini_options, number)
        assert code == 0
        assert number > 15


class TestInterrupted:
    def test_finished_runs_are_kept_and_nothing_else(self, forks, tmp_path, mini_options):
        command = ["run", "--variant", "clip-ft", "--seeds", "0-30", *mini_options, *SHORT]
        (result,) = forks(
            *command, "--results", tmp_path, kill_after=1.5, signal=signal.SIGINT.value
        )
        assert result.code == 130
        assert result.out.splitlines()[-1] == "fairbench: interrupted; finished runs are kept"
        done = [line.split()[1] for line in result.out.splitlines() if line.startswith("done")]
        assert set(done) <= finished(tmp_path).keys()
        assert not list(tmp_path.glob("runs/*.partial"))


def children_of(pid):
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=True)
    pairs = [line.split() for line in table.stdout.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def group_lives(leader):
    """Return whether any process of a session's first group is there."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


class TestSideBySide:
    """With real processes; the rest is in `test_side_by_side.py` and `test_worker.py`."""

    SLOW = ("--set", "batch_size=48", "--epochs", "300", "--variant", "clip-ft")

    @pytest.fixture
    def start(self, tmp_path, mini_options):
        """Start a command in a session of its own, and wait until its runs are under way."""
        started = []

        def begin(*argv, runs=2):
            command = [sys.executable, "-c", "from benchmark.cli.main import main; main()"]
            command += ["run", *argv, *mini_options, "--results", str(tmp_path), "--parallel", "2"]
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            started.append(process)
            while len(list(tmp_path.glob("runs/*.partial/config.yaml"))) < runs:
                assert process.poll() is None
                time.sleep(0.05)
            return process, children_of(process.pid)

        yield begin
        for process in started:
            process.kill()
            process.wait()

    @pytest.mark.slow
    def test_an_interruption_ends_all_processes_and_leaves_nothing(self, start, tmp_path):
        process, children = start(*self.SLOW, "--seeds", "0-5")
        assert len(children) == 2
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130
        assert error == "fairbench: interrupted; finished runs are kept\n"
        assert not group_lives(process.pid)
        assert [path.name for path in (tmp_path / "runs").iterdir()] == [".locks"]

    @pytest.mark.slow
    def test_a_killed_command_leaves_no_process(self, start):
        process, _ = start(*self.SLOW, "--seeds", "0-5")
        process.kill()
        process.wait()
        deadline = time.monotonic() + 30
        while group_lives(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    @pytest.mark.slow
    def test_a_killed_process_is_a_failed_run_and_the_others_are_done(self, start, tmp_path):
        process, children = start(
            "--set", "batch_size=48", "--epochs", "20", "--variant", "clip-ft", "--seeds", "0-2"
        )
        os.kill(children[0], signal.SIGKILL)
        out, error = process.communicate(timeout=600)
        assert (process.returncode, error) == (1, "")
        assert out.splitlines()[-1].endswith("2 done, 1 failed")
        assert "its process was ended by SIGKILL" in out
        assert len(finished(tmp_path)) == 2
        (failed,) = tmp_path.glob("runs/*.failed")
        assert json.loads((failed / "status.json").read_text())["state"] == "failed"
        assert not list(tmp_path.glob("runs/*.partial"))


class TestTwoProcesses:
    def test_share_the_work_and_do_no_run_twice(self, forks, tmp_path, mini_options):
        results = forks(
            "run", "--variant", "clip-ft", "--seeds", "0-2", *mini_options, *SHORT,
            "--results", tmp_path, count=2,
        )  # fmt: skip
        assert [result.code for result in results] == [0, 0], results
        states = [
            {
                line.split()[1]: line.split()[0]
                for line in result.out.splitlines()
                if ", seed" in line
            }
            for result in results
        ]
        assert states[0].keys() == states[1].keys() == finished(tmp_path).keys()
        assert len(states[0]) == 3
        for run_id in states[0]:
            assert sorted(state[run_id] for state in states) == ["done", "present"]
        assert {path.name for path in (tmp_path / "runs").iterdir()} == {".locks", *states[0]}

    def test_a_fresh_process_gets_the_same_bits(self, forks, tmp_path, mini_options, trained):
        (result,) = forks(
            "run", "--variant", "clip-ft", "--seeds", "1", *mini_options, "--epochs", "2",
            "--set", "batch_size=32", "--results", tmp_path,
        )  # fmt: skip
        assert result.code == 0
        (run_id,) = finished(tmp_path)
        ours, theirs = (read_predictions(r / "runs" / run_id) for r in (tmp_path, trained))
        for name in ("val", "test"):
            assert ours[name].score.tobytes() == theirs[name].score.tobytes()
            assert ours[name].similarity.tobytes() == theirs[name].similarity.tobytes()


class TestParseKeys:
    def test_values_are_yaml(self):
        assert parse_keys(["weight=1e-7", "trained=all", "note_characters=null", "lr=.5"]) == {
            "weight": 1e-7,
            "trained": "all",
            "note_characters": None,
            "lr": 0.5,
        }

    def test_a_value_may_hold_an_equals_sign(self):
        assert parse_keys(["a=b=c"]) == {"a": "b=c"}

    @pytest.mark.parametrize("setting", ["weight", "=1", "weight=", ""])
    def test_anything_else_says_what_is_expected(self, setting):
        with pytest.raises(FairbenchError, match="expected key=value"):
            parse_keys([setting])

    def test_a_key_given_twice_is_an_error(self):
        with pytest.raises(FairbenchError, match="'lr' is given twice"):
            parse_keys(["lr=1", "lr=2"])
