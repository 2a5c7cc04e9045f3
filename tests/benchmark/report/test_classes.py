import numpy as np
import pandas as pd
import pytest

from benchmark.report.classes import class_columns, class_table


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


class TestClassTable:
    def test_a_binary_label_has_none(self, rows):
        binary = rows[rows["metric"] == "auc"]
        assert class_columns(binary) == {}
        assert list(class_table(binary, ["variant"], [(binary, ["clip"])])) == []

    def test_shows_counts_values_permuted_means_and_what_is_missing(self, rows):
        text = "\n".join(class_table(rows, ["variant"], [(rows, ["clip"])]))
        assert "test samples: mild 12, a&#124;b 3." in text
        head, _, body = (line for line in text.splitlines() if line.startswith("|"))
        assert [cell.strip() for cell in head.split("|")[2:5]] == [
            "AUC mild ↑",
            "DPD mild ↓",
            "DEOdds mild ↓",
        ]
        assert "| clip | 75.00 | 25.00 [12.5] | n.e. | n.e. |" in body
