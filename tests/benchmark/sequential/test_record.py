import json

import pytest

from benchmark.errors import FairbenchError
from benchmark.sequential.record import (
    CLAIM,
    Design,
    Look,
    SequentialRecord,
    read_record,
    record_path,
    write_record,
)

DESIGN = Design("s", "d" * 64, (2, 4, 6), (0, 1, 2, 3, 4, 5), 0.05 / 3, {"alpha": 0.05}, "then", 0)


def claim(metric, verdict, difference=0.01):
    return {
        **dict.fromkeys(CLAIM, "x"),
        "metric": metric,
        "verdict": verdict,
        "difference": difference,
        "low": None,
        "high": None,
        "p_adjusted": 0.5,
        "p_equivalence_adjusted": 0.5,
    }


def look(n, **verdicts):
    return Look(n, (f"run{n}",), tuple(claim(m, v) for m, v in verdicts.items()), "then")


def with_looks(*looks):
    record = SequentialRecord(DESIGN)
    for one in looks:
        record = record.with_look(one)
    return record


class TestStandings:
    def test_the_first_look_that_decides_holds(self):
        record = with_looks(
            look(2, auc="undecided", dpd="better"),
            look(4, auc="equivalent", dpd="undecided"),
            look(6, auc="worse", dpd="worse"),
        )
        found = {s.claim["metric"]: (s.claim["verdict"], s.look) for s in record.standings()}
        assert found == {"auc": ("equivalent", 1), "dpd": ("better", 0)}

    def test_is_decided_when_no_claim_is_open(self):
        first = look(2, auc="undecided", dpd="better")
        assert not with_looks().decided
        assert not with_looks(first).decided
        assert with_looks(first, look(4, auc="worse, negligible", dpd="undecided")).decided

    @pytest.mark.parametrize("verdict", ["", "not estimable"])
    def test_a_claim_that_no_seed_decides_keeps_nothing_open(self, verdict):
        record = with_looks(look(2, auc="better", dpd=verdict))
        assert record.decided
        assert [s.look for s in record.standings()] == [0, None]

    def test_a_claim_without_a_value_at_first_can_be_decided_later(self):
        record = with_looks(look(2, auc="not estimable"), look(4, auc="better"))
        assert [s.look for s in record.standings()] == [1]


class TestFile:
    def test_is_read_as_it_was_written(self, tmp_path):
        record = with_looks(look(2, auc="undecided"), look(4, auc="better"))
        write_record(record, tmp_path)
        assert read_record(tmp_path, "s") == record

    def test_no_file_is_no_record(self, tmp_path):
        assert read_record(tmp_path, "s") is None

    def test_every_change_is_an_error(self, tmp_path):
        write_record(with_looks(look(2, auc="undecided"), look(4, auc="better")), tmp_path)
        path = record_path(tmp_path, "s")
        whole = path.read_text()

        def changed(edit):
            stored = json.loads(whole)
            edit(stored)
            path.write_text(json.dumps(stored))
            with pytest.raises(FairbenchError, match="was changed after its looks were made"):
                read_record(tmp_path, "s")

        changed(lambda s: s["design"]["looks"].append(8))
        changed(lambda s: s["design"].update(level=0.05))
        changed(lambda s: s["design"].update(runs_before=3))
        changed(lambda s: s["looks"].pop(0))
        changed(lambda s: s["looks"].reverse())
        changed(lambda s: s["looks"][1]["claims"][0].update(verdict="worse"))
        changed(lambda s: s["looks"][0]["runs"].append("other"))
        changed(lambda s: s["looks"][0].update(hash=s["looks"][1]["hash"]))

    def test_another_file_is_an_error(self, tmp_path):
        path = record_path(tmp_path, "s")
        path.parent.mkdir()
        path.write_text("{}")
        with pytest.raises(FairbenchError, match="is not a record of looks"):
            read_record(tmp_path, "s")
