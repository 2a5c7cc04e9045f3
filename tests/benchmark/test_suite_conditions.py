"""Suites that are repeated under conditions."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import FairbenchError
from benchmark.plan import Request, plan
from benchmark.suite import Suite, load_suite, shipped_suites

TWO: dict[str, Any] = {
    "name": "two",
    "question": "Does it hold on faces?",
    "set": {"epochs": 3},
    "seeds": "0-1",
    "conditions": {
        "fundus": {},
        "faces": {"dataset": {"name": "synthetic-fairface"}, "seeds": 7, "set": {"lr": 0.001}},
    },
    "runs": [
        {"variant": "clip-ft"},
        {"variant": "fairclip-plus", "conditions": ["fundus"]},
    ],
}


def planned(suite: Suite, **request: Any) -> list[tuple[str, str, int | None, float]]:
    configs = plan(Request(device="cpu", **request), suite)
    return [(c.variant, c.dataset.name, c.seed, c.protocol.lr) for c in configs]


class TestConditions:
    def test_repeat_every_run_with_their_own_settings(self) -> None:
        assert planned(Suite.model_validate(TWO)) == [
            ("clip-ft", "synthetic", 0, 1e-4),
            ("clip-ft", "synthetic", 1, 1e-4),
            ("fairclip-plus", "synthetic", 0, 1e-4),
            ("fairclip-plus", "synthetic", 1, 1e-4),
            ("clip-ft", "synthetic-fairface", 7, 1e-3),
        ]

    def test_are_chosen_by_name(self) -> None:
        suite = Suite.model_validate(TWO)
        assert [p[1] for p in planned(suite, conditions=["faces"])] == ["synthetic-fairface"]
        with pytest.raises(FairbenchError, match=r"unknown condition .* 'face'. Did you mean"):
            planned(suite, conditions=["face"])

    def test_belong_to_a_suite(self) -> None:
        with pytest.raises(FairbenchError, match="belongs to --suite"):
            plan(Request(variants=["clip"], conditions=["faces"]))

    def test_that_a_run_names_must_exist(self, tmp_path: Path) -> None:
        path = tmp_path / "two.yaml"
        path.write_text(
            "name: two\nquestion: q\nruns: [{variant: clip, conditions: [moon]}]\n"
            "conditions: {sun: {}}\n"
        )
        with pytest.raises(FairbenchError, match=r"two.yaml: .*unknown condition 'moon'"):
            load_suite(str(path))

    def test_give_the_folder_to_the_dataset_that_needs_one(self, tmp_path: Path) -> None:
        real = {**TWO, "conditions": {"small": {}, "real": {"dataset": {"name": "fairvlmed"}}}}
        real["runs"] = [{"variant": "clip-ft"}]
        configs = plan(Request(device="cpu", data_dir=tmp_path), Suite.model_validate(real))
        folders = {c.dataset.name: c.dataset.data_dir for c in configs}
        assert folders == {"synthetic": None, "fairvlmed": tmp_path}

    def test_on_two_real_datasets_take_no_single_folder(self, tmp_path: Path) -> None:
        names = {name: {"dataset": {"name": name}} for name in ("fairvlmed", "fairface")}
        real = Suite.model_validate(
            {**TWO, "runs": [{"variant": "clip-ft"}], "set": {}, "conditions": names}
        )
        with pytest.raises(FairbenchError, match="choose one of its conditions"):
            plan(Request(device="cpu", data_dir=tmp_path), real)


@pytest.mark.parametrize("name", shipped_suites())
def test_every_shipped_suite_can_be_planned(name: str) -> None:
    suite = load_suite(name)
    assert suite.name.partition("@")[0] == name
    assert plan(Request(device="cpu"), suite)
