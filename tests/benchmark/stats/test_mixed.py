import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from benchmark.stats.mixed import random_intercept


def grid(seeds, variants, generator, spread=1.0):
    effect = generator.normal(scale=spread, size=seeds)
    names = [f"v{j}" for _ in range(seeds) for j in range(variants)]
    units = [f"s{i}" for i in range(seeds) for _ in range(variants)]
    y = np.repeat(effect, variants) + generator.normal(size=seeds * variants)
    return y, names, units


class TestRandomIntercept:
    @pytest.mark.parametrize("seeds", [3, 5, 12])
    def test_two_variants_one_value_each_are_the_paired_t_test(self, seeds):
        y, names, units = grid(seeds, 2, np.random.default_rng(seeds), spread=3)
        found = random_intercept(y, names, units, baseline="v0").contrasts[0]
        expected = stats.ttest_rel(y[1::2], y[::2])
        assert found.t == pytest.approx(expected.statistic, rel=1e-8)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-6)
        interval = expected.confidence_interval()
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6)

    def test_unbalanced_data_agree_with_statsmodels_reml(self):
        y, names, units = grid(10, 3, np.random.default_rng(0), spread=2)
        kept = [i for i in range(30) if i not in (4, 11, 12)]
        y, names, units = y[kept], [names[i] for i in kept], [units[i] for i in kept]
        data = pd.DataFrame({"y": y, "variant": names})
        fitted = smf.mixedlm("y ~ C(variant)", data, groups=units).fit(reml=True)
        found = random_intercept(y, names, units, baseline="v0")
        assert found.var_residual == pytest.approx(fitted.scale, rel=1e-4)
        assert found.var_unit == pytest.approx(float(np.asarray(fitted.cov_re)[0, 0]), rel=1e-3)
        assert [c.difference for c in found.contrasts] == pytest.approx(
            fitted.fe_params[1:].tolist(), rel=1e-4
        )
        assert found.log_likelihood == pytest.approx(fitted.llf, abs=1e-6)

    def test_blocks_are_taken_out(self):
        y, names, units = grid(6, 3, np.random.default_rng(4))
        block = ["a"] * 9 + ["b"] * 9
        shifted = y + np.array([0.0] * 9 + [100.0] * 9)
        plain = random_intercept(y, names, units, baseline="v0", block=block)
        moved = random_intercept(shifted, names, units, baseline="v0", block=block)
        assert moved.var_unit == pytest.approx(plain.var_unit, rel=1e-6, abs=1e-9)
        assert moved.contrasts[1].p == pytest.approx(plain.contrasts[1].p, rel=1e-6)

    def test_on_the_boundary_units_still_cost_their_degrees_of_freedom(self):
        # Values that repel each other within a unit: the estimate of their variance is 0.
        y = [0.0, 1.0, 2.0, 2.0, 0.0, 1.0, 1.0, 2.0, 0.0, 0.5, 2.1, 0.2]
        names = ["v0", "v1", "v2"] * 4
        units = [f"s{i // 3}" for i in range(12)]
        found = random_intercept(y, names, units, baseline="v0")
        assert found.singular
        assert found.var_unit == 0
        assert [c.df for c in found.contrasts] == [6.0, 6.0]  # (4 − 1)(3 − 1)

    def test_false_positives_keep_to_the_level_at_five_seeds(self):
        generator = np.random.default_rng(11)
        hits = 0
        for _ in range(300):
            y, names, units = grid(5, 2, generator, spread=1)
            hits += random_intercept(y, names, units, baseline="v0").contrasts[0].p < 0.05
        assert hits <= 27  # 15 expected, standard deviation 3.8; normal p-values give 37

    def test_refuses_what_it_cannot_tell_apart(self):
        with pytest.raises(ValueError, match="cannot tell"):
            random_intercept([1.0, 2.0], ["v0", "v1"], ["s0", "s0"], baseline="v0")
        with pytest.raises(ValueError, match="none of the variants"):
            random_intercept([1.0, 2.0], ["v0", "v1"], ["s0", "s1"], baseline="clip-ft")
