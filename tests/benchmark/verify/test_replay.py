"""Recorded trainings of both public codes, replayed; and packs with something wrong in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data.fairvlmed import read_schema
from benchmark.verify.pack import SHIPPED, Pack, PackError
from benchmark.verify.replay import replay_all
from benchmark.verify.result import CheckResult
from benchmark.verify.scripts import public_protocol, public_run
from benchmark.verify.trajectory import NotReplayedError, Trajectory, numbered, read_trajectory

CLIP = "clip_lr2e-3"
PLUS = "repro_plus_sinkhorn"
GAUSS = "repro_plus_gauss"
SCRIPT = "fairclip_script"
NAMES = [CLIP, "fairclip_blur10", "fairclip_default_f64", SCRIPT, GAUSS, PLUS]
FLOAT_TIE = "selected_epoch_rests_on_a_float_tie"
Document = dict[str, Any]


def recorded(name: str) -> Document:
    document: Document = json.loads((SHIPPED / f"trajectory_{name}.json").read_text())
    return document


def shortened(document: Document) -> Document:
    """Keep one epoch, without the norms of the last, on one thread: loss of time, not of sense."""
    first = [step for step in document["steps"] if step["epoch"] == 0]
    epochs = document["epochs"][:1]
    cut = {"steps": first, "epochs": epochs, "selected_epoch": 0, "final_param_l2": {}}
    return {**document, **cut, "threads": 1}


@pytest.fixture(scope="module")
def shipped() -> dict[str, CheckResult]:
    return {result.name: result for result in replay_all(SHIPPED)}


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Write a pack with one trajectory, cut to its first epoch; `change` edits its JSON."""

    def write(name: str = CLIP, change: Callable[[Document], Any] = lambda _: None) -> Path:
        root = tmp_path / "pack"
        root.mkdir()
        for kept in ("mini_clip_config.json", "mini_clip_init.npz", "trajectory_predictions.npz"):
            shutil.copy(SHIPPED / kept, root)
        (root / "mini_fairvlmed").symlink_to(SHIPPED / "mini_fairvlmed")
        document = shortened(recorded(name))
        change(document)
        (root / f"trajectory_{name}.json").write_text(json.dumps(document))
        return root

    return write


@pytest.fixture
def replayed(pack: Callable[..., Path]) -> Callable[..., CheckResult]:
    """Replay one trajectory with an edited JSON."""

    def replay(change: Callable[[Document], Any], name: str = CLIP) -> CheckResult:
        (result,) = replay_all(pack(name, change))
        return result

    return replay


@pytest.fixture
def run_of(pack: Callable[..., Path]) -> Callable[..., Any]:
    """Return what a command line trains on; words are put behind the recorded ones."""

    def derive(name: str, *words: str, **fields: Any) -> Any:
        def change(document: Document) -> None:
            document["argv"] += words
            document.update(fields)

        root = pack(name, change)
        trajectory = read_trajectory(Pack(root), f"trajectory_{name}.json")
        return public_run(trajectory, read_schema(root / "mini_fairvlmed"))

    return derive


class TestShippedTrajectories:
    def test_are_all_replayed(self, shipped: dict[str, CheckResult]) -> None:
        assert list(shipped) == [f"trajectory {name}" for name in NAMES]

    @pytest.mark.parametrize("name", NAMES)
    def test_agree_within_the_tolerance_that_the_file_states(
        self, shipped: dict[str, CheckResult], name: str
    ) -> None:
        result = shipped[f"trajectory {name}"]
        assert result.status == "pass", result.note
        assert result.tolerance == recorded(name)["suggested_rel_tolerance_per_step_loss"]
        assert 0 < result.deviation <= result.tolerance

    @pytest.mark.parametrize("name", [n for n in NAMES if n not in (SCRIPT, PLUS)])
    def test_agree_to_float32_rounding_where_the_gradient_is_not_noise(
        self, shipped: dict[str, CheckResult], name: str
    ) -> None:
        assert shipped[f"trajectory {name}"].deviation < 1e-6

    def test_leave_out_a_selected_epoch_that_rests_on_a_float_tie(
        self, shipped: dict[str, CheckResult]
    ) -> None:
        ties = [name for name in NAMES if recorded(name)[FLOAT_TIE]]
        left_out = [name for name in NAMES if "left out" in shipped[f"trajectory {name}"].note]
        assert left_out == ties


