import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.stats.aggregate import (
    improvement_interval,
    iqm,
    iqm_interval,
    probability_of_improvement,
)

scores = st.lists(st.floats(0, 1).map(lambda v: round(v, 3)), min_size=1, max_size=30)


class TestIqm:
    @given(scores)
    def test_is_scipys_trimmed_mean(self, values):
        assert iqm(values) == pytest.approx(stats.trim_mean(values, 0.25), abs=1e-12)

    def test_refuses_nothing_and_what_is_not_finite(self):
        with pytest.raises(ValueError, match="0 scores"):
            iqm([])
        with pytest.raises(ValueError, match="1 are not finite"):
            iqm([0.1, np.nan])


class TestProbabilityOfImprovement:
    @given(
        st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=1, max_size=5),
        st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=1, max_size=5),
    )
    def test_is_the_mean_of_mann_whitney_u_over_tasks(self, x, y):
        a, b = np.array(x, float), np.array(y, float)
        per_task = [
            stats.mannwhitneyu(a[:, t], b[:, t]).statistic / (len(a) * len(b)) for t in range(2)
        ]
        assert probability_of_improvement(a, b) == pytest.approx(np.mean(per_task))
        assert probability_of_improvement(b, a) == pytest.approx(1 - np.mean(per_task))

    def test_ties_equal_decimals_that_are_unequal_floats(self):
        assert probability_of_improvement([[0.1 + 0.2]], [[0.3]]) == 0.5


class TestIntervals:
    def test_a_seed_fixes_the_interval_and_another_moves_it(self):
        table = np.random.default_rng(0).normal(size=(5, 4))
        first = iqm_interval(table, n_resamples=500)
        assert first == iqm_interval(table, n_resamples=500)
        assert first != iqm_interval(table, n_resamples=500, seed=1)

    def test_every_task_keeps_its_runs(self):
        # Tasks far apart: unstratified resampling would lose one now and then.
        table = np.array([[0.0, 100.0], [0.1, 100.1], [0.2, 100.2], [0.3, 100.3]])
        found = iqm_interval(table, n_resamples=2000)
        assert 49 < found.low <= found.value <= found.high < 51

    def test_methods_far_apart_have_a_degenerate_interval_at_1(self):
        found = improvement_interval([[1.0], [2.0], [3.0]], [[0.1], [0.2]], n_resamples=200)
        assert (found.low, found.value, found.high) == (1.0, 1.0, 1.0)

    def test_refuses_tables_of_unequal_tasks(self):
        with pytest.raises(ValueError, match="same tasks"):
            probability_of_improvement([[0.1, 0.2]], [[0.1]])
