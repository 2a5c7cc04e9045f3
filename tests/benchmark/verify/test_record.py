"""Runs of fairbench recorded as trajectories, and replayed."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.cli.main import main
from benchmark.config import DatasetConfig, resolve
from benchmark.errors import FairbenchError
from benchmark.execute import forget, plan_run
from benchmark.registry import find_variant
from benchmark.verify.record import record
from benchmark.verify.replay import replay_all

MINI = Path(__file__).parents[2] / "data" / "mini_fairvlmed"
KEYS = {"epochs": 2, "batch_size": 40}
RECORDED: dict[str, dict[str, Any]] = {
    "fairclip": {},
    "clip-ft": {},
    "mmd-gaussian": {"as_run": True, "group_source": "batch"},
}
Record = Callable[..., Path]


@pytest.fixture(scope="module")
def write() -> Record:
    """Record two epochs of three steps."""

    def run(folder: Path, variant: str, data_dir: Path = MINI, **keys: Any) -> Path:
        config = resolve(
            find_variant(variant),
            preset="official" if variant == "fairclip" else "tiny",
            changes={**KEYS, **keys},
            dataset=DatasetConfig(name="fairvlmed", data_dir=data_dir),
            seed=3,
        )
        return record(plan_run(config), folder, variant)

    return run


@pytest.fixture(scope="module")
def folder(write: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recorded variants; copy it before changing it."""
    folder = tmp_path_factory.mktemp("recorded") / "pack"
    for variant, keys in RECORDED.items():
        write(folder, variant, **keys)
    return folder


