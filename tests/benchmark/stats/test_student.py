import numpy as np
import pytest
from scipy import stats

from benchmark.stats.student import noncentral_t_cdf, t_quantile, t_upper_tail


class TestCentral:
    @pytest.mark.parametrize("df", [1, 2, 3.7, 19, 1000, np.inf])
    def test_agrees_with_scipys_checked_distribution(self, df):
        for t in (-40.0, -1.0, 0.0, 0.3, 12.0):
            assert t_upper_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-12)
        assert t_quantile(0.975, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-12)

    def test_one_degree_of_freedom_is_the_cauchy_distribution(self):
        assert t_upper_tail(1, 1) == pytest.approx(0.25, rel=1e-14)
        assert t_quantile(0.75, 1) == pytest.approx(1, rel=1e-14)


class TestNoncentral:
    @pytest.mark.parametrize(
        ("t", "df", "noncentrality"),
        [(49.16, 19, 64.76), (49.16, 19, 33.5), (2.0, 1, 5.0), (-1.0, 4, 0.5), (0.0, 3, 1.0)],
    )
    def test_agrees_with_quadrature(self, t, df, noncentrality):
        mp = pytest.importorskip("mpmath")
        constant = mp.log(2) + mp.mpf(df) / 2 * mp.log(mp.mpf(df) / 2) - mp.loggamma(mp.mpf(df) / 2)

        def density(s):
            scale = mp.exp(constant + (df - 1) * mp.log(s) - mp.mpf(df) / 2 * s * s)
            return scale * mp.ncdf(t * s - noncentrality)

        exact = mp.quad(density, [0, 0.2, 0.5, 0.8, 1, 1.2, 1.5, 2, 4, 12])
        assert noncentral_t_cdf(t, df, noncentrality) == pytest.approx(float(exact), rel=1e-9)

    @pytest.mark.parametrize(
        ("t", "noncentrality", "p"), [(300.0, -336.0, 1.0), (-300.0, 336.0, 0.0)]
    )
    def test_far_tails_are_certain_and_not_nan(self, t, noncentrality, p):
        assert noncentral_t_cdf(t, 4, noncentrality) == p

    @pytest.mark.parametrize("df", [1, 3, 20])
    @pytest.mark.parametrize("share", [0.5, 0.9, 1.3])
    def test_huge_t_continues_what_scipy_says_below(self, df, share):
        below, above = (noncentral_t_cdf(t, df, t * share) for t in (2999.0, 3001.0))
        assert above == pytest.approx(below, abs=3e-8)
        assert noncentral_t_cdf(-3001.0, df, -3001.0 * share) == pytest.approx(1 - above, abs=1e-12)

    @pytest.mark.parametrize("df", [1, 4])
    def test_at_a_million_only_the_chi_distribution_is_left(self, df):
        p = noncentral_t_cdf(1e6, df, 0.7e6)
        assert p == pytest.approx(stats.chi2.sf(df * 0.49, df), abs=1e-11)
