import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.stats.differences import decimals_kept, differences

decimals4 = st.integers(0, 10_000).map(lambda k: k / 10_000)


class TestDifferences:
    def test_equal_decimals_tie_although_their_doubles_do_not(self):
        assert 0.8644 - 0.8594 != 0.854 - 0.849
        found = differences([0.8644, 0.854], [0.8594, 0.849])
        assert found.values.tolist() == [0.005, 0.005]
        assert found.units[0] == found.units[1]
        assert found.constant

    @given(st.lists(st.tuples(decimals4, decimals4), min_size=1, max_size=8))
    def test_printed_decimals_are_subtracted_exactly(self, pairs):
        a, b = zip(*pairs, strict=True)
        found = differences(a, b)
        whole = [round(x * 10_000) - round(y * 10_000) for x, y in pairs]
        assert found.values.tolist() == [k / 10_000 for k in whole]
        assert (found.units * 10_000 == np.array(whole) * 10**found.decimals).all()

    @given(st.lists(st.tuples(decimals4, decimals4), min_size=1, max_size=8))
    def test_percent_and_fractions_tie_alike(self, pairs):
        a, b = np.array(pairs).T
        fractions, percent = differences(a, b), differences(a * 100, b * 100)
        signs = np.sign(np.subtract.outer(fractions.units, fractions.units))
        assert (np.sign(np.subtract.outer(percent.units, percent.units)) == signs).all()

    def test_the_noise_of_computed_scores_does_not_break_ties(self):
        a = np.array([0.8, 0.7, 0.6]) + np.array([1.0, -1.0, 2.0]) * 1e-15
        assert differences(a, [0.7, 0.6, 0.5]).constant

    def test_differences_of_tiny_scores_are_not_rounded_away(self):
        found = differences([3e-9, 1e-9], [1e-9, 2e-9])
        assert found.values == pytest.approx([2e-9, -1e-9], rel=1e-12)
        assert (found.units > 0).tolist() == [True, False]

    def test_a_mean_of_zero_is_zero_and_not_noise(self):
        a, b = [0.8, 0.8, 0.8], [0.7, 0.9, 0.8]
        assert np.mean(np.subtract(a, b)) != 0
        assert differences(a, b).mean == 0

    @pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
    def test_a_value_that_is_not_finite_leaves_no_difference(self, odd):
        found = differences([0.8, odd, 0.7], [0.7, 0.7, 0.7])
        assert found.n == 3
        assert found.values.size == 0
        assert np.isnan(found.mean)
        assert "1 of 3" in found.reason

    def test_no_pairs_have_a_reason(self):
        assert differences([], []).reason == "no pairs"

    def test_unequal_lengths_are_an_error(self):
        with pytest.raises(ValueError, match="a has 2 values and b has 3"):
            differences([1, 2], [1, 2, 3])

    def test_a_table_is_an_error(self):
        with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
            differences([[1, 2]], [1, 2])


@pytest.mark.parametrize(
    ("largest", "decimals"),
    [
        (0.0, 10),
        (0.85, 10),
        (85.0, 10),
        (9999.0, 10),
        (1e5, 9),
        (0.05, 11),
        (1e-6, 16),
        (1e300, -286),
    ],
)
def test_ten_decimals_are_kept_unless_scores_are_tiny_or_huge(largest, decimals):
    assert decimals_kept(np.array([0.0, -largest])) == decimals
