from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from benchmark.config import (
    NUMERICS,
    DatasetConfig,
    ModelConfig,
    RunConfig,
    check_keys,
    check_used,
    ignored_lines,
    resolve,
    run_id,
    unused_keys,
)
from benchmark.errors import FairbenchError
from benchmark.registry import find_variant

OBJECTIVE_CHANGES: dict[str, Any] = {
    "score": "cosine",
    "normalise": "both",
    "distance": "energy",
    "debiased": False,
    "blur": 1e-6,
    "balance": "gradient",
    "scaling": 0.9,
    "diameter": 2.0,
    "solver": "exact",
    "weight": 1e-6,
    "attributes": {"race": 0.5, "gender": 0.5},
    "group_source": "batch",
    "group_captions": "mismatched",
    "group_batch_norm": "moved",
    "groups": "permuted",
    "as_run": True,
    "group_batch": 64,
}
PROTOCOL_CHANGES: dict[str, Any] = {
    "resize": "uint8",
    "note_characters": None,
    "long_notes": "truncate",
    "precision": "bf16-amp",
    "trained": "encoders",
    "mode": "train",
    "deterministic": False,
    "optimiser": "sgd",
    "lr": 2e-5,
    "betas": [0.9, 0.999],
    "eps": 1e-8,
    "weight_decay": 0.0,
    "epochs": 3,
    "batch_size": 64,
    "random_streams": "shared",
    "last_batch": "dropped",
    "validation_features": "raw",
}


def config(variant: str = "fairclip", **arguments: Any) -> RunConfig:
    return resolve(find_variant(variant), **arguments)


def identity(variant: str = "fairclip", **arguments: Any) -> dict[str, Any]:
    return config(variant, **arguments).identity("data", "weights")


def id_of(variant: str = "fairclip", **arguments: Any) -> str:
    return run_id(identity(variant, **arguments))


class TestIdentity:
    def test_leaves_out_keys_at_their_default(self) -> None:
        assert identity("clip-ft", preset="paper") == {
            "numerics": NUMERICS,
            "objective": {"kind": "contrastive"},
            "protocol": {"note_characters": None},
            "threads": 1,
            "device": "cpu",
            "dataset": "data",
            "weights": "weights",
            "seed": 0,
        }

    def test_does_not_change_when_a_key_is_set_to_what_it_is(self) -> None:
        plain = config(preset="reproduction")
        unused = plain.objective.unused_keys()
        own = {key: value for key, value in plain.objective.keys().items() if key not in unused}
        same = {**own, **plain.protocol.keys(trains=True)}
        assert id_of(preset="reproduction", changes=same) == id_of(preset="reproduction")

    @pytest.mark.parametrize("key", [*OBJECTIVE_CHANGES, *PROTOCOL_CHANGES])
    def test_changes_with_every_key(self, key: str) -> None:
        value = {**OBJECTIVE_CHANGES, **PROTOCOL_CHANGES}[key]
        assert id_of(preset="reproduction", changes={key: value}) != id_of(preset="reproduction")

    def test_changes_with_a_key_only_where_it_has_an_effect(self) -> None:
        kernel = {"distance": "gaussian"}
        assert id_of(changes={**kernel, "bandwidth": 1.0}) != id_of(changes=kernel)
        with pytest.raises(FairbenchError, match="'bandwidth' has no effect"):
            id_of(changes={"bandwidth": 1.0})

    def test_the_changes_cover_every_key(self) -> None:
        plain = config()
        assert set(OBJECTIVE_CHANGES) == set(plain.objective.keys()) - {"bandwidth"}
        assert set(PROTOCOL_CHANGES) == set(plain.protocol.keys(trains=True))

    @pytest.mark.parametrize("change", [{"seed": 1}, {"threads": 2}, {"device": "cuda"}])
    def test_changes_with_seed_threads_and_device(self, change: dict[str, Any]) -> None:
        assert id_of(**change) != id_of()

    def test_changes_with_data_and_weights(self) -> None:
        run = config()
        ids = {run_id(run.identity(d, w)) for d, w in ("ab", "cb", "ac", "ba")}
        assert len(ids) == 4

    def test_changes_with_the_attribute(self) -> None:
        assert id_of(attribute="gender") != id_of()
        assert id_of(attribute="race") == id_of()

    def test_does_not_depend_on_label_preset_or_paths(self, tmp_path: Path) -> None:
        run = config()
        for change in (
            {"label": "another"},
            {"variant": "another"},
            {"preset": "paper"},
            {"dataset": DatasetConfig(name="fairvlmed", data_dir=tmp_path)},
            {"model": ModelConfig(name="ViT-B-16")},
        ):
            other = run.model_copy(update=change)
            assert other.identity("data", "weights") == run.identity("data", "weights")

    def test_does_not_depend_on_the_selection_rule(self) -> None:
        run = config()
        other = run.objective.model_copy(update={"own_selection": "last"})
        changed = run.model_copy(update={"objective": other})
        assert changed.identity("data", "weights") == run.identity("data", "weights")

    def test_of_clip_has_no_seed_and_no_training_key(self) -> None:
        found = identity("clip", seed=3, changes={"lr": 1.0, "epochs": 2, "mode": "eval"})
        assert "seed" not in found
        assert found["protocol"] == {"long_notes": "error", "mode": "eval"}

    def test_equal_keys_in_another_order_are_one_run(self) -> None:
        a = {"attributes": {"race": 0.5, "gender": 0.5}, "weight": 1e-3}
        b = {"weight": 0.001, "attributes": {"gender": 0.5, "race": 0.5}}
        assert id_of(changes=a) == id_of(changes=b)


