import numpy as np
import pandas as pd
import pytest

from benchmark.report.blocks import ArmRows
from benchmark.report.classes import class_columns, class_table
from benchmark.report.model import Cell, Column


@pytest.fixture
def rows():
    cells = [
        ("auc", "", 0.8),
        ("class_n", "mild", 12.0),
        ("class_n", "a|b", 3.0),
        ("class_auc", "mild", 0.75),
        ("class_auc", "a|b", np.nan),
        ("class_dpd", "mild", 0.25),
        ("class_dpd_permuted", "mild", 0.125),
    ]
    return pd.DataFrame(cells, columns=["metric", "group", "mean"]).assign(sd=np.nan)


def arms(rows):
    return [(ArmRows({}, {(r["metric"], r["group"]): r for r in rows}), [Cell("clip")])]


class TestClassTable:
    def test_a_binary_label_has_none(self, rows):
        binary = rows[rows["metric"] == "auc"]
        assert class_columns(binary) == {}
        found = arms(binary.to_dict("records"))
        assert list(class_table(binary, "here", [Column("variant", "variant")], found)) == []

    def test_shows_counts_values_permuted_means_and_what_is_missing(self, rows):
        found = arms(rows.to_dict("records"))
        (table,) = class_table(rows, "here", [Column("variant", "variant")], found)
        assert table.id == "classes-here"
        assert "test samples: mild 12, a|b 3." in table.caption
        assert [column.heading for column in table.columns[1:4]] == [
            "AUC mild ↑",
            "DPD mild ↓",
            "DEOdds mild ↓",
        ]
        (row,) = table.rows
        texts = [cell.text for cell in row]
        assert texts[:5] == ["clip", "75.00", "25.00 [12.5]", "n.e.", "n.e."]