class TestDeviation:
    def test_names_the_first_step_and_term_with_both_values(
        self, replayed: Callable[..., CheckResult]
    ) -> None:
        def change(document: Document) -> None:
            document["steps"][3]["base_loss"] *= 1.001
            document["steps"][4]["total_loss"] *= 1.5

        result = replayed(change)
        value = recorded(CLIP)["steps"][3]["base_loss"]
        assert result.status == "miss"
        assert result.deviation == pytest.approx(1 / 3, rel=1e-4)
        assert result.note.startswith(f"first: epoch 0, step 3, base loss: {value:.5g}"[:40])
        assert f"{value * 1.001:.9g} recorded" in result.note

    def test_in_the_learning_rate_shows(self, replayed: Callable[..., CheckResult]) -> None:
        def change(document: Document) -> None:
            document["optimizer_groups"][0]["lr"] = document["optimizer_groups"][1]["lr"] = 2.1e-3

        result = replayed(change)
        assert result.status == "miss"
        assert "first: epoch 0, step 1, base loss" in result.note

    def test_in_the_order_of_a_batch_does_not_move_a_symmetric_loss(
        self, replayed: Callable[..., CheckResult]
    ) -> None:
        result = replayed(lambda document: document["steps"][0]["files"].reverse())
        assert result.status == "pass", result.note

    def test_in_one_sample_of_a_batch_shows(self, replayed: Callable[..., CheckResult]) -> None:
        def change(document: Document) -> None:
            document["steps"][3]["files"][0] = document["steps"][4]["files"][0]

        result = replayed(change)
        assert result.status == "miss"
        assert "first: epoch 0, step 3, base loss" in result.note

    def test_in_one_distance_shows_where_the_penalty_is_not_trained_on(
        self, replayed: Callable[..., CheckResult]
    ) -> None:
        def change(document: Document) -> None:
            document["steps"][5]["distance_per_group"][0] *= 1.5

        result = replayed(change, GAUSS)
        assert result.status == "miss"
        assert "first: epoch 0, step 5, fairness" in result.note

    def test_in_the_first_distance_of_a_group_shows_at_any_weight(
        self, replayed: Callable[..., CheckResult]
    ) -> None:
        def change(document: Document) -> None:
            document["steps"][0]["distance_per_group"][1] *= 1.001

        result = replayed(change, SCRIPT)
        assert result.status == "miss"
        assert "distance of race/black" in result.note

    @pytest.mark.parametrize(
        ("field", "value", "shown"),
        [
            ("changed_params", ["logit_scale"], "changed parameters"),
            ("final_param_l2", {"visual.proj": 7.9}, "final norm of visual.proj"),
        ],
    )
    def test_in_what_came_out_shows(
        self, replayed: Callable[..., CheckResult], field: str, value: Any, shown: str
    ) -> None:
        result = replayed(lambda document: document.update({field: value}))
        assert result.status == "miss"
        assert shown in result.note

    def test_in_the_selected_epoch_shows(self, pack: Callable[..., Path]) -> None:
        whole = {**recorded(CLIP), "threads": 1, "selected_epoch": 1}
        (result,) = replay_all(pack(CLIP, lambda document: document.update(whole)))
        assert result.status == "miss"
        assert (
            "first: selected epoch by test-auc of the recorded scores: 2 here, 1 rec" in result.note
        )

    @pytest.mark.parametrize("metric", ["auc", "acc", "es_auc", "group_aucs", "dpd", "eod"])
    def test_in_a_metric_shows(self, replayed: Callable[..., CheckResult], metric: str) -> None:
        def change(document: Document) -> None:
            values = document["epochs"][0][metric]
            if metric == "group_aucs":
                values[2][1] += 1e-9
            elif isinstance(values, list):
                values[3] += 1e-9
            else:
                document["epochs"][0][metric] += 1e-9

        result = replayed(change)
        assert result.status == "miss"
        assert f"epoch 0, {metric}" in result.note

    def test_in_a_score_names_the_file(self, pack: Callable[..., Path]) -> None:
        root = pack()
        with np.load(root / "trajectory_predictions.npz") as archive:
            arrays = {name: archive[name] for name in archive.files}
        arrays[f"{CLIP}__ep000_val_pred"][0] += 1e-4
        np.savez(root / "trajectory_predictions.npz", **arrays)
        (result,) = replay_all(root)
        assert result.status == "miss"
        file = recorded(CLIP)["eval_file_order"][0]
        assert f"first: epoch 0, score of data_{file:05d}.npz" in result.note

    def test_is_above_a_tolerance_of_zero(self, replayed: Callable[..., CheckResult]) -> None:
        result = replayed(lambda document: document.update(suggested_rel_tolerance_per_step_loss=0))
        assert (result.status, result.tolerance) == ("miss", 0.0)
        assert result.deviation > 0

    def test_of_scores_is_seen_in_their_range_where_they_were_not_recorded(
        self, pack: Callable[..., Path]
    ) -> None:
        def change(document: Document) -> None:
            document["epochs"][0]["pred_max"] += 1e-4

        root = pack(CLIP, change)
        (root / "trajectory_predictions.npz").unlink()
        (result,) = replay_all(root)
        assert result.status == "miss"
        assert "first: epoch 0, pred_max" in result.note


