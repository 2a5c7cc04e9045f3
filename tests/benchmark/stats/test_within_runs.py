from itertools import permutations
from math import isnan

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from benchmark.stats.within_runs import permute_runs, within_runs


class TestWithinRuns:
    def test_is_the_partial_correlation_of_a_regression_with_an_intercept_a_run(self):
        generator = np.random.default_rng(2)
        run = np.repeat(["a", "b", "c"], [4, 6, 5])
        x = generator.normal(size=15)
        y = 0.5 * x + generator.normal(size=15)
        fitted = smf.ols("y ~ x + C(run)", pd.DataFrame({"x": x, "y": y, "run": run})).fit()
        found = within_runs(run, x, y)
        assert found.slope == pytest.approx(fitted.params["x"])
        assert found.p == pytest.approx(fitted.pvalues["x"], rel=1e-9)
        assert found.df == fitted.df_resid

    def test_finds_the_slope_within_runs_where_means_go_the_other_way(self):
        run = np.repeat(np.arange(4), 5)
        within = np.tile(np.linspace(-1, 1, 5), 4)
        noise = np.random.default_rng(0).normal(scale=0.05, size=20)
        found = within_runs(run, within + 10 * run, noise - within + 10 * run)
        assert found.r < -0.9

    def test_leaves_out_rows_without_a_value(self):
        run, x, y = ["a"] * 4 + ["b"] * 4, [1, 2, 3, 9, 2, 3, 4, 5], [1, 3, 2, np.nan, 1, 2, 2, 3]
        whole = [i for i in range(8) if i != 3]
        left_out = within_runs(
            [run[i] for i in whole], [x[i] for i in whole], [y[i] for i in whole]
        )
        assert within_runs(run, x, y) == left_out

    def test_says_why_it_has_no_value(self):
        assert "0 degrees of freedom" in within_runs(["a", "b"], [1, 2], [1, 2]).reason
        constant = within_runs(["a"] * 3 + ["b"] * 3, [1, 1, 1, 2, 2, 2], [1, 2, 3, 4, 5, 6])
        assert "constant within every run" in constant.reason


class TestPermuteRuns:
    def test_p_is_the_share_of_assignments_with_as_large_a_correlation(self):
        x, y = np.random.default_rng(5).normal(size=(2, 4, 6))

        def two_way(v):
            return v - v.mean(0) - v.mean(1, keepdims=True) + v.mean()

        every = [
            abs(np.corrcoef(two_way(x).ravel(), two_way(y[list(order)]).ravel())[0, 1])
            for order in permutations(range(4))
        ]
        found = permute_runs(x, y)
        assert abs(found.r) == pytest.approx(every[0])
        assert found.p == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-12))
        assert found.smallest_p == pytest.approx(1 / 24)

    def test_a_common_course_of_training_is_no_association(self):
        # The textbook test calls this certain; removing epoch means leaves nothing but noise.
        generator = np.random.default_rng(8)
        trend = np.linspace(0, 5, 10)
        runs = np.repeat(np.arange(5), 10)
        permuted, textbook = [], []
        for _ in range(1000):
            x, y = trend + np.cumsum(generator.normal(size=(2, 5, 10)), axis=2) * 0.3
            permuted.append(permute_runs(x, y).p)
            textbook.append(within_runs(runs, x.ravel(), y.ravel()).p)
        assert np.mean(np.array(permuted) <= 0.05) < 0.07  # three standard deviations above 0.05
        assert np.mean(np.array(textbook) <= 0.05) > 0.95

    def test_finds_what_moves_together_beyond_the_trend(self):
        generator = np.random.default_rng(9)
        x = np.cumsum(generator.normal(size=(9, 8)), axis=1)
        found = permute_runs(x, 2 * x + generator.normal(scale=0.1, size=x.shape))
        assert found.r > 0.95
        assert found.p <= 0.001
        assert 0 < found.standard_error < 0.001

    def test_says_why_it_has_no_value(self):
        assert isnan(permute_runs([[1, 2, 3]], [[3, 2, 1]]).p)
        assert "do not vary" in permute_runs([[1, 2], [1, 2]], [[3, 2], [1, 4]]).reason

    def test_refuses_unequal_shapes(self):
        with pytest.raises(ValueError, match="same"):
            permute_runs([[1, 2]], [[1, 2, 3]])