class TestRunId:
    def test_is_the_hash_of_canonical_json(self) -> None:
        text = b'{"a":[1,2.5],"b":{"c":"x","d":1e-07}}'
        found = run_id({"b": {"d": 1e-7, "c": "x"}, "a": [1, 2.5]})
        assert found == hashlib.sha256(text).hexdigest()[:16]

    def test_of_a_fixed_identity_stays_what_it_was(self) -> None:
        # An id that moves makes every finished run of every user start again.
        fixed = {
            "numerics": 1,
            "objective": {"kind": "group-distance", "score": "squared-logits"},
            "protocol": {"trained": "encoders", "lr": 2e-05, "betas": [0.9, 0.999]},
            "threads": 1,
            "device": "cpu",
            "dataset": "0" * 64,
            "weights": "1" * 64,
            "seed": 0,
        }
        assert run_id(fixed) == "164f091dfc153537"

    def test_refuses_what_json_has_no_word_for(self) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            run_id({"weight": float("nan")})


class TestResolve:
    def test_lays_changes_over_variant_and_protocol(self) -> None:
        run = config(changes={"weight": 1e-3, "lr": 2e-5}, preset="official")
        assert run.objective.keys()["weight"] == 1e-3
        assert run.objective.keys()["score"] == "squared-logits"
        assert run.protocol.lr == 2e-5
        assert run.protocol.trained == "encoders"

    def test_takes_the_tiny_protocol_for_the_tiny_model_alone(self) -> None:
        assert config().preset == "tiny"
        assert config(model=ModelConfig(name="ViT-B-16")).preset == "reproduction"

    def test_leaves_out_keys_of_other_variants_and_names_them(self) -> None:
        plain, asked = config("clip-ft"), config("clip-ft", changes={"weight": 1.0})
        assert asked.ignored == ("weight",)
        assert asked.model_copy(update={"ignored": ()}) == plain
        assert asked.identity("data", "weights") == plain.identity("data", "weights")

    def test_refuses_a_key_without_effect_unless_it_was_given_to_several_variants(self) -> None:
        with pytest.raises(FairbenchError, match="variant 'mmd-gaussian': key 'blur' has no effe"):
            config("mmd-gaussian", changes={"blur": 1e-6})
        lenient = config("mmd-gaussian", changes={"blur": 1e-6, "lr": 1.0}, may_ignore=["blur"])
        assert lenient.ignored == ("blur",)
        assert lenient.objective == config("mmd-gaussian").objective
        assert lenient.label == "mmd-gaussian"
        assert lenient.protocol.lr == 1.0

    def test_refuses_a_protocol_key_that_another_leaves_without_effect(self) -> None:
        with pytest.raises(FairbenchError, match="protocol 'tiny': key 'eps' has no effect"):
            config("clip-ft", changes={"optimiser": "sgd", "eps": 1e-8})

    def test_weights_that_do_not_sum_to_one_are_one_line_with_their_sum(self) -> None:
        with pytest.raises(FairbenchError) as error:
            config(changes={"attributes": {"race": 0.5, "gender": 0.4}})
        assert str(error.value) == (
            "variant 'fairclip': key 'attributes' weights must be at least 0 and sum to 1, "
            "got {'race': 0.5, 'gender': 0.4} with sum 0.9"
        )

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"weight": "much"}, "variant 'fairclip': key 'weight' is 'much': "),
            ({"weight": -1}, "variant 'fairclip': key 'weight' must be a finite number"),
            ({"solver": "fast"}, "variant 'fairclip': key 'solver' is 'fast': .*geomloss-fp32"),
            ({"epochs": 0}, "protocol 'tiny': key 'epochs' must be positive, got 0"),
            ({"epochs": 2.5}, "protocol 'tiny': key 'epochs' is 2.5: "),
            ({"trained": "some"}, "protocol 'tiny': key 'trained' is 'some': .*'encoders'"),
        ],
    )
    def test_an_error_names_origin_key_value_and_requirement(
        self, changes: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FairbenchError, match=f"^{message}") as error:
            config(changes=changes)
        assert "\n" not in str(error.value)


