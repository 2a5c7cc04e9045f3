import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.published.cells import read_cells, shipped_cells
from benchmark.published.retest import BETTER, FAMILY, NO_TEST, NOT_SHOWN, WORSE, retest


@pytest.fixture(scope="module")
def shipped():
    return retest(shipped_cells())


class TestShippedTables:
    def test_p_and_interval_agree_with_scipy(self, shipped):
        for row in shipped.to_dict("records"):
            sides = [row[f"{n}{s}"] for s in ("", "_against") for n in ("mean", "sd", "n")]
            t = stats.ttest_ind_from_stats(*sides, equal_var=False)
            assert row["p"] == pytest.approx(t.pvalue, rel=1e-9)
            half = stats.t.ppf(0.975, row["df"]) * row["difference"] / row["t"]
            assert row["high"] - row["difference"] == pytest.approx(half, rel=1e-9)

    def test_holm_runs_over_each_table_as_statsmodels_has_it(self, shipped):
        for _, rows in shipped.groupby(FAMILY):
            expected = multipletests(rows["p"], method="holm")[1]
            np.testing.assert_allclose(rows["p_adjusted"], expected, rtol=1e-12)

    def test_families_are_the_tables(self, shipped):
        sizes = shipped.groupby(FAMILY).size().to_dict()
        assert sizes == {
            ("luo2024", "2", "linear-probe"): 46,
            ("luo2024", "3", "zero-shot"): 52,
            ("bakker2025", "notebook", "linear-probe"): 23,
        }

    def test_no_gain_of_fairclip_is_shown_by_its_own_table(self, shipped):
        table = shipped[shipped["table"] == "3"]
        assert set(table["variant"] + " " + table["against"]) == {"fairclip clip-ft"}
        assert set(table["outcome"]) == {NOT_SHOWN}

    def test_an_auc_that_is_the_same_for_all_attributes_is_one_claim(self, shipped):
        overall = shipped[(shipped["table"] == "2") & (shipped["metric"] == "auc")]
        assert overall["attribute"].tolist() == ["race, gender, ethnicity, language"] * 2

    def test_distances_are_not_tested(self, shipped):
        assert "sinkhorn" not in set(shipped["metric"])


class TestOwnTable:
    def one(self, published_file, ours, **more):
        theirs = {"variant": "clip-ft", **more}
        path = published_file(theirs, {"variant": "method", **more, **ours})
        return retest(read_cells(path)).iloc[0]

    def test_a_large_gain_is_better(self, published_file):
        row = self.one(published_file, {"mean": "80"})
        assert (row["outcome"], row["against"]) == (BETTER, "clip-ft")

    def test_more_of_a_gap_is_worse(self, published_file):
        row = self.one(published_file, {"mean": "80"}, metric="dpd")
        assert row["outcome"] == WORSE
        assert row["improvement"] == pytest.approx(-0.195)

    def test_without_a_deviation_there_is_no_test_and_a_reason(self, published_file):
        row = self.one(published_file, {"mean": "80", "std": ""})
        assert row["outcome"] == NO_TEST
        assert "not known" in row["reason"]

    def test_without_the_number_of_runs_there_is_no_test_and_a_reason(self, published_file):
        row = self.one(published_file, {"mean": "80", "std": "", "n_seeds": ""})
        assert row["outcome"] == NO_TEST
        assert "number of runs" in row["reason"]

    def test_other_architectures_are_never_compared(self, published_file):
        path = published_file({}, {"variant": "method", "arch": "ViT-L-14"})
        assert retest(read_cells(path)).empty
