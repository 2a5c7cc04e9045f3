import json
import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from benchmark.batches import StepBatches
from benchmark.cost import (
    FINISHED,
    FORWARD,
    MEASURED,
    _EnoughError,
    _StepTimer,
    estimate_runs,
    run_size,
)
from benchmark.execute import plan_run
from benchmark.plan import Request, plan
from benchmark.results import RunStore
from benchmark.trainer import StepFacts

KEYS = {"epochs": 2, "batch_size": 32}  # as the fixture `trained`


@pytest.fixture
def configs(mini):
    def make(*variants, seeds=(0,), **changes):
        return plan(
            Request(
                variants=variants,
                dataset="fairvlmed",
                data_dir=mini,
                seeds=seeds,
                changes={**KEYS, **changes},
                device="cpu",
            )
        )

    return make


def seconds_of(folder):
    rows = pq.read_table(folder / "epochs.parquet").to_pylist()
    return sum(row["value"] for row in rows if row["kind"] == "seconds")


class TestEstimateRuns:
    def test_of_finished_runs_of_the_kind_is_their_mean(self, configs, trained):
        runs = estimate_runs(configs("clip-ft", seeds=range(4)), RunStore(trained))
        assert [run.present for run in runs] == [True, True, False, False]
        mean = sum(seconds_of(trained / "runs" / run.id) for run in runs[:2]) / 2
        for run in runs[2:]:
            assert run.seconds == pytest.approx(mean)
            assert run.basis == FINISHED
        assert runs[0].seconds == runs[0].size == 0

    def test_more_epochs_take_proportionally_longer(self, configs, trained):
        (two,) = estimate_runs(configs("clip-ft", seeds=[7]), RunStore(trained))
        (six,) = estimate_runs(configs("clip-ft", seeds=[7], epochs=6), RunStore(trained))
        assert six.basis == FINISHED
        assert six.seconds == pytest.approx(3 * two.seconds)

    def test_runs_of_other_hardware_are_not_asked(self, configs, trained, tmp_path):
        results = shutil.copytree(trained, tmp_path / "results")
        for path in results.glob("runs/*/provenance.json"):
            made = json.loads(path.read_text())
            path.write_text(json.dumps({**made, "device_name": "another"}))
        (run,) = estimate_runs(configs("clip-ft", seeds=[7]), RunStore(results))
        assert run.basis == MEASURED
        assert run.seconds > 0

    def test_without_results_steps_are_measured_and_nothing_is_written(self, configs, tmp_path):
        store = RunStore(tmp_path / "results")
        runs = estimate_runs(configs("clip", "fairclip", seeds=(0, 1)), store)
        assert [run.basis for run in runs] == [MEASURED] * 3
        assert all(run.seconds > 0 for run in runs)
        assert runs[1].seconds == runs[2].seconds  # one measurement for both seeds
        assert not store.results.exists()

    def test_of_a_probe_only_forward_passes_are_known(self, configs, tmp_path):
        probe = configs("linear-probe", "clip-ft")[:1]
        (run,) = estimate_runs(probe, RunStore(tmp_path / "results"))
        assert run.basis == FORWARD


class TestStepTimer:
    @pytest.fixture
    def timer(self, monkeypatch):
        """A timer made at 0 s, whose steps are reported at the seconds given."""

        def run(steps, *seconds):
            clock = iter([0.0, *seconds])
            monkeypatch.setattr("benchmark.cost.time.perf_counter", lambda: next(clock))
            made, ended = _StepTimer(), False
            for number, _ in enumerate(seconds, start=1):
                assert not ended
                try:
                    made.on_step(StepFacts(1, number, steps, StepBatches(None, {}), {}))
                except _EnoughError:
                    ended = True
            return made, ended

        return run

    def test_leaves_the_first_step_out_and_ends_after_four_more(self, timer):
        made, ended = timer(100, 50, 53, 56, 59, 62)
        assert ended
        assert (made.steps, made.seconds_a_step) == (100, 3.0)

    def test_goes_on_before_that(self, timer):
        assert not timer(100, 50, 53, 56, 59)[1]

    def test_of_one_step_takes_that_one(self, timer):
        made, ended = timer(1, 50)
        assert ended
        assert (made.steps, made.seconds_a_step) == (1, 50.0)


class TestRunSize:
    def test_is_near_what_a_run_takes(self, configs, trained):
        for config in configs("clip-ft", "fairclip"):
            planned = plan_run(config)
            folder = trained / "runs" / planned.id
            held = sum(path.stat().st_size for path in folder.iterdir())
            assert held / 1.5 < run_size(planned) < held * 1.5

    def test_is_a_quarter_of_a_megabyte_for_ten_epochs_of_fairvlmed(self, configs):
        (config,) = configs("clip-ft", epochs=10)
        planned = plan_run(config)

        sizes = {"train": range(7000), "val": range(1000), "test": range(2000)}
        fairvlmed = replace(planned, data=replace(planned.data, splits=sizes))
        assert run_size(fairvlmed) == pytest.approx(0.28e6, rel=0.15)

    def test_weights_that_are_kept_are_float32(self, configs):
        (config,) = configs("clip-ft")
        bare = run_size(plan_run(config))
        kept = run_size(plan_run(config.model_copy(update={"keep": ("last", "val-auc")})))
        parameters = sum(p.numel() for p in plan_run(config).model.module.parameters())
        assert kept - bare == 2 * 4 * parameters
