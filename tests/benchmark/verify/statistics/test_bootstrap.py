import json

import pytest

from benchmark.verify.pack import SHIPPED, Pack
from benchmark.verify.statistics.bootstrap import RECORD, check_bootstrap


def first_case(kind):
    record = json.loads((SHIPPED / RECORD).read_text())
    return {kind: record[kind][:1]}


def check(folder, record):
    (folder / "statistics").mkdir(exist_ok=True)
    (folder / RECORD).write_text(json.dumps(record))
    (found,) = check_bootstrap(Pack(folder))
    return found


class TestCheckBootstrap:
    def test_the_shipped_numbers_are_found_again(self):
        (found,) = check_bootstrap(Pack(SHIPPED))
        assert (found.name, found.status) == ("statistics-bootstrap", "pass"), found.note
        assert found.cases > 100

    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            ("mean_difference", ("mean",)),
            ("mean_difference", ("acceleration",)),
            ("mean_difference", ("student_t_ci", 0)),
            ("mean_difference", ("bootstrap_se_ideal",)),
            ("mean_difference", ("z0_mid",)),
            ("auc", ("theta",)),
            ("auc", ("stratified", "acceleration")),
            ("auc", ("stratified", "sd")),
            ("auc", ("unstratified", "acceleration")),
        ],
    )
    def test_a_number_one_and_a_half_times_as_large_is_a_miss(self, tmp_path, kind, path):
        record = first_case(kind)
        *way, last = path
        place = record[kind][0]["expected"]
        for step in way:
            place = place[step]
        place[last] = place[last] * 1.5 + 0.2 * (last == "z0_mid")
        assert check(tmp_path, record).status == "miss"

    @pytest.mark.parametrize("field", ["accept_percentile", "accept_BCa_z0_mid"])
    def test_a_range_that_lies_elsewhere_is_a_miss(self, tmp_path, field):
        record = first_case("mean_difference")
        expected = record["mean_difference"][0]["expected"]
        expected[field]["10000"]["lo"] = [0.005, 0.006]
        assert check(tmp_path, record).status == "miss"

    @pytest.mark.parametrize("kind", ["mean_difference", "auc"])
    def test_a_pack_of_one_kind_is_checked(self, tmp_path, kind):
        assert check(tmp_path, first_case(kind)).status == "pass"
