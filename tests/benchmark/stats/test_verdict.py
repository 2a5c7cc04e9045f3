import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.stats.verdict import Verdict, verdict

p = st.floats(0, 1)
improvement = st.floats(-1, 1).filter(lambda x: x != 0)
MIRROR = {
    Verdict.BETTER: Verdict.WORSE,
    Verdict.BETTER_NEGLIGIBLE: Verdict.WORSE_NEGLIGIBLE,
    Verdict.WORSE: Verdict.BETTER,
    Verdict.WORSE_NEGLIGIBLE: Verdict.BETTER_NEGLIGIBLE,
}


class TestVerdict:
    @pytest.mark.parametrize(
        ("improvement", "p_difference", "p_equivalence", "expected"),
        [
            (0.03, 0.01, 0.9, "better"),
            (-0.03, 0.01, 0.9, "worse"),
            (0.003, 0.01, 0.01, "better, negligible"),
            (-0.003, 0.01, 0.01, "worse, negligible"),
            (0.003, 0.4, 0.01, "equivalent"),
            (0.03, 0.2, 0.4, "undecided"),
            (math.nan, math.nan, math.nan, "not estimable"),
            (0.03, math.nan, math.nan, "undecided"),
            (0.03, 0.05, 0.9, "better"),
            (0.03, 0.0501, 0.0501, "undecided"),
        ],
    )
    def test_is_that_of_the_table(self, improvement, p_difference, p_equivalence, expected):
        assert verdict(improvement, p_difference, p_equivalence, 0.05) == expected

    @pytest.mark.parametrize(
        ("p_not_inferior", "p_equivalence", "expected"),
        [
            (0.01, 0.9, "better"),
            (0.2, 0.9, "undecided"),
            (math.nan, 0.9, "undecided"),
            (0.2, 0.01, "equivalent"),
            (0.01, 0.01, "better, negligible"),
        ],
    )
    def test_better_needs_performance_that_is_not_inferior(
        self, p_not_inferior, p_equivalence, expected
    ):
        assert verdict(0.03, 0.01, p_equivalence, 0.05, p_not_inferior) == expected

    @given(improvement, p, p, st.one_of(st.just(math.nan), p))
    def test_worse_needs_no_leave(self, improvement, p_difference, p_equivalence, p_not_inferior):
        worse = -abs(improvement)
        gated = verdict(worse, p_difference, p_equivalence, 0.05, p_not_inferior)
        assert gated == verdict(worse, p_difference, p_equivalence, 0.05)

    @given(improvement, p, p)
    def test_swapping_the_sides_mirrors_it(self, improvement, p_difference, p_equivalence):
        one = verdict(improvement, p_difference, p_equivalence, 0.05)
        other = verdict(-improvement, p_difference, p_equivalence, 0.05)
        assert other == MIRROR.get(one, one)

    @given(improvement, p, p, p, st.floats(0.001, 0.4))
    def test_a_smaller_p_never_takes_a_conclusion_back(self, improvement, p_d, p_e, factor, alpha):
        before = verdict(improvement, p_d, p_e, alpha)
        after = verdict(improvement, p_d * factor, p_e * factor, alpha)
        kept = {part for part in ("better", "worse") if part in before}
        assert all(part in after for part in kept)
        assert before is Verdict.UNDECIDED or after is not Verdict.UNDECIDED

    @pytest.mark.parametrize("alpha", [0, 0.5, -0.1, math.nan])
    def test_a_level_that_is_none_is_refused(self, alpha):
        with pytest.raises(ValueError, match="alpha is"):
            verdict(0.1, 0.1, 0.1, alpha)