class TestDamagedFile:
    @pytest.mark.parametrize(
        "field",
        [
            *("argv", "seed", "threads", "what", "eval_folder", "eval_file_order", "steps"),
            *("optimizer_groups", "n_model_params", "model_training_flag_at_end", "epochs"),
            *("selected_epoch", FLOAT_TIE, "changed_params", "final_param_l2"),
            "suggested_rel_tolerance_per_step_loss",
        ],
    )
    def test_that_lacks_a_field_is_an_error_that_names_it(
        self, pack: Callable[..., Path], field: str
    ) -> None:
        root = pack(SCRIPT, lambda document: document.pop(field))
        with pytest.raises(PackError, match=f"trajectory_{SCRIPT}.json.*{field}"):
            replay_all(root)

    @pytest.mark.parametrize("field", ["files", "group_files", "base_loss", "total_loss", "epoch"])
    def test_that_lacks_a_field_of_a_step_is_an_error_that_names_the_step(
        self, pack: Callable[..., Path], field: str
    ) -> None:
        root = pack(SCRIPT, lambda document: document["steps"][4].pop(field))
        with pytest.raises(PackError, match=rf"trajectory_{SCRIPT}.json, step 4.*{field}"):
            replay_all(root)

    def test_with_a_sample_that_is_not_in_the_dataset_names_it(
        self, pack: Callable[..., Path]
    ) -> None:
        def change(document: Document) -> None:
            document["steps"][2]["files"][5] = 4711

        with pytest.raises(PackError, match=r"step 2, files: data_04711.npz is not among"):
            replay_all(pack(CLIP, change))

    def test_without_steps_is_an_error(self, pack: Callable[..., Path]) -> None:
        def change(document: Document) -> None:
            document["steps"] = []

        with pytest.raises(PackError, match=r"'steps' does not count from 0"):
            replay_all(pack(CLIP, change))

    def test_with_a_lost_group_is_an_error(self, pack: Callable[..., Path]) -> None:
        def change(document: Document) -> None:
            document["steps"][1]["group_files"].pop()
            document["steps"][1]["distance_per_group"].pop()

        with pytest.raises(PackError, match=r"step 1: 2 group batches.* the command line makes 3"):
            replay_all(pack(SCRIPT, change))

    def test_without_the_scores_of_one_epoch_is_an_error(self, pack: Callable[..., Path]) -> None:
        root = pack()
        with np.load(root / "trajectory_predictions.npz") as archive:
            arrays = {name: archive[name] for name in archive.files}
        del arrays[f"{CLIP}__ep000_val_pred"]
        np.savez(root / "trajectory_predictions.npz", **arrays)
        with pytest.raises(PackError, match=f"{CLIP}__ep000_val_pred"):
            replay_all(root)

    @pytest.mark.parametrize("tolerance", [-1e-5, "nan", "inf"])
    def test_with_a_tolerance_that_is_none_is_an_error(
        self, pack: Callable[..., Path], tolerance: Any
    ) -> None:
        key = "suggested_rel_tolerance_per_step_loss"
        with pytest.raises(PackError, match=f"{key} is"):
            replay_all(pack(CLIP, lambda document: document.update({key: tolerance})))


class TestSkipped:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda d: d["argv"].__setitem__(0, "x/train_all.py"), "'train_all.py' is not known"),
            (lambda d: d["argv"].append("--clever"), "'--clever' of finetune_CLIP.py"),
            (lambda d: d["argv"].extend(["--text_source", "label"]), "--text_source label"),
            (lambda d: d["optimizer_groups"][0].update(lr=1.0), "'optimizer_groups' differ"),
        ],
    )
    def test_is_a_run_that_is_not_known_with_the_reason(
        self, replayed: Callable[..., CheckResult], change: Callable[[Document], Any], reason: str
    ) -> None:
        result = replayed(change)
        assert (result.status, result.cases) == ("skipped", 0)
        assert isnan(result.deviation)
        assert reason in result.note

    @pytest.mark.parametrize("file", ["mini_clip_init.npz", "mini_fairvlmed"])
    def test_is_every_run_of_a_pack_that_lacks_what_they_train(
        self, pack: Callable[..., Path], file: str
    ) -> None:
        root = pack()
        (root / file).unlink()
        (result,) = replay_all(root)
        assert (result.status, result.note) == ("skipped", f"the pack lacks {file}")


