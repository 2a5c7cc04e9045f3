from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import FairbenchError
from benchmark.seeds import parse_seeds


class TestParseSeeds:
    @pytest.mark.parametrize(
        ("text", "seeds"),
        [
            ("0", (0,)),
            ("0-4", (0, 1, 2, 3, 4)),
            ("0,2,7", (0, 2, 7)),
            ("7, 0-2 ,9", (0, 1, 2, 7, 9)),
            ("3-3", (3,)),
            ("5,5,4-6", (4, 5, 6)),
        ],
    )
    def test_reads_numbers_and_ranges(self, text: str, seeds: tuple[int, ...]) -> None:
        assert parse_seeds(text) == seeds

    @given(st.sets(st.integers(0, 10**6), min_size=1))
    def test_reads_any_list_of_seeds_sorted(self, seeds: set[int]) -> None:
        assert parse_seeds(",".join(map(str, seeds))) == tuple(sorted(seeds))

    @pytest.mark.parametrize("text", ["", "a", "-1", "1.5", "0-", "0..4", "1,,2", "True"])
    def test_refuses_anything_else_and_says_what_it_got(self, text: str) -> None:
        with pytest.raises(FairbenchError, match="numbers and ranges") as error:
            parse_seeds(text)
        assert f"'{text}'" in str(error.value)

    def test_refuses_a_range_that_runs_backwards(self) -> None:
        with pytest.raises(FairbenchError, match="4-0 runs backwards"):
            parse_seeds("4-0")
