import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.latex.numbers import aligned


def printed(latex):
    """What is seen: blank digits as spaces."""
    while "\\phantom{" in latex:
        latex = re.sub(r"\\phantom{([^{}]*)}", lambda m: " " * len(plain(m[1])), latex)
    return plain(latex)


def plain(latex):
    return (
        latex.replace("$-$", "-")
        .replace("$\\pm$", "±")
        .replace("$<$", "<")
        .replace("~", " ")
        .replace("{}", "")
    )


class TestAligned:
    @pytest.mark.parametrize(
        ("texts", "seen"),
        [
            (["1.5", "10.25", "-3"], ["  1.5 ", " 10.25", " -3   "]),
            (["+0.1 [-2, +30]", "+10.0 [+1, +2]"], [" +0.1 [-2, +30]", "+10.0 [+1,  +2]"]),
            (["9.1 ± 0.5 [3]", "12.0 [11]"], [" 9.1 ± 0.5 [ 3]", "12.0       [11]"]),
            (["0.034", "<0.001"], [" 0.034", "<0.001"]),
            (["3", "12 (+1 lost)"], [" 3          ", "12 (+1 lost)"]),
        ],
    )
    def test_points_and_brackets_stand_below_each_other(self, texts, seen):
        assert [printed(cell) for cell in aligned(texts)] == seen

    @given(st.lists(st.decimals(-1000, 1000, places=2), min_size=1))
    def test_decimal_points_stand_in_one_column(self, values):
        texts = [f"{value:+.{abs(hash(value)) % 3}f}" for value in values]
        seen = [printed(cell) for cell in aligned(texts)]
        assert len({len(cell) for cell in seen}) == 1
        assert len({cell.index(".") for cell in seen if "." in cell}) <= 1

    def test_cells_without_a_number_are_left_alone(self):
        assert aligned(["n.e.", "", "1.0"])[:2] == ["n.e.", ""]

    def test_cells_made_of_other_parts_are_left_alone(self):
        assert aligned(["1 of 3", "2 in 4"]) == ["1 of 3", "2 in 4"]
