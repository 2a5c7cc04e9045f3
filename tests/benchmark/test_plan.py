from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmark.config import DatasetConfig, ModelConfig, RunConfig
from benchmark.errors import FairbenchError
from benchmark.plan import Request, plan
from benchmark.suite import Suite, SuiteRun, load_suite


def planned(*variants: str, **request: Any) -> list[RunConfig]:
    return plan(Request(variants=variants, device="cpu", **request))


def suite(**fields: Any) -> Suite:
    runs = (
        SuiteRun(variant="clip-ft"),
        SuiteRun(variant="fairclip", attributes=("race", "gender"), set={"weight": 1e-3}),
    )
    return Suite(**{"name": "mine", "question": "Why?", "runs": runs, **fields})


class TestRequest:
    def test_crosses_attributes_and_seeds_for_variants_that_use_them(self) -> None:
        runs = planned(
            "clip", "clip-ft", "fairclip", attributes=("race", "gender"), seeds=(0, 1, 2)
        )
        found = [(run.variant, run.attributes, run.seed) for run in runs]
        assert found == [
            ("clip", (), None),
            *[("clip-ft", (), seed) for seed in range(3)],
            *[("fairclip", (a,), seed) for a in ("race", "gender") for seed in range(3)],
        ]

    def test_keeps_the_variants_own_attributes_unless_told(self) -> None:
        assert [run.attributes for run in planned("fairclip")] == [("race",)]

    def test_has_seed_zero_unless_told(self) -> None:
        assert [run.seed for run in planned("clip-ft", "clip")] == [0, None]

    def test_carries_keys_to_the_runs_that_have_them(self) -> None:
        plain, fair = planned("clip-ft", "fairclip", changes={"weight": 0.5, "lr": 2e-5})
        assert fair.objective.keys()["weight"] == 0.5
        assert plain.protocol.lr == fair.protocol.lr == 2e-5

    def test_a_key_is_applied_where_it_has_an_effect_and_named_where_not(self) -> None:
        runs = planned("clip-ft", "fairclip", "mmd-gaussian", changes={"blur": 1e-6})
        assert [run.ignored for run in runs] == [("blur",), (), ("blur",)]
        assert [run.objective.keys().get("blur") for run in runs] == [None, 1e-6, 1e-4]

    def test_a_key_without_effect_on_any_variant_is_refused(self) -> None:
        with pytest.raises(FairbenchError, match="'blur' has no effect on any of clip-ft, mmd-gau"):
            planned("clip-ft", "mmd-gaussian", changes={"blur": 1e-6})

    def test_carries_data_model_and_threads(self, tmp_path: Path) -> None:
        (run,) = planned(
            "clip-ft",
            dataset="fairvlmed",
            data_dir=tmp_path,
            notes="original",
            model="ViT-B-16-quickgelu",
            pretrained="openai",
            protocol="official",
            threads=3,
        )
        assert run.dataset == DatasetConfig(name="fairvlmed", data_dir=tmp_path, notes="original")
        assert run.model == ModelConfig(name="ViT-B-16-quickgelu", pretrained="openai")
        assert (run.preset, run.threads, run.device) == ("official", 3, "cpu")

    @pytest.mark.parametrize(
        ("request_", "message"),
        [
            ({"variants": ()}, "name what to run: --variant NAME"),
            ({"variants": ("clip-tf",)}, "unknown variant 'clip-tf'. Did you mean 'clip-ft'"),
            (
                {"dataset": "fairvlm"},
                "unknown dataset 'fairvlm'.*Known: fairface, fairvlmed, synth",
            ),
            ({"protocol": "offical"}, "unknown protocol 'offical'. Did you mean 'official'"),
            ({"device": "gpu"}, "unknown device 'gpu'.*Known: auto, cpu, cuda"),
            ({"threads": 0}, "threads is 0; expected at least 1"),
            ({"changes": {"lrr": 1}}, "unknown key 'lrr'. Did you mean 'lr'"),
            ({"changes": {"weight": 1}}, "unknown key 'weight'"),
            ({"changes": {"lr": "fast"}}, "key 'lr' is 'fast'"),
        ],
    )
    def test_what_is_not_known_is_named(self, request_: dict[str, Any], message: str) -> None:
        with pytest.raises(FairbenchError, match=message) as error:
            plan(Request(**{"variants": ("clip-ft",), "device": "cpu", **request_}))
        assert "\n" not in str(error.value)


