import csv
import io

import numpy as np
import pandas as pd
import pytest

from benchmark.report.spreadsheet import csv_text


class TestCsvText:
    def test_every_digit_is_read_back(self):
        values = np.random.default_rng(0).random(50)
        text = csv_text(pd.DataFrame({"value": [*values, np.nan]}))
        head, *back, last, _ = text.split("\n")
        assert head == "value"
        assert [float(line) for line in back] == values.tolist()
        assert last == '""'

    @pytest.mark.parametrize("name", ["=1+1", "+a", "-a", "@SUM(A1)", "\t=1", "\n=1"])
    def test_a_name_that_a_spreadsheet_would_run_is_text(self, name):
        text = csv_text(pd.DataFrame({"group": [name, "fine"], "value": [-1.5, 2]}))
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert rows[1] == ["'" + name, "-1.5"]
        assert rows[2] == ["fine", "2.0"]
        (head, *_) = csv.reader(io.StringIO(csv_text(pd.DataFrame({name: [1]})), newline=""))
        assert head == ["'" + name]

    def test_separators_quotes_and_lines_in_names_survive(self):
        names = ["a,b", 'say "no"', "two\nlines", "<script>", "a|b", ""]
        text = csv_text(pd.DataFrame({"group": names, "n": range(6)}))
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert [row[0] for row in rows[1:]] == names

    def test_no_name_ends_a_row(self):
        text = csv_text(pd.DataFrame({"group": ["one\rname"]}))
        assert list(csv.reader(io.StringIO(text, newline=""))) == [["group"], ["one name"]]

    def test_integers_with_gaps_stay_integers(self):
        text = csv_text(pd.DataFrame({"seed": pd.array([3, None], "Int64"), "main": [True, False]}))
        assert text.splitlines() == ["seed,main", "3,True", ",False"]

    @pytest.mark.parametrize("cells", [["a", None], ["a", float("nan")], ["-a", None], [1, None]])
    def test_missing_cells_beside_texts_and_numbers_are_empty(self, cells):
        column = pd.Series(cells, dtype=object)
        head, first, last, _ = csv_text(pd.DataFrame({"of": column, "n": [1, 2]})).split("\n")
        assert (head, last) == ("of,n", ",2")
        assert first == {"a": "a,1", "-a": "'-a,1", 1: "1.0,1"}[cells[0]]

    def test_the_table_itself_is_left_alone(self):
        frame = pd.DataFrame({"group": ["=1"]})
        csv_text(frame)
        assert frame["group"].item() == "=1"
