import re

import pytest

from benchmark.report.latex.arrangement import LANDSCAPE, PORTRAIT, arrange
from benchmark.report.latex.table import table_tex
from benchmark.report.model import Cell, Column, Table


def body(tex):
    """Rows between \\midrule and \\bottomrule, as lists of cells."""
    rows = re.search(r"\\midrule\n(.*)\\bottomrule", tex, re.DOTALL)[1]
    return [line.split(" & ") for line in rows.splitlines()]


class TestTableTex:
    def test_has_the_rules_of_booktabs_and_no_vertical_ones(self, make_table):
        tex = table_tex(make_table())
        for rule in ("\\toprule", "\\midrule", "\\bottomrule"):
            assert tex.count(rule) == 1
        assert "\\hline" not in tex
        assert re.search(r"\\begin{tabular}{@{}lcc@{}}", tex)

    def test_caption_and_label_name_it(self, make_table):
        tex = table_tex(make_table("differences-race"))
        assert "\\caption{Differences of 2 \\& more.}\\label{tab:differences-race}" in tex

    def test_each_row_has_a_cell_for_each_column(self, make_table, names):
        rows = body(table_tex(make_table(rows=names, groups=names[:2])))
        assert len(rows) == len(names)
        assert {len(row) for row in rows} == {3}

    def test_only_strong_cells_are_bold_and_a_note_says_what_it_means(self, make_table):
        tex = table_tex(make_table())
        bold = [cell for row in body(tex) for cell in row if "\\fontseries{b}" in cell]
        assert len(bold) == 1
        assert "Bold: the verdict is better." in tex
        plain = Table("t", "c", (Column("a", "a"),), ((Cell("x"),),))
        assert "Bold" not in table_tex(plain)

    def test_groups_share_the_heading_of_their_metric(self, make_table):
        tex = table_tex(make_table(groups=("asian", "black")))
        assert "\\multicolumn{2}{c}{AUC~$\\uparrow$} \\\\\n\\cmidrule(lr){2-3}" in tex
        assert "\\multicolumn{1}{c}{asian} & \\multicolumn{1}{c}{black}" in tex

    def test_names_the_packages_that_it_needs(self, make_table):
        assert "{amssymb,array,booktabs,graphicx}" in table_tex(make_table())
        long = table_tex(make_table(rows=[str(i) for i in range(99)]))
        assert "{amssymb,array,booktabs,longtable}" in long

    def test_a_long_table_may_break_and_repeats_its_heading(self, make_table):
        tex = table_tex(make_table(rows=[str(i) for i in range(99)]))
        assert tex.count("\\begin{longtable}") == 1
        assert tex.count("\\toprule") == 2
        assert "\\begin{table}" not in tex

    def test_stands_alone_with_signs_that_pdflatex_lacks(self, make_table):
        assert "\\providecommand{\\fairbenchchar}" in table_tex(make_table(rows=("日", "b")))
        assert "fairbenchchar" not in table_tex(make_table())

    def test_a_row_of_another_length_is_refused(self):
        table = Table("t", "c", (Column("a", "a"), Column("b", "b")), ((Cell("x"),),))
        with pytest.raises(ValueError, match="table 't': a row has 1 cells"):
            table_tex(table)


class TestArrange:
    def test_a_narrow_table_is_upright_in_one_part(self, make_table):
        found = arrange(make_table())
        assert not found.landscape
        assert not found.stacked
        assert found.parts == ((0, 1, 2),)
        assert found.wrapped == {}

    def test_brackets_go_below_before_a_table_is_taken_apart(self, make_table):
        found = arrange(make_table(groups=[str(i) for i in range(5)]))
        assert found.stacked
        assert len(found.parts) == 1

    def test_parts_hold_every_column_once_and_the_names_each_time(self, make_table):
        found = arrange(make_table(groups=[str(i) for i in range(30)]))
        assert len(found.parts) > 1
        assert all(part[0] == 0 for part in found.parts)
        assert sorted(j for part in found.parts for j in part[1:]) == [*range(1, 31)]
        for part in found.parts:
            assert sum(found.widths[j] for j in part) < PORTRAIT

    def test_text_wraps_where_it_is_longer_than_the_line(self):
        columns = (Column("a", "run"), Column("b", "message"))
        found = arrange(Table("t", "c", columns, ((Cell("0" * 16), Cell("why " * 99)),)))
        assert [*found.wrapped] == [1]
        assert 0.7 < found.wrapped[1] < 1

    def test_many_columns_of_words_lie_on_their_side(self):
        columns = tuple(Column(str(j), f"column {j}") for j in range(7))
        found = arrange(Table("t", "c", columns, ((Cell("unbreakablewordofnames"),) * 7,)))
        assert found.landscape
        assert sum(found.widths.values()) < LANDSCAPE
