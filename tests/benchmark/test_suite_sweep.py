from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from benchmark.plan import Request, plan
from benchmark.suite import Suite, load_suite
from benchmark.suite_sweep import swept

SUITE = {"name": "doses", "question": "Does it help?"}


def suite(*runs: dict[str, Any]) -> Suite:
    return Suite.model_validate({**SUITE, "runs": list(runs)})


class TestSweep:
    def test_one_key_makes_a_run_for_each_value_beside_what_is_set(self) -> None:
        entry = {"variant": "fairclip", "set": {"blur": 0.1}, "sweep": {"weight": [1e-7, 1e-3]}}
        assert swept(entry) == [
            {"variant": "fairclip", "set": {"blur": 0.1, "weight": 1e-7}},
            {"variant": "fairclip", "set": {"blur": 0.1, "weight": 1e-3}},
        ]

    def test_several_keys_make_every_combination(self) -> None:
        entry = {"variant": "fairclip", "sweep": {"solver": ["a", "b"], "weight": [1, 2]}}
        found = [run["set"] for run in swept(entry)]  # type: ignore[index]
        assert found == [{"solver": s, "weight": w} for s in "ab" for w in (1, 2)]

    def test_a_suite_plans_what_the_same_runs_written_out_plan(self) -> None:
        short = suite({"variant": "fairclip", "sweep": {"weight": [1e-7, 1e-3]}})
        long = suite(*({"variant": "fairclip", "set": {"weight": w}} for w in (1e-7, 1e-3)))
        assert short == long
        assert plan(Request(device="cpu"), short) == plan(Request(device="cpu"), long)

    def test_an_entry_without_sweep_is_itself(self) -> None:
        assert swept({"variant": "clip"}) == [{"variant": "clip"}]

    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            ({"sweep": {}}, "expected keys with values"),
            ({"sweep": [1, 2]}, "expected keys with values"),
            ({"sweep": {"weight": 3}}, "sweeps weight over 3; expected a list"),
            ({"sweep": {"weight": []}}, "expected a list of values"),
            ({"sweep": {"weight": [1, 2, 1.0]}}, "has a value twice"),
            ({"set": {"weight": 1}, "sweep": {"weight": [2]}}, "both in set and in sweep"),
        ],
    )
    def test_what_cannot_be_swept_is_refused(self, entry: dict[str, Any], why: str) -> None:
        with pytest.raises(ValidationError, match=why):
            suite({"variant": "fairclip", **entry})


class TestLambdaSweep:
    def test_is_small_on_generated_data(self) -> None:
        found = plan(Request(device="cpu"), load_suite("lambda-sweep"))
        assert len(found) == 42
        assert {config.dataset.name for config in found} == {"synthetic"}

    def test_has_six_decades_both_solvers_both_protocols_and_ten_seeds_on_patients(self) -> None:
        real = load_suite("lambda-sweep", "fairvlmed")
        found = plan(Request(device="cpu", data_dir="/nowhere"), real)  # type: ignore[arg-type]
        keys = [(c.preset, c.seed, c.objective.keys()) for c in found if c.variant == "fairclip"]
        fixed = [(p, s, k["solver"], k["weight"]) for p, s, k in keys if k["balance"] == "none"]
        expected = {
            (preset, seed, solver, weight)
            for preset in ("official", "reproduction")
            for seed in range(10)
            for solver in ("geomloss-fp32", "geomloss-fp64")
            for weight in (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
        }
        assert (set(fixed), len(fixed)) == (expected, len(expected))
        assert {k["weight"] for _, _, k in keys if k["balance"] == "gradient"} >= {0.01, 1, 10}
