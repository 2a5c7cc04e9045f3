import numpy as np
import pandas as pd
import pytest

from benchmark.errors import FairbenchError
from benchmark.published.cells import SHIPPED, all_cells, read_cells, rounding, shipped_cells
from benchmark.published.sources import SOURCES, find_source


class TestShippedNumbers:
    def test_are_those_of_the_csv_in_fractions(self):
        table = pd.read_csv(SHIPPED, dtype={"table": str})
        cells = shipped_cells()
        scale = np.where(table["metric"] == "sinkhorn", 1, 100)
        np.testing.assert_allclose([c.mean for c in cells], table["mean"] / scale, rtol=1e-14)
        np.testing.assert_allclose([c.sd for c in cells], table["std"] / scale, rtol=1e-14)
        assert [c.variant for c in cells] == table["variant"].tolist()
        assert [c.n for c in cells] == [None if pd.isna(n) else int(n) for n in table["n_seeds"]]

    def test_the_auc_of_a_group_has_the_name_that_it_has_in_our_tables(self):
        kinds = {(c.metric, bool(c.group)) for c in shipped_cells()}
        assert ("group_auc", True) in kinds
        assert ("auc", True) not in kinds
        assert ("auc", False) in kinds

    def test_every_table_of_every_source_is_described(self):
        held = {(c.source, c.table) for c in shipped_cells()}
        assert held == {(name, t) for name, source in SOURCES.items() for t in source.tables}

    def test_rounding_is_half_a_unit_of_the_last_digit_that_a_table_prints(self):
        cells = shipped_cells()
        of = {s: [c for c in cells if c.source == s] for s in SOURCES}
        assert rounding(of["luo2024"]) == pytest.approx(0.00005)  # 71.23%
        assert rounding(of["bakker2025"]) == pytest.approx(0.0000005)  # 71.2345%


class TestReadCells:
    def test_a_file_of_the_same_form_is_read(self, published_file):
        (cell,) = read_cells(published_file({"group": "asian"}))
        assert (cell.metric, cell.group, cell.n) == ("group_auc", "asian", 3)
        assert (cell.mean, cell.sd) == (pytest.approx(0.605), pytest.approx(0.0125))

    def test_what_is_not_printed_may_be_empty(self, published_file):
        (cell,) = read_cells(published_file({"std": "", "n_seeds": ""}))
        assert np.isnan(cell.sd)
        assert cell.n is None

    @pytest.mark.parametrize(
        ("field", "value", "says"),
        [
            ("mean", "abc", "0 to 100"),
            ("mean", "104.2", "0 to 100"),
            ("mean", "-1", "0 to 100"),
            ("mean", "nan", "0 to 100"),
            ("mean", "", "expected a value"),
            ("std", "x", "0 to 100"),
            ("n_seeds", "2.5", "whole number"),
            ("n_seeds", "0", "whole number"),
            ("n_seeds", "", "two seeds or more"),
            ("n_seeds", "1", "two seeds or more"),
            ("metric", "acu", "unknown metric 'acu'"),
            ("protocol", "zeroshot", "unknown protocol 'zeroshot'"),
            ("dataset", "synthetic", "real data"),
            ("variant", "", "expected a value"),
        ],
    )
    def test_a_wrong_field_is_named_with_file_line_and_value(
        self, published_file, field, value, says
    ):
        path = published_file({}, {"attribute": "gender", field: value})
        with pytest.raises(FairbenchError) as error:
            read_cells(path)
        message = str(error.value)
        assert f"{path}: line 3: field '{field}'" in message
        assert f"'{value}'" in message
        assert says in message

    def test_other_columns_are_named(self, published_file):
        with pytest.raises(FairbenchError, match=r"mine.csv: columns are a, b; expected source"):
            read_cells(published_file(header="a,b"))

    @pytest.mark.parametrize("end", ["", ",3,4"])
    def test_a_row_with_another_number_of_fields_is_refused(self, published_file, end):
        path = published_file({})
        path.write_text(path.read_text().replace(",1.25,3", f",1.25{end}"))
        with pytest.raises(FairbenchError, match="line 2: has not 12 fields"):
            read_cells(path)

    def test_one_number_twice_is_refused(self, published_file):
        with pytest.raises(FairbenchError, match=r"mine2026 1 fairvlmed .* is given twice"):
            read_cells(published_file({}, {"mean": "61"}))

    def test_a_number_that_ships_cannot_be_replaced(self, published_file):
        path = published_file({"source": "luo2024", "table": "3", "mean": "99"})
        with pytest.raises(FairbenchError, match="ships with fairbench"):
            all_cells(path)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(FairbenchError, match=r"none.csv: cannot be read"):
            read_cells(tmp_path / "none.csv")


class TestFindSource:
    def test_a_source_may_be_named_by_what_it_is(self):
        assert find_source("reproduction", ["luo2024", "bakker2025"]) == "bakker2025"

    def test_an_unknown_source_lists_the_known(self):
        with pytest.raises(FairbenchError, match="Did you mean 'luo2024'"):
            find_source("lou2024", ["luo2024"])
