import numpy as np
import pandas as pd
import pytest

from benchmark.report.cells import NOT_ESTIMABLE, difference_cell, escape, level_cell, table


def rows(**columns):
    common = {"metric": "dpd", "group": "", "mean": 0.12345, "sd": np.nan}
    common |= {"difference": np.nan, "low": np.nan, "high": np.nan, "n_pairs": 0}
    return pd.DataFrame([{**common, **columns}])


class TestLevelCell:
    def test_is_percent_with_two_digits(self):
        assert level_cell(rows(), "dpd", "") == "12.35"
        assert level_cell(rows(sd=0.01), "dpd", "") == "12.35 ± 1.00"

    def test_a_gap_has_its_value_by_chance_in_brackets(self):
        both = pd.concat([rows(), rows(metric="dpd_permuted", mean=0.0567)])
        assert level_cell(both, "dpd", "") == "12.35 [5.7]"

    def test_a_true_zero_is_a_number(self):
        assert level_cell(rows(mean=0.0), "dpd", "") == "0.00"

    def test_what_is_not_estimable_is_never_zero(self):
        assert level_cell(rows(mean=np.nan), "dpd", "") == NOT_ESTIMABLE
        assert level_cell(rows(), "auc", "") == NOT_ESTIMABLE
        assert level_cell(rows(), "dpd", "asian") == NOT_ESTIMABLE


class TestDifferenceCell:
    def test_is_in_points_with_sign_interval_and_pairs(self):
        found = rows(difference=-0.02, low=-0.05, high=0.01, n_pairs=3)
        assert difference_cell(found, "dpd", "") == "-2.00 [-5.00, +1.00] (3)"

    def test_one_pair_has_no_interval(self):
        assert difference_cell(rows(difference=0.02, n_pairs=1), "dpd", "") == "+2.00 (1)"

    def test_a_rounded_zero_has_no_minus(self):
        assert difference_cell(rows(difference=-1e-9, n_pairs=1), "dpd", "") == "+0.00 (1)"

    def test_no_pair_is_not_estimable(self):
        assert difference_cell(rows(), "dpd", "") == NOT_ESTIMABLE


class TestEscape:
    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("a|b", "a&#124;b"),
            ("a\\|b", "a\\&#124;b"),
            ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
            ("two\nlines\r\nand\u2028three", "two lines and three"),
            ("&lt;", "&amp;lt;"),
            ("≥ 65", "≥ 65"),
        ],
    )
    def test_names_stay_in_their_cell_and_open_no_tag(self, text, escaped):
        assert escape(text) == escaped

    def test_a_table_keeps_its_shape_whatever_cells_hold(self):
        lines = list(table(["a|b", "c"], [["x\ny|", "<b>"], ["", "||"]]))
        assert len(lines) == 5
        assert [line.count("|") for line in lines] == [3, 3, 3, 3, 0]
