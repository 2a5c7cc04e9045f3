"""Suites at sizes: small on generated data, and as the papers ran them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import FairbenchError
from benchmark.plan import Request, plan
from benchmark.suite import Suite, chosen_suite, load_suite
from benchmark.suite_lists import chosen_name

REAL = {"dataset": {"name": "fairvlmed"}, "model": {"name": "ViT-B-16", "pretrained": "openai"}}
SIZED: dict[str, Any] = {
    "name": "sized",
    "question": "Does it hold on patients?",
    "set": {"epochs": 3, "lr": 0.1},
    "seeds": "0-1",
    "protocol": "tiny",
    "conditions": {"plain": {}, "fast": {"set": {"lr": 0.5}}},
    "sizes": {
        "small": {"set": {"lr": 0.25}},
        "patients": {**REAL, "protocol": "official", "seeds": "0-4", "conditions": {"once": {}}},
    },
    "runs": [{"variant": "clip-ft"}, {"variant": "fairclip", "conditions": ["once"]}],
}


def planned(size: str | None = None, **request: Any) -> list[tuple[Any, ...]]:
    configs = plan(Request(device="cpu", **request), Suite.model_validate(SIZED).sized(size))
    return [(c.variant, c.dataset.name, c.preset, c.seed, c.protocol.lr) for c in configs]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sized.yaml"


class TestSizes:
    def test_the_first_is_the_default(self) -> None:
        assert planned() == planned("small")

    def test_are_laid_over_the_suite_and_under_its_conditions(self) -> None:
        assert planned("small") == [
            ("clip-ft", "synthetic", "tiny", seed, lr) for lr in (0.25, 0.5) for seed in (0, 1)
        ]

    def test_may_bring_conditions_of_their_own_and_runs_under_them(self, tmp_path: Path) -> None:
        assert planned("patients", data_dir=tmp_path) == [
            (variant, "fairvlmed", "official", seed, 0.1)
            for variant in ("clip-ft", "fairclip")
            for seed in range(5)
        ]

    def test_without_conditions_leave_out_runs_under_those_of_another_size(self) -> None:
        bare = Suite.model_validate({k: v for k, v in SIZED.items() if k != "conditions"})
        (small,) = bare.sized("small").under()
        assert [run.variant for run in small.runs] == ["clip-ft"]

    def test_give_way_to_the_command(self, tmp_path: Path) -> None:
        request = {"seeds": (7,), "protocol": "paper", "changes": {"lr": 1.0}, "model": "tiny"}
        found = planned("patients", data_dir=tmp_path, **request)
        assert found == [(v, "fairvlmed", "paper", 7, 1.0) for v in ("clip-ft", "fairclip")]

    def test_on_real_data_need_its_folder(self) -> None:
        with pytest.raises(FairbenchError, match=r"size 'patients' .*'fairvlmed'.*--data-dir"):
            planned("patients")
        assert planned("patients", dataset="synthetic")

    def test_that_the_suite_does_not_have_are_named(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown size .*'patiens'. Did you mean 'patien"):
            planned("patiens")
        unsized = Suite.model_validate({**SIZED, "sizes": {}, "runs": [{"variant": "clip"}]})
        with pytest.raises(FairbenchError, match=r"suite 'sized' has no sizes; leave out --size"):
            unsized.sized("small")
        assert unsized.sized() is unsized

    def test_belong_to_a_suite(self, tmp_path: Path) -> None:
        for choose in (chosen_suite, lambda name, size: chosen_name(tmp_path, name, size)):
            with pytest.raises(FairbenchError, match="--size belongs to --suite"):
                choose(None, "small")
            assert choose(None, None) is None

    def test_a_suite_that_stands_at_none_cannot_be_planned(self) -> None:
        with pytest.raises(ValueError, match="stands at none of its sizes"):
            plan(Request(device="cpu"), Suite.model_validate(SIZED))

    @pytest.mark.parametrize(
        ("sizes", "what"),
        [
            ("{Small: {}}", "sizes.Small"),
            ("{small: {epochs: 3}}", "unknown field 'sizes.small.epochs'"),
            ("{small: {seeds: x}}", "seeds 'x' are not numbers"),
            ("{small: {conditions: {a: {}}}}", "unknown condition 'b'"),
        ],
    )
    def test_an_error_names_the_file(self, file: Path, sizes: str, what: str) -> None:
        file.write_text(
            f"name: sized\nquestion: q\nsizes: {sizes}\n"
            "runs: [{variant: clip, conditions: [b]}]\nconditions: {c: {}}\n"
            if "conditions" in sizes
            else f"name: sized\nquestion: q\nsizes: {sizes}\nruns: [{{variant: clip}}]\n"
        )
        with pytest.raises(FairbenchError, match=r"^/.*/sized\.yaml: ") as error:
            load_suite(str(file))
        assert what in str(error.value)