@pytest.fixture
def edited(folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy one recording into a folder of its own, with its JSON edited."""

    def copy(variant: str, change: Callable[[dict[str, Any]], Any]) -> Path:
        root = tmp_path / "edited"
        root.mkdir()
        shutil.copy(folder / "trajectory_predictions.npz", root)
        document = read(folder, variant)
        change(document)
        (root / f"trajectory_{variant}.json").write_text(json.dumps(document))
        return root

    return copy


def read(folder: Path, variant: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / f"trajectory_{variant}.json").read_text())
    return document


class TestReplayOfOurOwn:
    def test_deviates_by_nothing(self, folder: Path) -> None:
        results = {result.name: result for result in replay_all(folder)}
        assert sorted(results) == sorted(f"trajectory {variant}" for variant in RECORDED)
        for result in results.values():
            assert (result.status, result.deviation) == ("pass", 0.0), result.note
            assert "scores 0 ≤" in result.note
            assert "norms 0 ≤" in result.note

    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [("objective", "weight", 1.0), ("objective", "score", "logit"), ("protocol", "lr", 2e-5)],
    )
    def test_with_another_key_shows_it(
        self, edited: Callable[..., Path], section: str, key: str, value: Any
    ) -> None:
        root = edited("fairclip", lambda d: d["fairbench"][section].update({key: value}))
        (result,) = replay_all(root)
        assert result.status == "miss"

    def test_on_a_dataset_that_is_not_here_is_skipped(self, edited: Callable[..., Path]) -> None:
        root = edited("clip-ft", lambda d: d["fairbench"]["dataset"].update(data_dir="/nowhere"))
        forget()
        (result,) = replay_all(root)
        assert result.status == "skipped"
        assert "/nowhere" in result.note

    def test_uses_the_dataset_of_the_pack_if_it_is_the_recorded_one(
        self, edited: Callable[..., Path]
    ) -> None:
        root = edited("clip-ft", lambda d: d["fairbench"]["dataset"].update(data_dir="/nowhere"))
        (root / "mini_fairvlmed").symlink_to(MINI)
        (result,) = replay_all(root)
        assert (result.status, result.deviation) == ("pass", 0.0)

    def test_of_other_weights_is_skipped(self, edited: Callable[..., Path]) -> None:
        root = edited("clip-ft", lambda d: d["fairbench"]["model"].update(weights="0" * 64))
        (result,) = replay_all(root)
        assert result.status == "skipped"
        assert "other initial weights here" in result.note


class TestRecording:
    def test_says_which_files_every_batch_held(self, folder: Path) -> None:
        document = read(folder, "fairclip")
        training = {int(path.stem[5:]) for path in (MINI / "Training").iterdir()}
        for epoch in (0, 1):
            steps = [step for step in document["steps"] if step["epoch"] == epoch]
            seen = [n for step in steps for n in step["files"]]
            assert sorted(seen) == sorted(training)
        assert document["file_ids"] == "n stands for data_%05d.npz"

    def test_says_which_group_each_batch_is_of(self, folder: Path) -> None:
        step = read(folder, "fairclip")["steps"][0]
        assert step["groups"] == ["race/asian", "race/black", "race/white"]
        for code, files in enumerate(step["group_files"]):
            for n in files:
                with np.load(MINI / "Training" / f"data_{n:05d}.npz") as sample:
                    assert int(sample["race"]) == code

    def test_adds_up_to_the_total_loss(self, folder: Path) -> None:
        document = read(folder, "fairclip")
        weight = document["fairbench"]["objective"]["weight"]
        for step in document["steps"]:
            parts = step["base_loss"] + weight * sum(step["distance_per_group"])
            assert step["total_loss"] == pytest.approx(parts, rel=1e-6)

    def test_keeps_scores_labels_and_metrics_of_the_split_it_selects_on(self, folder: Path) -> None:
        document = read(folder, "fairclip")
        with np.load(folder / "trajectory_predictions.npz") as archive:
            score, label = (archive[f"fairclip__ep001_val_{x}"] for x in ("pred", "gt"))
        assert document["eval_folder"] == "Test"
        assert len(score) == len(document["eval_file_order"]) == 54
        assert document["epochs"][1]["auc"] == pytest.approx(roc_auc_score(label, score), abs=1e-12)
        assert read(folder, "clip-ft")["eval_folder"] == "Validation"

    def test_trains_and_counts_the_encoders_of_the_official_protocol(self, folder: Path) -> None:
        document = read(folder, "fairclip")
        assert document["optimizer_groups"][0]["n_params"] < document["n_model_params"]
        assert "logit_scale" not in document["changed_params"]
        assert "logit_scale" in read(folder, "clip-ft")["changed_params"]

    def test_holds_no_text_of_a_note(self, folder: Path) -> None:
        with (MINI / "gpt-4_summarized_notes.csv").open(encoding="utf-8") as file:
            notes = [row[2].strip() for row in list(csv.reader(file))[1:]]
        written = "".join(path.read_text() for path in folder.glob("*.json"))
        assert len(notes) > 100
        assert not [note for note in notes if note[:20] in written]

    def test_replaces_its_own_predictions_and_keeps_those_of_others(
        self, write: Record, folder: Path, tmp_path: Path
    ) -> None:
        root = Path(shutil.copytree(folder, tmp_path / "pack"))
        write(root, "clip-ft", epochs=1)
        with np.load(root / "trajectory_predictions.npz") as archive:
            names = set(archive.files)
        assert {name for name in names if name.startswith("clip-ft__")} == {
            f"clip-ft__ep000_val_{x}" for x in ("pred", "gt", "attr")
        }
        assert "fairclip__ep001_val_pred" in names

    def test_keeps_file_names_that_are_not_numbered(self, write: Record, tmp_path: Path) -> None:
        data = Path(shutil.copytree(MINI, tmp_path / "data"))
        old, new = "data_00001.npz", "eye_1.npz"
        (data / "Training" / old).rename(data / "Training" / new)
        for path in data.glob("*.csv"):
            path.write_text(path.read_text().replace(old, new))
        root = tmp_path / "pack"
        write(root, "clip-ft", data, epochs=1)
        document = read(root, "clip-ft")
        assert document["file_ids"] == "file names"
        assert new in [file for step in document["steps"] for file in step["files"]]
        (result,) = replay_all(root)
        assert (result.status, result.deviation) == ("pass", 0.0)


class TestRefused:
    @pytest.fixture
    def planned(self) -> Callable[..., Any]:
        dataset = DatasetConfig(name="fairvlmed", data_dir=MINI)
        return lambda variant, **keys: plan_run(
            resolve(find_variant(variant), changes=keys, dataset=dataset)
        )

    def test_is_a_variant_that_does_not_train(self, planned: Any, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match="'clip' does not train"):
            record(planned("clip"), tmp_path, "clip")

    def test_is_a_name_that_leaves_the_folder(self, planned: Any, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match=r"name '\.\./x'"):
            record(planned("clip-ft"), tmp_path, "../x")

    def test_is_a_run_that_diverges_and_nothing_is_written(
        self, planned: Any, tmp_path: Path
    ) -> None:
        run = planned("clip-ft", lr=1e30, epochs=1)
        with pytest.raises(FairbenchError, match="diverged"):
            record(run, tmp_path / "out", "x")
        assert not (tmp_path / "out").exists()

    def test_is_a_folder_that_cannot_be_made(self, planned: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(FairbenchError, match="cannot be written"):
            record(planned("clip-ft", epochs=1, batch_size=96), tmp_path / "file" / "out", "x")


class TestCommand:
    def test_writes_a_trajectory_and_says_where(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["record", "--variant", "fairclip", "--attribute", "gender", "--seed", "5"]
        words += ["--dataset", "fairvlmed", "--data-dir", str(MINI), "--out", str(tmp_path)]
        words += ["--epochs", "1", "--set", "batch_size=96", "--set", "weight=1e-3"]
        monkeypatch.setattr(sys, "argv", ["fairbench", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        path = tmp_path / "trajectory_fairclip_gender_seed5.json"
        assert str(path) in capsys.readouterr().out.replace("\n", "")
        document = json.loads(path.read_text())
        assert document["seed"] == 5
        assert document["fairbench"]["objective"]["weight"] == 1e-3
        assert [step["groups"] for step in document["steps"]] == [["gender/female", "gender/male"]]
