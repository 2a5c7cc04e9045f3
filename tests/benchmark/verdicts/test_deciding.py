import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from benchmark.verdicts.seed_power import level_of_one, sd_interval, seed_power, seeds_needed


def by_seed(values):
    return dict(enumerate(values))


NOISY = (0.03, -0.04, 0.05, -0.02, 0.01)


class TestSeedPower:
    def test_the_smallest_effect_has_the_power_that_it_is_for(self):
        found = seed_power(0.01, 0.02, 5, 0.05)
        for power, effect in found.smallest.items():
            reached = TTestPower().power(effect / 0.01, nobs=5, alpha=0.05)
            assert reached == pytest.approx(power, abs=1e-6)

    @pytest.mark.parametrize("sd", [0.01, 0.03])
    def test_seeds_for_a_difference_are_those_of_statsmodels(self, sd):
        found = seeds_needed(sd, 0.02, 0.05)
        for power, n in found.difference.items():
            exact = TTestPower().solve_power(0.02 / sd, power=power, alpha=0.05)
            assert n == np.ceil(exact)

    @pytest.mark.parametrize("n", [4, 8])
    def test_equivalence_has_the_power_that_simulation_gives(self, n):
        rng = np.random.default_rng(0)
        d = rng.normal(0, 0.015, (20_000, n))
        half = stats.t.ppf(0.95, n - 1) * d.std(axis=1, ddof=1) / np.sqrt(n)
        shown = np.mean(np.abs(d.mean(axis=1)) + half < 0.02)
        assert seed_power(0.015, 0.02, n, 0.05).of_equivalence == pytest.approx(shown, abs=0.015)

    def test_the_interval_of_an_sd_covers_it(self):
        rng = np.random.default_rng(1)
        spreads = rng.normal(0, 2.0, (4000, 5)).std(axis=1, ddof=1)
        covered = np.mean([low < 2.0 < high for low, high in (sd_interval(s, 5) for s in spreads)])
        assert covered == pytest.approx(0.95, abs=0.012)


class TestLevel:
    @pytest.mark.parametrize("correction", ["holm", "hochberg", "hommel", "bonferroni", "bh", "by"])
    def test_a_p_at_that_level_counts_whatever_the_others_are(self, correction):
        from benchmark.verdicts.decide import adjusted_p

        level = level_of_one(0.05, 8, correction)
        adjusted = adjusted_p([level, *[1.0] * 7], correction)
        assert adjusted[0] == pytest.approx(0.05, rel=1e-12)


class TestWouldDecide:
    def test_counts_seeds_at_the_sd_found_and_the_level_of_the_family(self, judged):
        base = by_seed([0.8] * 5)
        (row,) = judged(
            {"auc": by_seed([0.8 + x for x in NOISY])}, {"auc": base}, primary=["auc"]
        ).to_dict("records")
        sd = np.std(NOISY, ddof=1)
        exact = TTestPower().solve_power(0.02 / sd, power=0.8, alpha=0.05 / 2)
        assert row["seeds_difference_80"] == np.ceil(exact)
        assert str(int(np.ceil(exact))) in row["would_decide"]
        reached = TTestPower().power(row["smallest_effect"] / sd, nobs=5, alpha=0.05 / 2)
        assert reached == pytest.approx(0.8, abs=1e-6)

    def test_an_exact_test_of_few_seeds_says_that_no_p_is_small_enough(self, judged):
        values = {"auc": by_seed([0.8 + x for x in NOISY])}
        (row,) = judged(
            values, {"auc": by_seed([0.8] * 5)}, primary=["auc"], test="sign-flip"
        ).to_dict("records")
        # 2^(1 − n) ≤ 0.05 / 2 from n = 7 on
        assert "needs 7 seeds" in row["would_decide"]
        assert row["seeds_difference_80"] >= 7

    def test_differences_without_spread_say_so(self, judged):
        (row,) = judged(
            {"auc": by_seed([0.81] * 4)}, {"auc": by_seed([0.8] * 4)}, primary=["auc"]
        ).to_dict("records")
        assert row["verdict"] == "undecided"
        assert "all 4 differences are 0.01" in row["would_decide"]
        assert np.isnan(row["p_better"])
