import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.tidy import TidyBlocks

values = st.floats(allow_nan=False) | st.just(float("nan"))
blocks = st.lists(
    st.tuples(
        st.sampled_from(["x", "yy", ""]),
        st.none() | st.integers(0, 9),
        st.lists(st.tuples(st.text(max_size=3), values), max_size=4),
    ),
    min_size=1,
    max_size=6,
)


class TestTidyBlocks:
    @given(blocks)
    @settings(max_examples=50)
    def test_is_the_table_of_all_rows_as_dictionaries(self, made):
        found = TidyBlocks(["name", "group", "seed", "value"], integers=["seed"])
        rows = []
        for name, seed, own in made:
            columns = {"group": [g for g, _ in own], "value": [v for _, v in own]}
            found.add({"name": name, "seed": seed}, columns)
            rows += [{"name": name, "group": g, "seed": seed, "value": v} for g, v in own]
        table = found.table()
        expected = pd.DataFrame(rows, columns=["name", "group", "seed", "value"])
        expected = expected.astype({"seed": "Int64"})
        pd.testing.assert_frame_equal(table, expected, check_dtype=bool(rows), check_exact=True)

    def test_a_block_with_other_columns_is_refused(self):
        found = TidyBlocks(["a", "b"])
        found.add({"a": 1}, {"b": [1, 2]})
        with pytest.raises(ValueError, match=r"columns are \['b', 'a'\]; expected \['a', 'b'\]"):
            found.add({"b": 1}, {"a": [1]})
        with pytest.raises(ValueError, match="expected"):
            found.add({"a": 1}, {})

    def test_columns_of_unequal_length_are_refused(self):
        with pytest.raises(ValueError, match=r"of \[1, 2\] rows"):
            TidyBlocks(["a", "b"]).add({}, {"a": [1], "b": [1, 2]})
