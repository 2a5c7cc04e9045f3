from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmark.errors import FairbenchError
from benchmark.yaml_io import parse_yaml, read_yaml, write_yaml


def parse(text: str) -> Any:
    return parse_yaml(text, "file.yaml")


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1e-7", 1e-7),
            ("1E5", 1e5),
            ("-2e-3", -2e-3),
            ("+1e+3", 1e3),
            ("1.5e3", 1.5e3),
            (".5", 0.5),
            ("1.", 1.0),
            ("0.1", 0.1),
        ],
    )
    def test_decimal_literals_are_floats(self, text: str, value: float) -> None:
        found = parse(f"weight: {text}")["weight"]
        assert isinstance(found, float)
        assert found == value

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_repr_of_any_finite_float_is_that_float(self, value: float) -> None:
        found = parse(f"x: {value!r}")["x"]
        assert isinstance(found, float)
        assert found == value
        assert math.copysign(1, found) == math.copysign(1, value)

    @pytest.mark.parametrize("text", [".inf", "-.inf", "+.INF"])
    def test_infinities_are_floats(self, text: str) -> None:
        assert math.isinf(parse(text))

    @given(st.integers())
    def test_integers_stay_integers(self, value: int) -> None:
        found = parse(f"x: {value}")["x"]
        assert type(found) is int
        assert found == value

    @pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("null", None)])
    def test_booleans_and_null_are_what_they_were(self, text: str, value: Any) -> None:
        assert parse(text) is value

    @pytest.mark.parametrize(
        "text", ["e5", "1e", "1e-", "e-7", "race", "1e-7x", "v1.2", "0-4", "0,2,7", "1.2.3", "."]
    )
    def test_what_is_no_number_stays_text(self, text: str) -> None:
        assert parse(text) == text

    @pytest.mark.parametrize("text", ["'1e-7'", '"1e-7"'])
    def test_quoted_numbers_stay_text(self, text: str) -> None:
        assert parse(text) == "1e-7"


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "line", "what"),
        [
            ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice"),
            ("a:\n  b: 1\n  b: 1\n", 3, "key 'b' is given twice"),
            ("a: 1\nb: [1, 2\n", 3, "expected"),
            ("a: 1\n? [1, 2]\n: 3\n", 2, "unhashable"),
            ("a: !!python/object/apply:os.getcwd []\n", 1, "python/object"),
            ("--- a\n--- b\n", 2, "another document"),
        ],
    )
    def test_name_file_line_and_problem_on_one_line(self, text: str, line: int, what: str) -> None:
        with pytest.raises(FairbenchError) as error:
            parse(text)
        message = str(error.value)
        assert message.startswith(f"file.yaml: line {line} ")
        assert what in message
        assert "\n" not in message

    @pytest.mark.parametrize("text", ["day: 2024-13-45", "n: 0x_", "x: !!float abc", "a: \x07"])
    def test_a_literal_without_a_value_names_the_file(self, text: str) -> None:
        with pytest.raises(FairbenchError, match=r"^file\.yaml: .*not valid YAML"):
            parse(text)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match=r"none\.yaml: cannot be read"):
            read_yaml(tmp_path / "none.yaml")

    def test_a_file_that_is_not_text_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(FairbenchError, match=r"bytes\.yaml: cannot be read"):
            read_yaml(tmp_path / "bytes.yaml")


class TestMerge:
    def test_a_merged_key_may_be_overridden(self) -> None:
        text = "base: &base {a: 1, b: 1}\nmore: {<<: *base, b: 2}"
        assert parse(text)["more"] == {"a": 1, "b": 2}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcdef-_ 01e", min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


class TestWriteYaml:
    @settings(max_examples=40, deadline=None)
    @given(json_values)
    @example("1e5")
    @example("-2e-3")
    @example("true")
    @example(1e-7)
    def test_what_is_written_is_read_back(self, value: Any) -> None:
        found = parse(write_yaml({"value": value}))["value"]
        assert json.dumps(found) == json.dumps(value)

    def test_keeps_the_order_of_keys(self) -> None:
        assert list(parse(write_yaml({"b": 1, "a": 2, "c": 3}))) == ["b", "a", "c"]
