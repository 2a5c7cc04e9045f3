"""Files of a pack that are damaged or lack something: one line that says which and what."""

from __future__ import annotations

import json
from math import inf, isnan
from pathlib import Path

import numpy as np
import pytest

from benchmark.verify.pack import Entry, Pack, PackError, by_case


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    np.savez(tmp_path / "a.npz", scores=np.arange(6).reshape(2, 3))
    (tmp_path / "a.json").write_text(json.dumps({"cases": [{"case": 4, "x": "nan"}]}))
    return Pack(tmp_path)


class TestPack:
    def test_a_file_is_not_a_pack(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.touch()
        with pytest.raises(PackError, match="not a folder"):
            Pack(path)

    def test_truncated_json_names_the_file(self, pack: Pack) -> None:
        path = pack.root / "a.json"
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(PackError, match=r"a\.json: truncated"):
            pack.record("a.json")

    @pytest.mark.parametrize("kept", [0, 30, 120, -1])
    def test_truncated_arrays_name_the_file(self, pack: Pack, kept: int) -> None:
        path = pack.root / "a.npz"
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(PackError, match=r"a\.npz.*truncated"):
            pack.arrays("a.npz")

    def test_a_flipped_byte_names_file_and_array(self, pack: Pack) -> None:
        path = pack.root / "a.npz"
        content = bytearray(path.read_bytes())
        at = content.index(np.arange(6).tobytes())
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(PackError, match=r"a\.npz, array 'scores'"):
            pack.arrays("a.npz")

    def test_pickled_objects_are_not_loaded(self, pack: Pack) -> None:
        np.savez(pack.root / "a.npz", scores=np.array([{}], dtype=object))
        with pytest.raises(PackError, match="scores"):
            pack.arrays("a.npz")


class TestArrays:
    def test_a_missing_array_is_named_with_its_file(self, pack: Pack) -> None:
        with pytest.raises(PackError, match=r"a\.npz: array 'c00_img' is missing"):
            pack.arrays("a.npz").array("c00_img", None)

    @pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 3, 1)])
    def test_another_shape_is_refused(self, pack: Pack, shape: tuple[int, ...]) -> None:
        with pytest.raises(PackError, match=r"'scores' has shape \(2, 3\)"):
            pack.arrays("a.npz").array("scores", *shape)

    def test_none_is_any_length(self, pack: Pack) -> None:
        assert pack.arrays("a.npz").array("scores", None, 3).tolist() == [[0, 1, 2], [3, 4, 5]]


class TestEntry:
    def test_a_missing_field_is_named_with_file_and_case(self, pack: Pack) -> None:
        (entry,) = pack.record("a.json").entries("cases")
        with pytest.raises(PackError, match=r"a\.json, case 4: field 'term' is missing"):
            entry.number("term")

    def test_numbers_that_are_not_finite_are_words(self) -> None:
        entry = Entry("a", {"x": "nan", "y": [1, "inf", "-inf"]})
        assert isnan(entry.number("x"))
        assert entry.numbers("y") == [1.0, inf, -inf]

    @pytest.mark.parametrize("value", ["1.0", None, True, [1.0], {}])
    def test_what_is_no_number_is_refused(self, value: object) -> None:
        with pytest.raises(PackError, match="a: field 'x' is"):
            Entry("a", {"x": value}).number("x")

    @pytest.mark.parametrize("value", [1.0, "1", True])
    def test_what_is_no_whole_number_is_refused(self, value: object) -> None:
        with pytest.raises(PackError, match="expected a whole number"):
            Entry("a", {"x": value}).integer("x")

    def test_a_list_of_another_length_is_refused(self) -> None:
        with pytest.raises(PackError, match="has 2 numbers; expected 3"):
            Entry("a", {"x": [1, 2]}).numbers("x", 3)

    def test_a_case_that_occurs_twice_is_refused(self) -> None:
        entries = Entry("a", {"cases": [{"case": 1}, {"case": 1}]}).entries("cases")
        with pytest.raises(PackError, match="case 1: the case occurs twice"):
            by_case(entries)