class TestSuite:
    def test_names_every_run(self) -> None:
        runs = plan(Request(device="cpu"), suite(seeds="0-1", set={"epochs": 2}))
        assert [(run.variant, run.attributes, run.seed) for run in runs] == [
            ("clip-ft", (), 0),
            ("clip-ft", (), 1),
            ("fairclip", ("race",), 0),
            ("fairclip", ("race",), 1),
            ("fairclip", ("gender",), 0),
            ("fairclip", ("gender",), 1),
        ]
        assert {run.protocol.epochs for run in runs} == {2}
        assert runs[-1].objective.keys()["weight"] == 1e-3

    def test_of_the_demo_has_one_run_of_clip_and_three_of_the_others(self) -> None:
        runs = plan(Request(device="cpu"), load_suite("quickstart"))
        assert [run.variant for run in runs] == ["clip", *["clip-ft"] * 3, *["fairclip"] * 3]
        assert len({run.protocol_label for run in runs if run.objective.trains}) == 1

    def test_gives_way_to_the_command_line(self, tmp_path: Path) -> None:
        request = Request(
            seeds=(5,), changes={"weight": 0.25}, protocol="paper", data_dir=tmp_path, device="cpu"
        )
        runs = plan(request, suite(protocol="official"))
        assert {run.seed for run in runs} == {5}
        assert {run.preset for run in runs} == {"paper"}
        assert {run.dataset.data_dir for run in runs} == {tmp_path}
        assert runs[-1].objective.keys()["weight"] == 0.25

    def test_folder_is_not_used_for_another_dataset(self, tmp_path: Path) -> None:
        with_folder = suite(dataset=DatasetConfig(name="synthetic", data_dir=tmp_path))
        runs = plan(Request(dataset="fairvlmed", device="cpu"), with_folder)
        assert {run.dataset.data_dir for run in runs} == {None}

    @pytest.mark.parametrize("request_", [{"variants": ("clip",)}, {"attributes": ("race",)}])
    def test_refuses_variants_and_attributes_beside_it(self, request_: dict[str, Any]) -> None:
        with pytest.raises(FairbenchError, match=r"suite 'mine' .*leave out --variant"):
            plan(Request(device="cpu", **request_), suite())

    def test_refuses_a_key_that_its_variant_does_not_use(self) -> None:
        runs = (SuiteRun(variant="clip-ft", set={"weight": 1.0}), SuiteRun(variant="fairclip"))
        with pytest.raises(FairbenchError, match=r"unknown key 'weight'.*used by: clip-ft\)"):
            plan(Request(device="cpu"), suite(runs=runs))

    def test_refuses_a_key_without_effect_on_the_variant_that_it_is_for(self) -> None:
        runs = (SuiteRun(variant="mmd-gaussian", set={"blur": 1e-6}), SuiteRun(variant="fairclip"))
        with pytest.raises(FairbenchError, match="variant 'mmd-gaussian': key 'blur' has no effe"):
            plan(Request(device="cpu"), suite(runs=runs))

    def test_refuses_a_shared_key_that_nothing_uses(self) -> None:
        with pytest.raises(FairbenchError, match="unknown key 'wait'"):
            plan(Request(device="cpu"), suite(set={"wait": 1}))


