import json
from pathlib import Path

import numpy as np
import pytest

import benchmark
from benchmark.comparison import compare
from benchmark.errors import FairbenchError
from benchmark.importing.official import read_official, run_folders
from benchmark.importing.official_files import read_predictions
from benchmark.importing.printed import printed_metrics
from benchmark.importing.run import store_run
from benchmark.results import RunStore
from benchmark.selection import NO_VALIDATION

PACK = Path(benchmark.__file__).parent / "verify" / "pack_data"
RECORDED = ("clip_lr2e-3", "fairclip_script", "fairclip_default_f64", "fairclip_blur10")
FLAGS = {
    "--lr": "lr",
    "--seed": "seed",
    "--num_epochs": "num_epochs",
    "--batch_size": "batch_size",
    "--summarized_note_file": "summarized_note_file",
    "--attribute": "attribute",
    "--lambda_fairloss": "lambda_fairloss",
    "--sinkhorn_blur": "sinkhorn_blur",
    "--batchsize_fairloss": "batchsize_fairloss",
}
TEXTS = ("summarized_note_file", "attribute")
CODES = ("race", "gender", "ethnicity", "language")


def trajectory(name):
    return json.loads((PACK / f"trajectory_{name}.json").read_text())


def rebuild(name, folder, **changes):
    """Write the folder that the public code left behind in the recorded run."""
    told = trajectory(name)
    folder.mkdir(parents=True)
    with np.load(PACK / "trajectory_predictions.npz") as arrays:
        for epoch in range(3):
            keys = ("val_pred", "val_gt", "val_attr")
            of_epoch = {key: arrays[f"{name}__ep{epoch:03d}_{key}"] for key in keys}
            np.savez(folder / f"pred_gt_ep{epoch:03d}.npz", **of_epoch)
    argv = dict(zip(told["argv"][1::2], told["argv"][2::2], strict=True))
    args = {key: argv[flag] for flag, key in FLAGS.items() if flag in argv}
    args = {key: v if key in TEXTS else json.loads(v) for key, v in args.items()}
    args |= {"model_arch": "vit-b16", "weight_decay": 6e-5, "text_source": "note", **changes}
    args = {key: value for key, value in args.items() if value is not None}
    (folder / "args_train.txt").write_text(json.dumps(args, indent=2))
    # The recording leaves out the last column, the path of the folder.
    header, row = told["perf_file_header"] + ",  path", told["perf_file_row"] + ",  results/x"
    (folder / "best_p.csv").write_text(f"{header}\n{row}\n")
    return folder


@pytest.fixture
def recorded(tmp_path):
    return {name: rebuild(name, tmp_path / "official" / name) for name in RECORDED}


@pytest.fixture
def imported(recorded, tmp_path):
    results = tmp_path / "results"
    for folder in recorded.values():
        store_run(read_official(folder).run, RunStore(results))
    return results


