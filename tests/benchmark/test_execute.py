import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

import benchmark.execute
from benchmark.config import DatasetConfig, resolve
from benchmark.errors import FairbenchError
from benchmark.execute import plan_run
from benchmark.predictions import read_predictions
from benchmark.registry import find_variant


def scores(results, run_id):
    return {
        (name, kind): getattr(part, kind).tobytes()
        for name, part in read_predictions(results / "runs" / run_id).items()
        for kind in ("score", "similarity")
    }


@pytest.fixture(scope="module")
def diverged(train, tmp_path_factory):
    results = tmp_path_factory.mktemp("diverged")
    return results, train(["fairclip", "clip-ft"], results, keys={"weight": 1e38})


@pytest.fixture
def broken_at(monkeypatch):
    """Make the recording of one epoch raise."""

    def at(epoch, error):
        original = benchmark.execute.Recorder.on_epoch

        def on_epoch(self, facts):
            if facts.epoch == epoch:
                raise error
            original(self, facts)

        monkeypatch.setattr(benchmark.execute.Recorder, "on_epoch", on_epoch)

    return at


class TestSameConfiguration:
    def test_two_results_folders_get_bit_identical_predictions(self, train, trained, tmp_path):
        table = train("fairclip", tmp_path, seeds=1, keys={"epochs": 2})
        run_id = table["id"].item()
        assert scores(tmp_path, run_id) == scores(trained, run_id)

    def test_seeds_differ(self, trained):
        runs = [yaml.safe_load(p.read_text()) for p in trained.glob("runs/*/config.yaml")]
        ids = [p.parent.name for p in trained.glob("runs/*/config.yaml")]
        by_seed = {
            c["seed"]: scores(trained, i)
            for i, c in zip(ids, runs, strict=True)
            if c["variant"] == "clip-ft"
        }
        assert by_seed[0] != by_seed[1]

    def test_at_weight_zero_all_group_methods_are_plain_fine_tuning(self, train, tmp_path):
        weightless = train(
            ["clip-ft", "fairclip", "a-fairclip"], tmp_path, seeds=3, keys={"weight": 0}
        )
        plain, *others = weightless["id"]
        assert len({plain, *others}) == 3
        for run_id in others:
            assert scores(tmp_path, run_id) == scores(tmp_path, plain)
        weighted = train("fairclip", tmp_path, seeds=3, keys={"weight": 1e-3})
        assert scores(tmp_path, weighted["id"].item()) != scores(tmp_path, plain)


class TestRunFolder:
    def test_holds_its_five_files(self, trained):
        for folder in (trained / "runs").glob("[0-9a-f]*"):
            assert sorted(path.name for path in folder.iterdir()) == [
                "config.yaml",
                "epochs.parquet",
                "predictions.parquet",
                "provenance.json",
                "status.json",
            ]

    def test_configuration_holds_every_key_and_what_identifies_the_run(self, trained):
        for path in trained.glob("runs/*/config.yaml"):
            config = yaml.safe_load(path.read_text())
            assert config["dataset"]["samples"] == {"train": 96, "val": 36, "test": 54}
            assert config["dataset"]["dropped_unknown"] == {"train": 0, "val": 4, "test": 6}
            assert config["identity"]["dataset"] == config["dataset"]["fingerprint"]
            assert config["identity"]["weights"] == config["model"]["weights"]
            assert ("lr" in config["protocol"]) == config["trains"]
            assert (config["seed"] is None) == (config["variant"] == "clip")

    def test_has_the_form_of_runs_written_by_hand(self, trained, write_run):
        by_hand = yaml.safe_load((write_run() / "config.yaml").read_text())
        for path in trained.glob("runs/*/config.yaml"):
            config = yaml.safe_load(path.read_text())
            assert config.keys() == by_hand.keys()
            for section in ("dataset", "model"):
                assert config[section].keys() == by_hand[section].keys()

    def test_every_epoch_has_all_kept_samples_of_validation_and_test(self, trained):
        for folder in (trained / "runs").glob("[0-9a-f]*"):
            epochs = [0] if "zero-shot" in (folder / "config.yaml").read_text() else [1, 2]
            found = read_predictions(folder)
            assert {name: part.score.shape for name, part in found.items()} == {
                "val": (len(epochs), 36),
                "test": (len(epochs), 54),
            }
            assert found["test"].epochs.tolist() == epochs
            assert json.loads((folder / "status.json").read_text())["epochs"] == epochs[-1]

    def test_epochs_hold_every_term_with_its_gradient_norm(self, trained):
        for path in trained.glob("runs/*/config.yaml"):
            variant = yaml.safe_load(path.read_text())["variant"]
            table = pd.read_parquet(path.parent / "epochs.parquet")
            terms = {"clip": set(), "clip-ft": {"clip"}, "fairclip": {"clip", "fairness"}}[variant]
            for kind in ("term", "gradient_norm", "weight"):
                found = table[table["kind"] == kind]
                assert set(found["name"]) == terms
                assert found["value"].notna().all()
            assert "test/race/asian" in set(table.loc[table["kind"] == "distance", "name"])


