from itertools import permutations
from math import factorial, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats.rank_correlation import EXACT_UP_TO, kendall, spearman

rows = (
    st.integers(3, 6)
    .flatmap(
        lambda n: st.tuples(
            *(st.lists(st.integers(0, 3), min_size=n, max_size=n).map(tuple) for _ in range(2))
        )
    )
    .filter(lambda pair: all(len(set(row)) > 1 for row in pair))
)


def kendall_s(x, y):
    pairs = [(i, j) for i in range(len(x)) for j in range(i)]
    return sum(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i, j in pairs)


class TestSpearman:
    @given(rows)
    def test_exact_p_is_that_of_all_assignments_ties_included(self, pair):
        x, y = (np.array(row, float) for row in pair)
        a, b = stats.rankdata(x), stats.rankdata(y)
        every = [abs(np.corrcoef(a, order)[0, 1]) for order in permutations(b)]
        found = spearman(x, y)
        assert found.p == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-9), rel=1e-12)
        assert found.coefficient == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)

    @given(rows)
    def test_swapping_the_two_changes_nothing_and_negating_one_the_sign(self, pair):
        x, y = (np.array(row, float) for row in pair)
        found, swapped, negated = spearman(x, y), spearman(y, x), spearman(x, -y)
        assert (found.p, found.coefficient) == pytest.approx((swapped.p, swapped.coefficient))
        assert negated.coefficient == pytest.approx(-found.coefficient)
        assert negated.p == pytest.approx(found.p)

    def test_many_runs_get_students_t(self):
        x, y = np.random.default_rng(0).normal(size=(2, EXACT_UP_TO + 5))
        found = spearman(x, y)
        assert isnan(found.p_exact)
        assert found.p == pytest.approx(stats.spearmanr(x, y).pvalue, rel=1e-9)

    def test_a_perfect_order_of_many_runs_has_the_p_of_counting_not_0(self):
        x = np.arange(15.0)
        assert spearman(x, x**3).p == pytest.approx(2 / factorial(15))

    def test_says_why_it_has_no_value(self):
        assert "2 runs" in spearman([1, 2], [2, 1]).reason
        assert "y is the same in all 4 runs" in spearman([1, 2, 3, 4], [0.3] * 4).reason

    def test_refuses_values_that_are_not_finite(self):
        with pytest.raises(ValueError, match="not finite"):
            spearman([1, 2, np.nan], [1, 2, 3])


class TestKendall:
    @given(rows)
    def test_exact_p_is_that_of_all_assignments_ties_included(self, pair):
        x, y = pair
        every = [abs(kendall_s(x, order)) for order in permutations(y)]
        found = kendall(x, y)
        assert found.p == pytest.approx(np.mean(np.array(every) >= every[0]), rel=1e-12)
        assert found.coefficient == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)

    def test_agrees_with_scipy_where_scipy_is_exact(self):
        x, y = np.random.default_rng(4).normal(size=(2, 9))
        assert kendall(x, y).p == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)

    def test_ties_equal_decimals_that_are_unequal_floats(self):
        assert kendall([0.1 + 0.2, 0.3, 0.5], [1, 2, 3]) == kendall([0.3, 0.3, 0.5], [1, 2, 3])