class TestMetrics:
    @pytest.mark.parametrize("name", RECORDED)
    def test_of_every_epoch_are_those_the_public_code_computed(self, recorded, name):
        found = read_predictions(recorded[name], expected=3)
        for epoch in trajectory(name)["epochs"]:
            ours = printed_metrics(found, epoch["epoch"])
            theirs = {"acc": epoch["acc"], "auc": epoch["auc"]}
            for i in range(4):
                theirs |= {f"esacc_attr{i}": epoch["es_acc"][i]}
                theirs |= {f"esauc_attr{i}": epoch["es_auc"][i]}
                theirs |= {f"dpd_attr{i}": epoch["dpd"][i], f"eod_attr{i}": epoch["eod"][i]}
                std, spread = epoch["between_group_disparity"][i]
                theirs[f"std_group_disparity_attr{i}"] = std
                theirs[f"max_group_disparity_attr{i}"] = spread
                for g, auc in enumerate(epoch["group_aucs"][i]):
                    theirs[f"auc_attr{i}_group{g}"] = auc
            assert ours == pytest.approx(theirs, abs=1e-12)

    @pytest.mark.parametrize("name", RECORDED)
    def test_every_number_of_the_printed_row_is_checked(self, recorded, name):
        row = trajectory(name)["perf_file_row"].split(",")
        assert read_official(recorded[name]).checked == len(row) - 1  # without the epoch

    def test_another_run_s_printed_row_is_refused(self, recorded):
        mine, other = recorded["clip_lr2e-3"], recorded["fairclip_script"]
        (mine / "best_p.csv").write_text((other / "best_p.csv").read_text())
        with pytest.raises(FairbenchError, match=r"best_p\.csv: prints auc 0\.4115 .* gives 0\.36"):
            read_official(mine)

    def test_compare_reports_the_best_epoch_s_recorded_metrics(self, imported):
        table = compare(imported, selection="test-auc").per_seed
        for name in ("clip_lr2e-3", "fairclip_default_f64"):  # no float tie decides their epoch
            told = trajectory(name)
            label = (
                "clip-ft" if name == "clip_lr2e-3" else "fairclip[weight=0.0001, group_batch=16]"
            )
            rows = table[
                table["variant"].eq(label) & table["attribute"].eq("race") & table["group"].eq("")
            ]
            value = rows.set_index("metric")["value"]
            chosen = told["epochs"][told["selected_epoch"]]
            assert rows["epoch"].unique().tolist() == [told["selected_epoch"] + 1]
            assert value["auc"] == pytest.approx(chosen["auc"], abs=1e-12)
            assert value["es_auc"] == pytest.approx(chosen["es_auc"][0], abs=1e-12)
            assert value["dpd"] == pytest.approx(chosen["dpd"][0], abs=1e-12)
            assert value["deodds"] == pytest.approx(chosen["eod"][0], abs=1e-12)


class TestValidationRules:
    def test_get_no_verdict_and_say_so_in_one_line(self, tmp_path):
        results = tmp_path / "results"
        for name in ("clip_lr2e-3", "fairclip_script"):
            folder = rebuild(name, tmp_path / name, lr=2e-3)  # else the two are confounded
            store_run(read_official(folder).run, RunStore(results))
        found = compare(results, selection="val-auc").verdicts
        assert set(found["verdict"]) == {"not estimable"}
        assert set(found["reason"]) == {NO_VALIDATION}
        assert "--selection last or test-auc" in NO_VALIDATION

    def test_no_metric_is_invented(self, imported):
        rows = compare(imported, selection="val-auc").per_seed
        of_rule = rows[rows["selection"] == "val-auc"]
        assert len(of_rule) > 0
        assert of_rule["value"].isna().all()

    def test_a_threshold_from_validation_is_refused(self, imported):
        with pytest.raises(FairbenchError, match="'youden' is chosen on validation, and no valid"):
            compare(imported, selection="last", threshold="youden")


class TestConfiguration:
    def test_the_arguments_name_the_variant_and_its_keys(self, recorded):
        runs = {name: read_official(folder).run for name, folder in recorded.items()}
        assert runs["clip_lr2e-3"].label == "clip-ft"
        assert runs["clip_lr2e-3"].attributes == ()
        script = runs["fairclip_script"]
        assert script.label == "fairclip[blur=1e-06, weight=1e-06, group_batch=16]"
        assert script.attributes == ("race",)
        assert script.seed == trajectory("fairclip_script")["seed"]
        assert script.own_selection == "test-auc"
        assert script.protocol["lr"] == 2e-4

    def test_another_learning_rate_is_confounded(self, imported):
        # The recorded CLIP run has 2e-3, the FairCLIP runs 2e-4.
        rows = compare(imported, selection="last").verdicts
        assert set(rows["confounded"]) == {"lr"}
        assert set(rows["verdict"]) == {""}

    def test_a_seed_is_read_from_the_folder_name_else_unknown(self, tmp_path):
        named = rebuild("fairclip_script", tmp_path / "x_seed7916_auc0.4115", seed=None)
        unnamed = rebuild("fairclip_script", tmp_path / "x", seed=None)
        assert read_official(named).run.seed == 7916
        assert read_official(unnamed).run.seed is None
        assert "seed" in read_official(unnamed).run.unknown
        assert "seed" not in read_official(named).run.unknown

    def test_runs_of_one_test_set_share_it_and_of_another_do_not(self, recorded, tmp_path):
        prints = {read_official(folder).run.test_fingerprint for folder in recorded.values()}
        assert len(prints) == 1
        other = rebuild("repro_plus_gauss", tmp_path / "other", attribute="race")
        (other / "args_train.txt").write_text(json.dumps({"num_epochs": 3, "seed": 7}))
        assert read_official(other).run.test_fingerprint not in prints


