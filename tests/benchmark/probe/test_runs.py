"""Probes as runs: from the command's words to folders and one table."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import benchmark
from benchmark.checkpoints import checkpoint_name, find_checkpoint
from benchmark.config import run_id
from benchmark.predictions import read_predictions
from benchmark.results import RunStore

TRAINING = {"epochs": 2, "batch_size": 32}  # of the runs in `trained`
PROBE = {"probe_epochs": 12, "probe_lr": 10.0}
TUNED = "linear-probe[backbone=clip-ft, features=image+text, probe_epochs=12, probe_lr=10]"


@pytest.fixture(scope="module")
def probed(
    trained: Path, train: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """The session's runs with probes of the initial and of fine-tuned weights added."""
    results = tmp_path_factory.mktemp("probed") / "results"
    shutil.copytree(trained, results)
    names = ["clip", "clip-ft", "linear-probe"]
    initial = train(names, results, seeds="0-1", keys={**TRAINING, **PROBE})
    keys = {**TRAINING, **PROBE, "backbone": "clip-ft", "features": "image+text"}
    return results, initial, train("linear-probe", results, keys=keys, seeds="0-1")


def config_of(results: Path, run: str) -> Any:
    return yaml.safe_load((results / "runs" / run / "config.yaml").read_text())


class TestInitialWeights:
    def test_one_command_has_all_three(self, probed: Any) -> None:
        _, initial, _ = probed
        assert initial["variant"].tolist() == [
            "clip", "clip-ft", "clip-ft", "linear-probe", "linear-probe"
        ]  # fmt: skip
        assert initial["state"].tolist() == ["present"] * 3 + ["done"] * 2

    def test_every_tenth_epoch_and_the_last_are_stored(self, probed: Any) -> None:
        results, initial, _ = probed
        for part in read_predictions(results / "runs" / initial["id"].iloc[-1]).values():
            assert part.epochs.tolist() == [10, 12]

    def test_terms_of_every_epoch_are_stored(self, probed: Any) -> None:
        results, initial, _ = probed
        table = pd.read_parquet(results / "runs" / initial["id"].iloc[-1] / "epochs.parquet")
        losses = table[(table["kind"] == "term") & (table["name"] == "probe")]
        assert losses["epoch"].tolist() == list(range(1, 13))
        assert losses["value"].iloc[-1] < losses["value"].iloc[0]

    def test_similarity_is_that_of_clip(self, probed: Any) -> None:
        results, initial, _ = probed
        clip, probe = (read_predictions(results / "runs" / initial["id"].iloc[i]) for i in (0, -1))
        for name in ("val", "test"):
            assert (probe[name].similarity == clip[name].similarity).all()
            assert (probe[name].sample_id == clip[name].sample_id).all()

    def test_only_keys_of_features_are_conditions(self, probed: Any) -> None:
        results, initial, _ = probed
        config = config_of(results, initial["id"].iloc[-1])
        assert set(config["protocol"]) == {
            "label", "resize", "note_characters", "long_notes", "precision", "mode"
        }  # fmt: skip
        assert "backbone" not in config["identity"]


class TestTrainedWeights:
    def test_the_run_they_come_from_is_added_first_and_keeps_them(self, probed: Any) -> None:
        results, initial, tuned = probed
        assert tuned["variant"].tolist() == ["clip-ft", "linear-probe"] * 2
        assert tuned["state"].tolist() == ["done"] * 4
        assert tuned["id"].iloc[0] == initial["id"].iloc[1]
        assert find_checkpoint(results / "runs" / tuned["id"].iloc[0], "val-auc").is_file()

    def test_identity_holds_that_of_the_run(self, probed: Any) -> None:
        results, _, tuned = probed
        config = config_of(results, tuned["id"].iloc[1])
        assert run_id(config["identity"]["backbone"]) == tuned["id"].iloc[0]
        assert config["protocol"]["epochs"] == 2

    def test_similarity_is_that_of_the_epoch_probed(self, probed: Any) -> None:
        results, _, tuned = probed
        backbone, probe = (results / "runs" / run for run in tuned["id"][:2])
        epoch = int(find_checkpoint(backbone, "val-auc").stem.rpartition("_")[2])
        for name, part in read_predictions(backbone).items():
            [row] = np.flatnonzero(part.epochs == epoch)
            found = read_predictions(probe)[name].similarity
            assert (found == part.similarity[row]).all()

    def test_a_second_start_does_not_need_them(
        self, probed: Any, tmp_path: Path, train: Any
    ) -> None:
        shutil.copytree(probed[0], tmp_path / "results")
        for path in (tmp_path / "results").rglob(checkpoint_name(1).replace("1", "*")):
            path.unlink()
        keys = {**TRAINING, **PROBE, "backbone": "clip-ft", "features": "image+text"}
        again = train("linear-probe", tmp_path / "results", keys=keys)
        assert again["variant"].tolist() == ["linear-probe"]
        assert again["state"].tolist() == ["present"]

    def test_of_a_run_that_diverged_are_one_line(self, train: Any, tmp_path: Path) -> None:
        keys = {"backbone": "fairclip", "weight": 1e38, "probe_epochs": 1}
        table = train("linear-probe", tmp_path, keys=keys)
        assert table["state"].tolist() == ["diverged", "failed"]
        message = table["message"].iloc[1]
        assert f"{table['id'].iloc[0]}: diverged (epoch 1, step 1 of 3" in message
        assert message.endswith("so no checkpoint")


class TestComparison:
    def test_probes_stand_in_one_table_with_clip_and_clip_ft(self, probed: Any) -> None:
        found = benchmark.compare(probed[0])
        assert len({arm.block for arm in found.arms}) == 1
        assert [len(arm.done) for arm in found.arms if arm.label == TUNED] == [2]
        labels = {arm.label for arm in found.arms if arm.variant != "fairclip"}
        initial = "linear-probe[probe_epochs=12, probe_lr=10]"
        assert labels == {"clip", "clip-ft", initial, TUNED}
        auc = found.summary[(found.summary["metric"] == "auc") & found.summary["main_rule"]]
        assert set(auc["variant"]) >= labels
        assert (auc["confounded"] == "").all()


class TestReferenceSolver:
    def test_of_initial_weights_is_one_run_whatever_the_seeds(
        self, mini: Path, tmp_path: Path
    ) -> None:
        def run(seeds: str) -> Any:
            return benchmark.run(
                "linear-probe",
                results=tmp_path,
                dataset="fairvlmed",
                data_dir=mini,
                keys={"solver": "lbfgs"},
                seeds=seeds,
            )

        table = run("0-2")
        assert table["seed"].isna().tolist() == [True]
        assert run("5")["state"].tolist() == ["present"]
        [stored] = RunStore(tmp_path).read()
        assert stored.config["seed"] is None
        assert stored.status["epochs"] == 1
