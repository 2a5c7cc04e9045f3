import json
import math

import pytest

from benchmark.errors import FairbenchError
from benchmark.registry import known_variants
from benchmark.verify.regression.baseline import (
    Baseline,
    Recorded,
    read_baseline,
    rounded,
    write_baseline,
)
from benchmark.verify.regression.deviation import FLOORS


@pytest.fixture
def small():
    numbers = {name: {"a": [1 / 3, math.nan]} for name in FLOORS}
    record = Recorded(identity={}, made_with="", tolerances=dict(FLOORS), numbers=rounded(numbers))
    return Baseline(numerics=1, dataset="d", weights="w", inputs="i", cases={"clip": record})


class TestFile:
    def test_comes_back_as_it_was_written(self, small, tmp_path):
        path = tmp_path / "new" / "ci.json"
        write_baseline(path, small)
        assert read_baseline(path) == small
        assert math.isnan(read_baseline(path).cases["clip"].series["terms"]["a"][1])
        assert [p.name for p in path.parent.iterdir()] == ["ci.json"]

    def test_holds_what_float32_carries(self, small):
        assert small.cases["clip"].numbers["scores"]["a"] == [0.333333333, None]
        assert small.cases["clip"].numbers["metrics"]["a"][0] == 0.333333333333

    def test_has_a_line_for_every_series_and_sorted_keys(self, small, tmp_path):
        write_baseline(tmp_path / "ci.json", small)
        text = (tmp_path / "ci.json").read_text()
        assert [line.strip() for line in text.splitlines() if '"a":' in line] == [
            '"a": [0.333333333, null]' if name != "metrics" else '"a": [0.333333333333, null]'
            for name in sorted(FLOORS)
        ]
        assert list(json.loads(text)) == sorted(json.loads(text))

    def test_a_folder_in_its_place_is_reported(self, small, tmp_path):
        (tmp_path / "ci.json").mkdir()
        with pytest.raises(FairbenchError, match=r"ci\.json: cannot be written"):
            write_baseline(tmp_path / "ci.json", small)
        assert [p.name for p in tmp_path.iterdir()] == ["ci.json"]


class TestDamage:
    @pytest.fixture
    def damaged(self, small, tmp_path):
        def damage(change):
            path = tmp_path / "ci.json"
            write_baseline(path, small)
            path.write_text(change(path.read_text()))
            with pytest.raises(FairbenchError) as error:
                read_baseline(path)
            message = str(error.value)
            assert message.startswith(f"{path}: ")
            assert len(message.splitlines()) == 1
            return message

        return damage

    def test_of_the_whole_file_is_named(self, damaged):
        assert "not JSON" in damaged(lambda text: text[:200])
        assert "dictionary" in damaged(lambda text: "[]")

    def test_of_a_field_is_named(self, damaged):
        assert "'numerics' is missing" in damaged(lambda text: text.replace('"numerics": 1,', ""))
        message = damaged(lambda text: text.replace('"a": [0.333333333, null]', '"a": ["x"]', 1))
        assert "cases.clip.numbers.first terms.a.0" in message
        assert "'x'" in message

    def test_of_a_quantity_is_named(self, damaged):
        assert "expected first terms, terms" in damaged(lambda text: text.replace("scores", "x"))

    def test_a_file_of_a_later_format_is_refused(self, damaged):
        assert "format" in damaged(lambda text: text.replace('"format": 1', '"format": 2'))


class TestCommitted:
    def test_is_small_enough_to_be_read_in_a_diff(self, committed):
        cases = json.loads(committed.read_text())["cases"]
        assert committed.stat().st_size / len(cases) < 12_000
        assert max(len(line) for line in committed.read_text().splitlines()) < 2000

    def test_holds_the_cases_of_every_built_in_variant(self, baseline, cases):
        assert baseline.cases.keys() == cases.keys()
        built_in = {name for name, v in known_variants().items() if v.origin == "built-in"}
        assert {name.split(" ")[0] for name in cases} == built_in

    def test_has_for_every_weighted_term_a_case_in_which_it_pulls_its_weight(self, baseline, cases):
        shares = {}
        for name, case in cases.items():
            weight = getattr(case.planned.config.objective, "weight", None)
            if weight is not None:
                norms = baseline.cases[name].series["gradient norms"]
                (penalty,) = (norm[0] for term, norm in norms.items() if term != "clip")
                share = weight * penalty / norms["clip"][0]
                shares.setdefault(name.split(" ")[0], []).append(share)
        assert shares
        for name, found in shares.items():
            assert any(0.3 <= share <= 3 for share in found), (name, found)

    def test_has_for_every_variant_a_case_that_a_move_of_half_a_percent_fails(self, baseline):
        tightest = {}
        for name, record in baseline.cases.items():
            variant = name.split(" ")[0]
            worst = max(v for q, v in record.tolerances.items() if q.endswith(("terms", "norms")))
            tightest[variant] = min(worst, tightest.get(variant, math.inf))
        assert max(tightest.values()) <= 5e-3, tightest
