from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.cell import canonical
from benchmark.data.column_specs import AttributeSpec
from benchmark.data.table_spec import TableSpec, find_spec, load_spec
from benchmark.errors import FairbenchError


def error_of(table: Any, **changes: Any) -> str:
    path = table.write() / "clinic.yaml"
    path.write_text(yaml.safe_dump({**table.spec, **changes}))
    with pytest.raises(FairbenchError) as caught:
        load_spec(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def label(**changes: Any) -> dict[str, Any]:
    classes = [
        {"name": "a", "prompt": "a", "values": [0]},
        {"name": "b", "prompt": "b", "values": [1]},
    ]
    return {"column": "finding", "classes": classes, **changes}


class TestErrors:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"name": "fairvlmed"}, "'name' is 'fairvlmed', the name of a dataset"),
            ({"name": "My Data"}, "'name' is 'My Data'"),
            ({"imagee": "path"}, "unknown field 'imagee'"),
            ({"label": label(classes=label()["classes"][:1])}, "label.classes"),
            ({"label": label(leave_out=["1.0"])}, "lists the value '1' twice"),
            ({"split": {}}, "needs either 'column' or 'seed'"),
            ({"split": {"column": "a", "train": [1], "val": [2]}}, "lists no values for 'test'"),
            ({"split": {"seed": 0, "train": ["a"]}}, "belongs to a split by column"),
            ({"split": {"seed": 0, "val_fraction": 0.5, "test_fraction": 0.5}}, "leaves nothing"),
            ({"attributes": {}}, "'attributes'"),
            ({"attributes": {"a/b": {"groups": {"x": [1]}}}}, "attributes"),
            ({"attributes": {"a": {}}}, "needs either 'groups' or 'edges'"),
            ({"attributes": {"a": {"edges": [0, 40, 40]}}}, "rising edges, got [0.0, 40.0, 40.0]"),
            ({"attributes": {"a": {"edges": [0, 1], "names": ["x", "y"]}}}, "2 names for 1 bins"),
            ({"attributes": {"a": {"groups": {"Unknown": [1]}}}}, "under the key 'unknown'"),
            ({"attributes": {"a": {"groups": {"x": [1], "y": [1.0]}}}}, "the value '1' twice"),
            ({"text": {"column": "a", "template": "b"}}, "needs either 'column' or 'template'"),
            ({"text": {"template": "A {sex person"}}, "a brace in 'template'"),
            (
                {"attributes": {"sex": {"groups": {"female": ["f", None], "male": ["m"]}}}},
                "lists an empty cell in group 'female'",
            ),
        ],
    )
    def test_one_line_names_file_and_key(
        self, table: Any, changes: dict[str, Any], expected: str
    ) -> None:
        assert expected in error_of(table, **changes)

    def test_a_date_is_no_value(self, table: Any) -> None:
        path = table.write() / "clinic.yaml"
        path.write_text(path.read_text().replace("- F\n", "- 2024-01-31\n", 1))
        with pytest.raises(FairbenchError, match="got 2024-01-31; quote it"):
            load_spec(path)

    def test_more_groups_than_codes_are_an_error(self) -> None:
        with pytest.raises(ValueError, match="at most 127"):
            AttributeSpec(groups={f"g{i}": (i,) for i in range(128)})


class TestFindSpec:
    def test_a_folder_with_two_yaml_files_needs_a_path(self, table: Any) -> None:
        root = table.write()
        (root / "other.yml").write_text("")
        with pytest.raises(FairbenchError, match=r"2 YAML files \(clinic\.yaml, other\.yml\)"):
            find_spec(root)

    def test_a_folder_without_one_says_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match="holds no YAML file that describes a table"):
            find_spec(tmp_path)


class TestBins:
    def test_names_are_made_of_the_edges(self) -> None:
        spec = AttributeSpec(edges=(float("-inf"), 40, 65.5, float("inf")))
        assert spec.group_names == ("under 40", "40 to under 65.5", "65.5 and over")


class TestCanonical:
    @given(st.integers(-(10**14), 10**14))
    def test_a_whole_number_is_the_same_however_it_is_written(self, number: int) -> None:
        forms = (number, float(number), f" {number} ", f"{number}.0", f"{number:+d}")
        assert len({canonical(form) for form in forms}) == 1

    @given(st.text(), st.text())
    def test_different_plain_texts_stay_different(self, a: str, b: str) -> None:
        a, b = f"x{a.strip()}", f"x{b.strip()}"
        assert (canonical(a) == canonical(b)) == (a == b)

    def test_long_digits_are_identifiers(self) -> None:
        assert canonical("10000000000000000001") != canonical("10000000000000000002")

    @pytest.mark.parametrize(("cell", "value"), [("No", False), ("TRUE", True), ("", None)])
    def test_yamls_words_are_the_cells(self, cell: str, value: Any) -> None:
        assert canonical(cell) == canonical(value)


def test_every_field_is_described() -> None:
    def described(schema: dict[str, Any]) -> bool:
        return all("description" in field for field in schema["properties"].values())

    schema = TableSpec.model_json_schema()
    assert described(schema)
    assert all(described(part) for part in schema["$defs"].values())