class TestPublicRun:
    def test_takes_the_keys_of_the_official_script_from_its_command_line(
        self, run_of: Callable[..., Any]
    ) -> None:
        run = run_of(SCRIPT)
        keys = run.objective.keys()
        assert (keys["weight"], keys["blur"], keys["attributes"]) == (1e-6, 1e-6, {"race": 1.0})
        assert (keys["score"], keys["normalise"]) == ("squared-logits", "groups")
        assert keys["solver"] == "geomloss-fp32"
        assert run.groups == ("race/asian", "race/black", "race/white")

    def test_takes_the_last_of_a_repeated_flag(self, run_of: Callable[..., Any]) -> None:
        assert run_of(SCRIPT, "--lambda_fairloss=0.5").objective.keys()["weight"] == 0.5

    def test_knows_float64_scores_by_the_digits_of_their_distances(
        self, run_of: Callable[..., Any]
    ) -> None:
        assert run_of("fairclip_default_f64").objective.keys()["solver"] == "geomloss-fp64"

    def test_divides_both_sides_in_the_copy_of_the_reproduction(
        self, run_of: Callable[..., Any]
    ) -> None:
        run = run_of(SCRIPT, what="reproduction FairCLIP/finetune_FairCLIP.py, race")
        assert run.objective.keys()["normalise"] == "both"

    def test_folds_weights_that_do_not_sum_to_one_into_lambda(
        self, run_of: Callable[..., Any]
    ) -> None:
        keys = run_of(PLUS, "--weightslist", "3", "1", "0", "0").objective.keys()
        assert keys["attributes"] == {"gender": 0.25, "race": 0.75}
        assert keys["weight"] == pytest.approx(0.04)

    def test_trains_on_the_base_loss_alone_in_the_mmd_scripts(
        self, run_of: Callable[..., Any]
    ) -> None:
        run = run_of(GAUSS)
        keys = run.objective.keys()
        assert (run.variant, keys["as_run"], keys["bandwidth"]) == ("mmd-gaussian", True, 0.05)

    def test_of_an_attribute_that_the_dataset_lacks_is_an_error(
        self, run_of: Callable[..., Any]
    ) -> None:
        with pytest.raises(PackError, match="unknown attribute 'age'; known: race, gender"):
            run_of(SCRIPT, "--attribute", "age")

    def test_of_a_flag_without_its_value_is_an_error(self, run_of: Callable[..., Any]) -> None:
        with pytest.raises(PackError, match=r"field 'argv'.*sinkhorn_blur"):
            run_of(SCRIPT, "--sinkhorn_blur", "wide")

    def test_of_other_initial_weights_is_not_replayed(self, run_of: Callable[..., Any]) -> None:
        with pytest.raises(NotReplayedError, match="--pretrained_weights"):
            run_of(SCRIPT, "--pretrained_weights", "clip.pth")


class TestPublicProtocol:
    @pytest.mark.parametrize(
        ("name", "trained", "mode", "lr"),
        [(CLIP, "encoders", "train", 2e-3), (PLUS, "all", "switched", 2e-4)],
    )
    def test_is_what_the_recording_saw(self, name: str, trained: str, mode: str, lr: float) -> None:
        protocol = public_protocol(
            Trajectory(Pack(SHIPPED).record(f"trajectory_{name}.json"), Pack(SHIPPED))
        )
        assert (protocol.trained, protocol.mode, protocol.lr) == (trained, mode, lr)
        assert (protocol.epochs, protocol.batch_size) == (3, 16)
        assert (protocol.betas, protocol.eps, protocol.weight_decay) == ((0.1, 0.1), 1e-6, 6e-5)


class TestNumbered:
    def test_files_of_the_release_become_numbers(self) -> None:
        assert numbered(["data_00007.npz", "data_12345.npz"]) == [7, 12345]

    @pytest.mark.parametrize("odd", ["data_7.npz", "eye_00007.npz", "data_000071.npz"])
    def test_one_other_name_keeps_all_names(self, odd: str) -> None:
        assert numbered(["data_00007.npz", odd]) == ["data_00007.npz", odd]
