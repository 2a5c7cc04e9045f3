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
            ({"dataset": "fairface"}, "unknown dataset 'fairface'.*Known: fairvlmed, synthetic"),
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

    def test_refuses_a_shared_key_that_nothing_uses(self) -> None:
        with pytest.raises(FairbenchError, match="unknown key 'wait'"):
            plan(Request(device="cpu"), suite(set={"wait": 1}))