class TestProbe:
    def test_of_initial_weights_has_no_backbone(self) -> None:
        (run,) = planned("linear-probe")
        assert run.backbone is None
        assert run.epochs == 1000

    def test_of_a_variant_has_its_run_of_the_same_seed_and_keys(self) -> None:
        runs = planned(
            "linear-probe", "clip-ft", seeds=(3, 4), changes={"backbone": "clip-ft", "lr": 2e-5}
        )
        probes, tuned = runs[:2], runs[2:]
        for probe, run in zip(probes, tuned, strict=True):
            assert probe.backbone is not None
            assert probe.backbone.keep == ("val-auc",)
            assert probe.backbone.identity("d", "w") == run.identity("d", "w")
            assert probe.identity("d", "w")["backbone"] == run.identity("d", "w")

    def test_of_a_variant_over_groups_is_trained_for_each_attribute(self) -> None:
        runs = planned(
            "linear-probe",
            attributes=("race", "gender"),
            changes={"backbone": "fairclip", "weight": 0.5},
        )
        assert [run.attributes for run in runs] == [("race",), ("gender",)]
        assert [run.backbone.attributes for run in runs if run.backbone] == [("race",), ("gender",)]
        assert {run.backbone.objective.keys()["weight"] for run in runs if run.backbone} == {0.5}

    def test_probes_the_epoch_of_its_rule(self) -> None:
        (run,) = planned("linear-probe", changes={"backbone": "clip-ft", "backbone_epoch": "last"})
        assert run.backbone is not None
        assert run.backbone.keep == ("last",)

    def test_of_initial_weights_by_lbfgs_is_one_run(self) -> None:
        runs = planned("linear-probe", changes={"solver": "lbfgs"}, seeds=(0, 1))
        assert [run.seed for run in runs] == [None]
        keys = {"solver": "lbfgs", "backbone": "clip-ft"}
        assert [run.seed for run in planned("linear-probe", changes=keys, seeds=(0, 1))] == [0, 1]

    def test_depends_on_training_keys_only_through_a_backbone(self) -> None:
        initial, tuned = (
            planned("linear-probe", protocol="official", changes={"backbone": name})[0]
            for name in ("initial", "clip-ft")
        )
        assert "trained" not in initial.identity("d", "w")["protocol"]
        assert "trained" in tuned.identity("d", "w")["protocol"]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"lr": 1e-3}, "unknown key 'lr'"),
            ({"epochs": 2}, "unknown key 'epochs'. Did you mean 'probe_epochs'"),
            ({"validation_features": "raw"}, "unknown key 'validation_features'"),
            ({"backbone_epoch": "last"}, "'backbone_epoch' has no effect"),
            ({"inverse_penalty": 0.5}, "'inverse_penalty' has no effect"),
            ({"solver": "lbfgs", "probe_lr": 1.0}, "'probe_lr' has no effect"),
            ({"backbone": "clip"}, "'clip', which trains no tower"),
            ({"backbone": "linear-probe"}, "'linear-probe', which trains no tower"),
            ({"backbone": "clip-tf"}, "unknown variant 'clip-tf'. Did you mean 'clip-ft'"),
            ({"backbone": 3}, "key 'backbone' is 3"),
            ({"backbone": "clip-ft", "weight": 1.0}, "unknown key 'weight'"),
            ({"probe_batch_size": 1}, "'probe_batch_size' must be at least 2 .* got 1"),
            ({"probe_lr": 0}, "'probe_lr' must be positive, got 0"),
            ({"momentum": 1.0}, r"'momentum' must be in \[0, 1\), got 1"),
            ({"warmup_epochs": -1}, "'warmup_epochs' must be a finite number of at least 0"),
            ({"loss": "hinge"}, "key 'loss' is 'hinge'"),
        ],
    )
    def test_a_key_that_cannot_be_used_is_one_line(
        self, changes: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FairbenchError, match=message) as error:
            planned("linear-probe", changes=changes)
        assert "\n" not in str(error.value)


class TestKeepCheckpoint:
    def test_is_for_runs_that_train_the_model(self) -> None:
        runs = planned("clip", "clip-ft", "linear-probe", keep_checkpoint=("last", "last"))
        assert [run.keep for run in runs] == [(), ("last",), ()]

    def test_is_no_part_of_the_identity(self) -> None:
        (kept,), (plain,) = (planned("clip-ft", keep_checkpoint=k) for k in (("last",), ()))
        assert kept.identity("d", "w") == plain.identity("d", "w")

    @pytest.mark.parametrize(
        ("variant", "rule", "message"),
        [
            ("clip-ft", "val-acu", "unknown checkpoint rule 'val-acu'. Did you mean 'val-auc'"),
            ("clip-ft", "val-es-auc", "unknown checkpoint rule 'val-es-auc'"),
            ("linear-probe", "last", "linear-probe: no weights of the model train"),
        ],
    )
    def test_what_cannot_be_kept_is_an_error(self, variant: str, rule: str, message: str) -> None:
        with pytest.raises(FairbenchError, match=message):
            planned(variant, keep_checkpoint=(rule,))


class TestSuiteFile:
    @pytest.fixture
    def stored(self, tmp_path: Path) -> Any:
        def load(text: str) -> Suite:
            file = tmp_path / "mine.yaml"
            file.write_text(f"name: mine\nquestion: Why?\n{text}\n")
            return load_suite(str(file))

        return load

    @pytest.mark.parametrize(
        "text",
        [
            "runs: [{variant: clip-tf}]",
            "runs: [{variant: clip-ft}]\nset: {wait: 1}",
            "runs: [{variant: clip-ft, set: {weight: 1}}]",
            "runs: [{variant: clip-ft, set: {lr: fast}}]",
            "runs: [{variant: clip-ft}]\nprotocol: offical",
            "runs: [{variant: clip-ft}]\ndataset: {name: fairvlm}",
            "runs: [{variant: linear-probe, set: {backbone: clip}}]",
        ],
    )
    def test_is_named_in_an_error_about_what_it_says(self, stored: Any, text: str) -> None:
        with pytest.raises(FairbenchError, match=r"^/.*/mine\.yaml: "):
            plan(Request(device="cpu"), stored(text))

    @pytest.mark.parametrize(
        "request_",
        [{"changes": {"lr": "fast"}}, {"changes": {"wait": 1}}, {"threads": 0}, {"device": "gpu"}],
    )
    def test_is_not_blamed_for_the_command(self, stored: Any, request_: dict[str, Any]) -> None:
        suite = stored("runs: [{variant: clip-ft}]")
        with pytest.raises(FairbenchError) as error:
            plan(Request(**{"device": "cpu", **request_}), suite)
        assert "mine.yaml" not in str(error.value)
