from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from benchmark.discrepancies import key_sources, stated_values
from benchmark.errors import FairbenchError
from benchmark.protocol import (
    EVALUATION_KEYS,
    NO_PRESET_FOLLOWS,
    PRESETS,
    Protocol,
    protocol_preset,
)
from benchmark.yaml_io import parse_yaml

CHANGES: dict[str, Any] = {
    "resize": "uint8",
    "note_characters": None,
    "long_notes": "error",
    "precision": "bf16-amp",
    "trained": "encoders",
    "mode": "train",
    "deterministic": False,
    "optimiser": "sgd",
    "lr": 2e-5,
    "betas": (0.9, 0.999),
    "eps": 1e-8,
    "weight_decay": 0.0,
    "epochs": 3,
    "batch_size": 64,
    "random_streams": "shared",
    "last_batch": "dropped",
    "validation_features": "raw",
}


class TestPresets:
    @pytest.mark.parametrize(
        ("preset", "key", "value"),
        [
            # What the public code does; sources stand at the keys.
            ("official", "trained", "encoders"),
            ("official", "precision", "fp16-weights"),
            ("official", "deterministic", False),
            ("official", "mode", "eval"),
            ("reproduction", "trained", "all"),
            ("reproduction", "precision", "fp32"),
            ("reproduction", "mode", "switched"),
            ("reproduction", "deterministic", True),
            ("reproduction-clip-ft", "trained", "encoders"),
            ("reproduction-clip-ft", "precision", "fp16-weights"),
            ("reproduction-clip-ft", "mode", "switched"),
            ("reproduction-mmd", "last_batch", "dropped"),
            ("fairface", "mode", "eval"),
            ("fairface", "trained", "encoders"),
            ("fairface", "lr", 1e-6),
            ("fairface", "batch_size", 128),
            ("fairface", "epochs", 20),
        ],
    )
    def test_follow_the_public_code(self, preset: str, key: str, value: Any) -> None:
        assert getattr(protocol_preset(preset), key) == value

    @pytest.mark.parametrize("preset", ["official", "reproduction"])
    def test_share_the_published_optimiser(self, preset: str) -> None:
        protocol = protocol_preset(preset)
        assert (protocol.optimiser, protocol.lr, protocol.betas) == ("adam", 1e-5, (0.1, 0.1))
        assert (protocol.eps, protocol.weight_decay) == (1e-6, 6e-5)
        assert (protocol.epochs, protocol.batch_size) == (10, 32)
        assert protocol.note_characters == 180
        assert protocol.long_notes == "error"

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(FairbenchError, match="Did you mean 'official'") as error:
            protocol_preset("oficial")
        assert all(name in str(error.value) for name in PRESETS)

    @pytest.mark.parametrize("preset", sorted(PRESETS.keys() - {"fast", "tiny"}))
    def test_have_a_value_that_their_source_states(self, preset: str) -> None:
        source = {"official": "official", "paper": "paper"}.get(preset, "reproduction")
        protocol = protocol_preset(preset)
        for name in Protocol.model_fields:
            stated = stated_values(key_sources(Protocol, name)[source])
            if stated and name not in NO_PRESET_FOLLOWS:
                values = [getattr(Protocol(**{name: parse_yaml(v, name)}), name) for v in stated]
                assert getattr(protocol, name) in values, name

    def test_fast_is_the_reproduction_but_for_precision_and_kernels(self) -> None:
        plain = protocol_preset("reproduction").model_dump()
        fast = protocol_preset("fast").model_dump()
        differing = {name: fast[name] for name in fast if fast[name] != plain[name]}
        assert differing == {"precision": "bf16-amp", "deterministic": False}

    def test_leave_alone_what_would_unpair_the_seeds(self) -> None:
        for name in NO_PRESET_FOLLOWS:
            default = Protocol.model_fields[name].default
            assert {getattr(protocol_preset(preset), name) for preset in PRESETS} == {default}


class TestKeys:
    def test_every_key_has_a_description_and_sources(self) -> None:
        for name, field in Protocol.model_fields.items():
            assert field.description, name
            assert isinstance(field.json_schema_extra, dict)
            assert {"paper", "official", "reproduction"} == set(field.json_schema_extra["sources"])  # type: ignore[arg-type]

    def test_a_run_without_training_depends_on_evaluation_keys_alone(self) -> None:
        assert set(Protocol().keys(trains=False)) == EVALUATION_KEYS

    def test_changes_cover_every_key(self) -> None:
        assert set(CHANGES) == set(Protocol.model_fields)

    @pytest.mark.parametrize("key", CHANGES)
    def test_identity_holds_a_changed_key_and_nothing_else(self, key: str) -> None:
        identity = Protocol(**{key: CHANGES[key]}).identity(trains=True)
        value = CHANGES[key]
        assert identity == {key: list(value) if isinstance(value, tuple) else value}

    def test_identity_of_the_defaults_is_empty(self) -> None:
        assert Protocol().identity(trains=True) == {}
        assert Protocol(lr=1e-5, betas=(0.1, 0.1)).identity(trains=True) == {}

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("lr", 0),
            ("lr", -1e-5),
            ("lr", float("nan")),
            ("lr", float("inf")),
            ("eps", 0),
            ("epochs", 0),
            ("epochs", 1.5),
            ("batch_size", 0),
            ("weight_decay", -1),
            ("betas", (0.9, 1.0)),
            ("betas", (0.9, float("nan"))),
            ("betas", (0.9,)),
            ("note_characters", 0),
            ("precision", "fp16"),
            ("momentum", 0.9),
        ],
    )
    def test_refuse_values_without_a_meaning(self, key: str, value: Any) -> None:
        with pytest.raises(ValidationError):
            Protocol(**{key: value})