class TestLabel:
    def test_shows_the_changed_keys_with_all_their_digits(self) -> None:
        run = config(changes={"weight": 1.23456789e-5, "group_batch": 8, "lr": 0.5})
        assert run.label == "fairclip[weight=1.23456789e-05, group_batch=8]"
        assert run.protocol_label == "tiny[lr=0.5]"

    def test_is_the_plain_name_without_changes(self) -> None:
        run = config(changes={"weight": 1e-7})
        assert (run.label, run.protocol_label) == ("fairclip", "tiny")

    def test_leaves_a_single_attribute_to_its_own_column(self) -> None:
        assert config(attribute="gender").label == "fairclip"
        weights = {"gender": 0.5, "race": 0.5}
        assert "attributes" in config(changes={"attributes": weights}).label


class TestCheckKeys:
    variants = tuple(find_variant(name) for name in ("clip-ft", "fairclip"))

    def test_passes_keys_that_one_variant_or_its_protocol_uses(self) -> None:
        check_keys(["weight", "lr", "resize"], self.variants)
        assert unused_keys(["weight", "lr"], self.variants) == []

    def test_refuses_an_unknown_key_with_a_guess_and_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError) as error:
            check_keys(["wieght"], self.variants)
        message = str(error.value)
        assert message.startswith("unknown key 'wieght'. Did you mean 'weight'? Known: ")
        assert "blur" in message
        assert "batch_size" in message
        assert message.endswith("(used by: clip-ft, fairclip)")

    def test_refuses_a_key_that_only_another_variant_has(self) -> None:
        with pytest.raises(FairbenchError, match="unknown key 'weight'"):
            check_keys(["weight"], self.variants[:1])

    def test_refuses_a_training_key_where_nothing_trains(self) -> None:
        clip = find_variant("clip")
        check_keys(["resize"], [clip])
        with pytest.raises(FairbenchError, match="unknown key 'lr'") as error:
            check_keys(["lr"], [clip])
        assert "batch_size" not in str(error.value)

    @pytest.mark.parametrize("key", ["seed", "own_selection", "kind"])
    def test_refuses_what_is_no_key_of_a_run(self, key: str) -> None:
        with pytest.raises(FairbenchError, match=f"unknown key '{key}'"):
            check_keys([key], self.variants)


class TestKeysOfSeveralRuns:
    def runs(self, *variants: str, **changes: Any) -> list[RunConfig]:
        return [config(name, changes=changes, may_ignore=changes) for name in variants]

    def test_one_that_some_run_uses_is_a_line_with_the_others(self) -> None:
        runs = self.runs("clip-ft", "fairclip", "mmd-gaussian", blur=1e-6, lr=1e-3)
        check_used(["blur", "lr"], runs)
        assert ignored_lines(runs) == ["key 'blur' is not used by clip-ft, mmd-gaussian"]

    def test_one_that_no_run_uses_is_an_error(self) -> None:
        runs = self.runs("mmd-laplacian", "mmd-gaussian", blur=1e-6)
        with pytest.raises(FairbenchError, match="'blur' has no effect on any of mmd-laplacian, m"):
            check_used(["blur"], runs)

    def test_seeds_of_one_variant_are_named_once(self) -> None:
        runs = [config("clip-ft", changes={"weight": 1.0}, seed=seed) for seed in range(3)]
        assert ignored_lines(runs) == ["key 'weight' is not used by clip-ft"]
