import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmark.report.cells import (
    NOT_ESTIMABLE,
    difference_cell,
    escape,
    level_cell,
    number_cell,
    table,
)
from benchmark.report.model import Cell

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rows(**columns):
    common = {"metric": "dpd", "group": "", "mean": 0.12345, "sd": np.nan, "reason": ""}
    common |= {"difference": np.nan, "low": np.nan, "high": np.nan, "n_pairs": 0}
    row = {**common, **columns}
    return {(row["metric"], row["group"]): row}


class TestLevelCell:
    def test_is_percent_with_two_digits(self):
        assert level_cell(rows(), "dpd", "").text == "12.35"
        assert level_cell(rows(sd=0.01), "dpd", "").text == "12.35 ± 1.00"

    def test_its_value_is_the_unrounded_fraction(self):
        assert level_cell(rows(sd=0.01), "dpd", "").value == 0.12345

    def test_a_gap_has_its_value_by_chance_in_brackets(self):
        both = rows() | rows(metric="dpd_permuted", mean=0.0567)
        assert level_cell(both, "dpd", "").text == "12.35 [5.7]"

    def test_a_true_zero_is_a_number(self):
        assert level_cell(rows(mean=0.0), "dpd", "") == Cell("0.00", 0.0)

    def test_what_is_not_estimable_is_never_zero(self):
        reason = "a group of one"
        missing = level_cell(rows(mean=np.nan, reason=reason), "dpd", "")
        assert missing == Cell(NOT_ESTIMABLE, hint=reason)
        assert level_cell(rows(), "auc", "") == Cell(NOT_ESTIMABLE)
        assert level_cell(rows(), "dpd", "asian") == Cell(NOT_ESTIMABLE)


class TestDifferenceCell:
    def test_is_in_points_with_sign_interval_and_pairs(self):
        found = rows(difference=-0.02, low=-0.05, high=0.01, n_pairs=3)
        assert difference_cell(found, "dpd", "") == Cell("-2.00 [-5.00, +1.00] (3)", -0.02)

    def test_one_pair_has_no_interval(self):
        assert difference_cell(rows(difference=0.02, n_pairs=1), "dpd", "").text == "+2.00 (1)"

    def test_a_rounded_zero_has_no_minus(self):
        assert difference_cell(rows(difference=-1e-9, n_pairs=1), "dpd", "").text == "+0.00 (1)"

    def test_no_pair_is_not_estimable(self):
        assert difference_cell(rows(), "dpd", "") == Cell(NOT_ESTIMABLE)


class TestNumberCell:
    @pytest.mark.parametrize("nothing", [None, np.nan])
    def test_what_is_missing_is_a_dash_without_a_value(self, nothing):
        assert number_cell(nothing, "{:.2f}") == Cell("–")

    def test_the_text_is_rounded_and_the_value_is_not(self):
        assert number_cell(1 / 3, "{:.2f}") == Cell("0.33", 1 / 3)


class TestEscape:
    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("a|b", "a&#124;b"),
            ("a\\|b", "a&#92;&#124;b"),
            ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
            ("two\nlines\r\nand\u2028three", "two lines and three"),
            ("&lt;", "&amp;lt;"),
            ("≥ 65", "≥ 65"),
            ("es_auc of `f(x)` * 2", r"es_auc of \`f(x)\` \* 2"),
            ("_so_ [a](b) ~~no~~ $x$", r"\_so\_ [a]\(b) \~\~no\~\~ &#36;x&#36;"),
        ],
    )
    def test_names_stay_in_their_cell_and_open_no_tag(self, text, escaped):
        assert escape(text) == escaped

    @given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
    def test_another_reader_of_markdown_shows_the_text_itself(self, text):
        (_, row, *_) = (
            token.children
            for token in MARKDOWN.parse("\n".join(table(["x"], [[text]])))
            if token.type == "inline"
        )
        assert {token.type for token in row} <= {"text"}
        assert "".join(token.content for token in row) == text

    def test_a_table_keeps_its_shape_whatever_cells_hold(self):
        lines = list(table(["a|b", "c"], [["x\ny|", "<b>"], ["", "||"]]))
        assert len(lines) == 5
        assert [line.count("|") for line in lines] == [3, 3, 3, 3, 0]