class TestStoring:
    def test_a_second_import_is_present(self, recorded, imported):
        run = read_official(recorded["clip_lr2e-3"]).run
        name, written = store_run(run, RunStore(imported))
        assert not written
        assert RunStore(imported).finished(name)

    def test_other_predictions_of_the_same_seed_are_refused(self, imported, tmp_path):
        folder = rebuild("clip_lr2e-3", tmp_path / "again")
        with np.load(folder / "pred_gt_ep000.npz") as arrays:
            held = dict(arrays)
        np.savez(folder / "pred_gt_ep000.npz", **{**held, "val_pred": 1 - held["val_pred"]})
        with pytest.raises(FairbenchError, match="holds other predictions of 'clip-ft' of seed 7"):
            store_run(read_official(folder).run, RunStore(imported))

    def test_what_cannot_be_known_is_marked(self, imported):
        for run in RunStore(imported).read():
            assert run.config["dataset"]["fingerprint"] == "unknown"
            assert run.config["threads"] == run.config["device"] == "unknown"
            assert any("sample ids" in text for text in run.config["imported"]["unknown"])


class TestBadFolders:
    def refused(self, folder, match):
        with pytest.raises(FairbenchError, match=match) as error:
            read_official(folder)
        assert "\n" not in str(error.value)

    def test_a_missing_epoch(self, recorded):
        folder = recorded["fairclip_script"]
        (folder / "pred_gt_ep001.npz").unlink()
        self.refused(folder, r"of 3 epochs are expected and epoch 1 is missing")

    def test_arguments_that_are_not_json(self, recorded):
        folder = recorded["fairclip_script"]
        (folder / "args_train.txt").write_text("seed: 7")
        self.refused(folder, r"args_train\.txt: cannot be read")

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("val_pred", np.nan, r"val_pred, row 4, is nan; expected a probability"),
            ("val_gt", 2, r"val_gt, row 4, is 2; expected 0 or 1"),
            ("val_attr", 9, r"val_attr \(race\), row 4, is 9; expected 0 \(asian\)"),
        ],
    )
    def test_a_value_out_of_range_is_named_with_file_array_and_row(
        self, recorded, name, value, message
    ):
        folder = recorded["fairclip_script"]
        path = folder / "pred_gt_ep002.npz"
        with np.load(path) as arrays:
            held = {key: arrays[key].copy() for key in arrays}
        held[name][4] = value
        np.savez(path, **held)
        self.refused(folder, r"pred_gt_ep002\.npz: " + message)

    def test_epochs_of_other_samples(self, recorded):
        folder = recorded["fairclip_script"]
        path = folder / "pred_gt_ep002.npz"
        with np.load(path) as arrays:
            held = {key: arrays[key][::-1] for key in arrays}
        np.savez(path, **held)
        self.refused(folder, r"pred_gt_ep002\.npz: val_gt or val_attr is not that of pred_gt_ep000")

    def test_a_folder_without_runs(self, tmp_path):
        with pytest.raises(FairbenchError, match=r"no pred_gt_ep\*\.npz here"):
            run_folders(tmp_path)

    def test_a_folder_of_folders_gives_each(self, recorded):
        parent = recorded["clip_lr2e-3"].parent
        assert run_folders(parent) == sorted(recorded.values())
