import json
import shutil

import numpy as np
import pytest

from benchmark.verify.pack import SHIPPED, Pack, PackError
from benchmark.verify.statistics.delong import ARRAYS, FILES, RECORD, check_delong


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "statistics").mkdir()
    for file in FILES:
        shutil.copy(SHIPPED / file, tmp_path / file)
    return tmp_path


def edit(pack, how):
    record = json.loads((pack / RECORD).read_text())
    how(record)
    (pack / RECORD).write_text(json.dumps(record))
    (found,) = check_delong(Pack(pack))
    return found


class TestCheckDelong:
    def test_the_shipped_numbers_are_found_again(self):
        (found,) = check_delong(Pack(SHIPPED))
        assert (found.name, found.status) == ("statistics-delong", "pass"), found.note
        assert found.cases > 300

    @pytest.mark.parametrize(
        ("kind", "field"),
        [
            ("paired", "auc_a"),
            ("paired", "var_b"),
            ("paired", "cov_ab"),
            ("paired", "z"),
            ("paired", "p_two_sided"),
            ("paired", "p_greater"),
            ("unpaired", "var_2"),
            ("unpaired", "df"),
            ("unpaired", "p_t_welch"),
            ("unpaired", "p_normal"),
            ("multi", "chi2"),
            ("multi", "p"),
        ],
    )
    def test_a_number_moved_by_a_millionth_of_itself_is_a_miss(self, pack, kind, field):
        def move(record):
            record[kind][0]["expected"][field] *= 1 + 1e-6

        assert edit(pack, move).status == "miss"

    @pytest.mark.parametrize("field", ["diff_ci", "ci_a", "ci_b_logit", "ci_a_unclipped"])
    def test_a_moved_bound_is_a_miss(self, pack, field):
        def move(record):
            record["paired"][0]["expected"][field][1] += 1e-8

        assert field in edit(pack, move).note

    def test_a_moved_exponent_of_p_is_a_miss(self, pack):
        def move(record):
            record["paired"][0]["expected"]["log10_p_two_sided"] += 1e-6

        assert "log10 p" in edit(pack, move).note.split(";")[0]

    def test_a_case_that_is_undefined_is_null_throughout_but_for_its_aucs(self, pack):
        with np.load(pack / ARRAYS) as archive:
            arrays = dict(archive)
        arrays["one_y"] = np.array([0, 0, 1, 0, 0], dtype=np.int8)
        arrays["one_a"], arrays["one_b"] = np.array([[1.0, 2, 3, 4, 5], [1, 2, 9, 4, 5]])
        np.savez(pack / ARRAYS, **arrays)

        def add(record):
            expected = dict.fromkeys(record["paired"][0]["expected"])
            expected |= {"n_pos": 1, "n_neg": 4, "auc_a": 0.5, "auc_b": 1.0, "diff": -0.5}
            case = {"inputs": {"npz": ["one_y", "one_a", "one_b"]}, "expected": expected}
            record["paired"] = [{"id": "one", **case}]

        found = edit(pack, add)
        assert found.status == "pass", found.note

    def test_a_missing_array_is_named(self, pack):
        def rename(record):
            record["paired"][0]["inputs"]["npz"][2] = "gone"

        with pytest.raises(PackError, match="array 'gone' is missing"):
            edit(pack, rename)