@pytest.fixture(scope="module")
def dropped(train, tmp_path_factory):
    results = tmp_path_factory.mktemp("dropped")
    keys = {"last_batch": "dropped", "group_batch": 2}
    with pytest.warns(UserWarning, match="key 'group_batch' is not used by clip-ft"):
        table = train(["clip-ft", "fairclip"], results, keys=keys)
    return {run.variant: results / "runs" / run.id for run in table.itertuples()}


class TestKeys:
    def test_that_a_run_ignores_are_named_in_its_configuration(self, dropped):
        found = {
            name: yaml.safe_load((folder / "config.yaml").read_text())["ignored_keys"]
            for name, folder in dropped.items()
        }
        assert found == {"clip-ft": ["group_batch"], "fairclip": []}

    def test_last_batch_dropped_leaves_whole_batches_of_validation_and_all_of_test(self, dropped):
        for folder in dropped.values():
            found = read_predictions(folder)
            assert {name: part.score.shape for name, part in found.items()} == {
                "val": (1, 32),
                "test": (1, 54),
            }

    def test_that_leave_a_group_without_a_batch_are_refused_before_anything_runs(self, mini):
        config = resolve(
            find_variant("fairclip"),
            changes={"last_batch": "dropped", "group_batch": 64},
            dataset=DatasetConfig(name="fairvlmed", data_dir=mini),
        )
        with pytest.raises(FairbenchError, match=r"group race/asian has 13 samples, less than"):
            plan_run(config)

    @pytest.mark.parametrize("preset", ["tiny", "official"])
    def test_of_batch_norm_are_refused_where_none_moves(self, preset, mini):
        config = resolve(
            find_variant("fairclip"),
            preset=preset,
            changes={"group_batch_norm": "moved"},
            dataset=DatasetConfig(name="fairvlmed", data_dir=mini),
        )
        with pytest.raises(FairbenchError, match="group_batch_norm=moved has no effect, model"):
            plan_run(config)


class TestDiverged:
    def test_is_a_result_and_the_sweep_goes_on(self, diverged):
        results, table = diverged
        assert dict(zip(table["variant"], table["state"], strict=True)) == {
            "fairclip": "diverged",
            "clip-ft": "done",
        }
        assert (results / "runs" / table["id"][0] / "status.json").is_file()

    def test_message_names_epoch_step_and_term(self, diverged):
        results, table = diverged
        status = json.loads((results / "runs" / table["id"][0] / "status.json").read_text())
        assert status["state"] == "diverged"
        assert status["message"] == table["message"][0]
        assert "epoch 1, step 1 of 3: term 'fairness' is" in status["message"]

    def test_what_was_known_can_be_read(self, diverged):
        results, table = diverged
        folder = results / "runs" / table["id"][0]
        assert read_predictions(folder) == {}
        assert pq.read_table(folder / "predictions.parquet").num_rows == 0
        epochs = pd.read_parquet(folder / "epochs.parquet").set_index(["kind", "name"])["value"]
        assert epochs["steps", ""] == 1
        assert epochs["term", "clip"] > 0


class TestFailed:
    def test_is_set_aside_with_its_reason_and_the_sweep_goes_on(self, train, tmp_path, broken_at):
        broken_at(1, RuntimeError("mat1 and mat2\n  cannot be multiplied"))
        table = train(["clip-ft", "clip"], tmp_path)
        assert table["state"].tolist() == ["failed", "done"]
        folder = tmp_path / "runs" / f"{table['id'][0]}.failed"
        status = json.loads((folder / "status.json").read_text())
        assert status["state"] == "failed"
        assert status["message"] == "RuntimeError: mat1 and mat2 cannot be multiplied"
        assert any("on_epoch" in line for line in status["traceback"])
        assert not (tmp_path / "runs" / table["id"][0]).exists()

    def test_a_retry_deletes_it(self, train, tmp_path, broken_at, monkeypatch):
        with monkeypatch.context():
            broken_at(1, RuntimeError("no"))
            run_id = train("clip-ft", tmp_path)["id"].item()
            monkeypatch.undo()
        assert train("clip-ft", tmp_path)["state"].item() == "done"
        assert not (tmp_path / "runs" / f"{run_id}.failed").exists()
        assert (tmp_path / "runs" / run_id).is_dir()

    def test_an_interruption_leaves_no_folder(self, train, tmp_path, broken_at):
        broken_at(1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            train("clip-ft", tmp_path)
        assert [path.name for path in (tmp_path / "runs").iterdir()] == [".locks"]


class TestProvenance:
    def test_says_with_what_and_when(self, trained):
        from importlib.metadata import version

        for path in trained.glob("runs/*/provenance.json"):
            found = json.loads(path.read_text())
            assert found["packages"]["torch"] == version("torch")
            assert found["packages"]["open_clip_torch"] == version("open_clip_torch")
            assert found["device"] == "cpu"
            started, finished = (pd.Timestamp(found[key]) for key in ("started", "finished"))
            assert started.tzinfo is not None
            assert started <= finished <= pd.Timestamp.now("UTC")
