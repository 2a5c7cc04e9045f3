from itertools import permutations, product
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.stats.friedman import (
    bonferroni_dunn_cd,
    friedman,
    nemenyi_cd,
    nemenyi_p,
    pairwise,
    rank_rows,
    refusal,
)

tables = st.integers(3, 4).flatmap(
    lambda k: st.lists(
        st.lists(st.integers(0, 4), min_size=k, max_size=k), min_size=2, max_size=6
    ).map(lambda rows: np.array(rows) / 10)
)


class TestRankRows:
    def test_gives_the_best_rank_one_and_ties_their_mean(self):
        assert rank_rows([[0.9, 0.7, 0.7]]).tolist() == [[1.0, 2.5, 2.5]]

    def test_turns_round_where_less_is_better(self):
        assert rank_rows([[0.9, 0.7, 0.8]], higher_is_better=False).tolist() == [[3.0, 1.0, 2.0]]

    def test_ties_equal_decimals_that_are_unequal_floats(self):
        assert rank_rows([[0.1 + 0.2, 0.3]]).tolist() == [[1.5, 1.5]]

    @pytest.mark.parametrize("table", [[0.1, 0.2], [[0.1]], [[0.1, nan]]])
    def test_refuses_what_is_no_table_of_numbers(self, table):
        with pytest.raises(ValueError, match=r"shape|finite"):
            rank_rows(table)


class TestFriedman:
    @given(tables)
    def test_agrees_with_scipy_ties_included(self, table):
        found = friedman(table)
        if isnan(found.chi2):
            assert (table == table[:, :1]).all()
            return
        expected = stats.friedmanchisquare(*(-table.T))
        assert found.chi2 == pytest.approx(expected.statistic, rel=1e-9, abs=1e-12)
        assert found.p_chi2 == pytest.approx(expected.pvalue, rel=1e-9)

    @given(tables)
    def test_f_is_the_anova_of_the_ranks(self, table):
        found = friedman(table)
        ranks = rank_rows(table)
        n, k = ranks.shape
        between = n * ((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum()
        residual = ((ranks - (k + 1) / 2) ** 2).sum() - between
        if isnan(found.f) or residual < 1e-9:
            return
        assert found.f == pytest.approx(
            (between / (k - 1)) / (residual / ((k - 1) * (n - 1))), rel=1e-9, abs=1e-9
        )

    @pytest.mark.parametrize(
        "table",
        [
            [[0.9, 0.8, 0.7], [0.5, 0.6, 0.4], [0.9, 0.7, 0.8]],
            [[0.9, 0.9, 0.7], [0.5, 0.6, 0.4], [0.3, 0.3, 0.3]],
        ],
    )
    def test_exact_p_is_that_of_all_permutations_within_blocks(self, table):
        ranks = rank_rows(table)

        def spread(rows):
            sums = np.array(rows).sum(axis=0)
            return ((sums - sums.mean()) ** 2).sum()

        every = [spread(rows) for rows in product(*(permutations(row) for row in ranks.tolist()))]
        expected = np.mean(np.array(every) >= spread(ranks) - 1e-9)
        assert friedman(table).p_exact == pytest.approx(expected, rel=1e-12)

    def test_says_that_nothing_can_be_ranked_where_all_tie(self):
        found = friedman([[0.5, 0.5, 0.5]] * 4)
        assert isnan(found.p_f)
        assert "tie in each of the 4 blocks" in found.reason

    def test_has_no_f_over_one_block(self):
        assert "no degrees of freedom" in friedman([[0.1, 0.2, 0.3]]).reason


class TestCriticalDifferences:
    def test_two_methods_need_what_the_normal_says(self):
        # The studentised range of two normals is √2 times a half-normal.
        expected = stats.norm.isf(0.025) * np.sqrt(2 * 3 / (6 * 10))
        assert nemenyi_cd(2, 10) == pytest.approx(expected, rel=1e-6)
        assert bonferroni_dunn_cd(2, 10) == pytest.approx(expected, rel=1e-12)

    def test_nemenyi_p_agrees_with_another_library(self):
        posthocs = pytest.importorskip("scikit_posthocs")
        table = np.random.default_rng(3).normal(size=(12, 5)).round(2)
        expected = posthocs.posthoc_nemenyi_friedman(table).to_numpy()
        found = nemenyi_p(rank_rows(table).mean(axis=0).tolist(), 12)
        assert found == pytest.approx(expected, abs=1e-6)

    def test_a_rank_difference_of_the_critical_size_has_p_alpha(self):
        cd = nemenyi_cd(4, 9, 0.1)
        assert nemenyi_p([1.0, 1.0 + cd, 2.0, 3.0], 9)[0, 1] == pytest.approx(0.1, abs=1e-6)

    @pytest.mark.parametrize("alpha", [0, 1, nan])
    def test_refuses_a_level_outside_0_and_1(self, alpha):
        with pytest.raises(ValueError, match="alpha"):
            nemenyi_cd(3, 5, alpha)


class TestPairwise:
    def test_covers_every_pair_with_holm_over_all_of_them(self):
        table = np.random.default_rng(1).normal(loc=[1.5, 0.5, 0, 0], size=(8, 4))
        found = pairwise(table)
        assert [(p.first, p.second) for p in found] == [
            (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
        ]  # fmt: skip
        raw = [
            stats.wilcoxon(table[:, p.first], table[:, p.second], method="exact").pvalue
            for p in found
        ]
        assert [p.p_wilcoxon for p in found] == pytest.approx(raw, rel=1e-12)
        holm = multipletests(raw, method="holm")[1]
        assert [p.p_wilcoxon_holm for p in found] == pytest.approx(holm, rel=1e-12)


class TestRefusal:
    def test_needs_five_blocks_and_three_methods(self):
        assert refusal(5, 3) == ""
        assert "4 blocks" in refusal(4, 3)
        assert "1 block (" in refusal(1, 3)
        assert "2 methods" in refusal(9, 2)
