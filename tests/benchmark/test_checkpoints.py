from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmark.checkpoints import (
    CheckpointKeeper,
    checkpoint_name,
    find_checkpoint,
    missing_checkpoints,
    same_predictions,
)
from benchmark.errors import FairbenchError
from benchmark.model import load_model
from benchmark.model_names import TINY
from benchmark.predictions import read_predictions
from benchmark.trainer import EpochFacts
from benchmark.zeroshot import Scores

KEYS: dict[str, Any] = {"epochs": 2, "batch_size": 32}
RULES = ["last", "val-auc", "test-auc"]


@pytest.fixture(scope="module")
def kept_run(train: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs that kept its weights by every rule."""
    results = tmp_path_factory.mktemp("kept")
    table = train("clip-ft", results, keys={**KEYS, "lr": 3e-3}, keep_checkpoint=RULES)
    assert table["state"].item() == "done"
    return results / "runs" / str(table["id"].item())


@pytest.fixture
def copied(kept_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept_run.parents[1], tmp_path / "results")
    return tmp_path / "results" / "runs" / kept_run.name


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestCheckpointKeeper:
    @pytest.fixture
    def keep(self, small_data: Any) -> Callable[..., tuple[Any, dict[str, Any]]]:
        """Show a keeper random scores; the module's one weight is the epoch."""

        def run(rules: list[str], seed: int, epochs: int = 6) -> tuple[Any, dict[str, Any]]:
            rng = np.random.default_rng(seed)
            keeper, module = CheckpointKeeper(rules, small_data), torch.nn.Linear(1, 1, bias=False)
            shown: dict[str, list[Any]] = {"val": [], "test": []}
            for epoch in range(1, epochs + 1):
                torch.nn.init.constant_(module.weight, epoch)
                scores = {}
                for name, seen in shown.items():
                    n = len(small_data.splits[name])
                    seen.append(rng.integers(0, 4, n).astype(np.float32) / 4)
                    scores[name] = Scores(seen[-1], np.zeros(n, np.float32))
                keeper.on_epoch(EpochFacts(epoch, scores, 1.0, {}, module))  # type: ignore[arg-type]
            return keeper, shown

        return run

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("split", ["val", "test"])
    def test_holds_the_latest_of_the_best_epochs(
        self, keep: Any, small_data: Any, tmp_path: Path, split: str, seed: int
    ) -> None:
        keeper, shown = keep([f"{split}-auc"], seed)
        aucs = [roc_auc_score(small_data.splits[split].label, s) for s in shown[split]]
        best = max(range(6), key=lambda e: (round(aucs[e], 9), e)) + 1
        keeper.write(tmp_path)
        [path] = tmp_path.iterdir()
        assert path.name == checkpoint_name(best)
        from safetensors.torch import load_file

        assert load_file(path)["weight"].item() == best

    def test_writes_one_file_where_rules_agree(self, keep: Any, tmp_path: Path) -> None:
        keeper, _ = keep(RULES, seed=0, epochs=1)
        keeper.write(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [checkpoint_name(1)]

    def test_without_rules_writes_nothing(self, keep: Any, tmp_path: Path) -> None:
        keep([], seed=0)[0].write(tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestKeptRun:
    def test_holds_the_weights_of_the_epochs_that_the_rules_pick(self, kept_run: Path) -> None:
        assert find_checkpoint(kept_run, "last").name == checkpoint_name(2)
        names = {find_checkpoint(kept_run, rule).name for rule in RULES}
        assert {path.name for path in kept_run.glob("*.safetensors")} == names
        assert missing_checkpoints(kept_run, RULES) == []

    def test_weights_give_the_predictions_of_their_epoch_bit_for_bit(
        self, kept_run: Path, train: Any, tmp_path: Path
    ) -> None:
        path = find_checkpoint(kept_run, "val-auc")
        table = train("clip", tmp_path, pretrained=str(path))
        again = read_predictions(tmp_path / "runs" / table["id"].item())
        epoch = int(path.stem.rpartition("_")[2])
        for name, part in read_predictions(kept_run).items():
            [row] = np.flatnonzero(part.epochs == epoch)
            assert again[name].score[0].tobytes() == part.score[row].tobytes()
            assert again[name].similarity[0].tobytes() == part.similarity[row].tobytes()

    def test_weights_of_another_architecture_are_one_line(
        self, kept_run: Path, small_clip: Any
    ) -> None:
        path = str(find_checkpoint(kept_run, "last"))
        with pytest.raises(FairbenchError, match="cannot be loaded") as error:
            load_model(small_clip.name, path)
        assert path in str(error.value)
        assert "\n" not in str(error.value)

    def test_weights_replace_those_that_a_model_brings(self, kept_run: Path) -> None:
        path = str(find_checkpoint(kept_run, "last"))
        assert load_model(TINY, path).weights_hash != load_model(TINY).weights_hash

    def test_id_is_that_of_the_run_without_weights(
        self, kept_run: Path, copied: Path, train: Any
    ) -> None:
        for path in copied.glob("*.safetensors"):
            path.unlink()
        table = train("clip-ft", copied.parents[1], keys={**KEYS, "lr": 3e-3})
        assert (table["id"].item(), table["state"].item()) == (kept_run.name, "present")


class TestAskedForLater:
    def again(self, train: Any, run: Path, rule: str = "last") -> Any:
        return train("clip-ft", run.parents[1], keys={**KEYS, "lr": 3e-3}, keep_checkpoint=rule)

    def test_weights_are_added_and_nothing_else_changes(
        self, copied: Path, kept_run: Path, train: Any
    ) -> None:
        for path in copied.glob("*.safetensors"):
            path.unlink()
        assert missing_checkpoints(copied, ["last"]) == ["last"]
        before = contents(copied)
        assert self.again(train, copied)["state"].item() == "done"
        weights = checkpoint_name(2)
        expected = (kept_run / weights).read_bytes()
        assert contents(copied) == {**before, weights: expected}
        assert {p.name for p in copied.parent.iterdir()} == {".locks", copied.name}
        assert self.again(train, copied)["state"].item() == "present"

    def test_predictions_that_are_others_are_a_failure_and_change_nothing(
        self, copied: Path, train: Any, edit_predictions: Any
    ) -> None:
        for path in copied.glob("*.safetensors"):
            path.unlink()
        edit_predictions(copied, lambda table: table.assign(similarity=table["similarity"] * 0.5))
        before = contents(copied)
        table = self.again(train, copied)
        assert table["state"].item() == "failed"
        assert f"the predictions are not those of {copied.name}" in table["message"].item()
        assert contents(copied) == before
        assert {p.name for p in copied.parent.iterdir()} == {".locks", copied.name}

    def test_a_diverged_run_has_none_and_is_left_alone(self, train: Any, tmp_path: Path) -> None:
        def run() -> Any:
            return train("fairclip", tmp_path, keys={"weight": 1e38}, keep_checkpoint="last")

        assert run()["state"].item() == "diverged"
        assert run()["state"].item() == "present"
        assert list(tmp_path.rglob("*.safetensors")) == []


class TestFindCheckpoint:
    def test_a_missing_file_says_how_to_make_it(self, copied: Path) -> None:
        (copied / checkpoint_name(2)).unlink()
        with pytest.raises(FairbenchError, match=r"not there; .* --keep-checkpoint last"):
            find_checkpoint(copied, "last")

    def test_a_diverged_run_says_why_it_has_none(self, copied: Path) -> None:
        status = {"state": "diverged", "epochs": 1, "message": "loss is nan"}
        (copied / "status.json").write_text(json.dumps(status))
        with pytest.raises(FairbenchError, match=r"diverged \(loss is nan\), so no checkpoint"):
            find_checkpoint(copied, "last")
        assert missing_checkpoints(copied, ["last"]) == []

    def test_no_run_at_all_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match="no finished run"):
            find_checkpoint(tmp_path / "0123", "last")

    def test_a_rule_that_picks_no_epoch_says_why(self, copied: Path, edit_predictions: Any) -> None:
        edit_predictions(copied, lambda t: t.assign(label=np.int8(1)))
        with pytest.raises(FairbenchError, match="rule 'val-auc' picks no epoch"):
            find_checkpoint(copied, "val-auc")
        assert missing_checkpoints(copied, ["val-auc"]) == []


class TestSamePredictions:
    def test_holds_for_a_copy_and_not_for_another_last_bit(
        self, copied: Path, kept_run: Path, edit_predictions: Any
    ) -> None:
        assert same_predictions(copied, kept_run)
        edit_predictions(
            copied, lambda t: t.assign(score=np.nextafter(t["score"].to_numpy(), np.float32(2)))
        )
        assert not same_predictions(copied, kept_run)
