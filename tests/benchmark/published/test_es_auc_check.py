from dataclasses import replace

import numpy as np
import pytest

from benchmark.published.cells import Cell, shipped_cells
from benchmark.published.es_auc_check import INSIDE, NOT_CHECKED, OUTSIDE, check_es_auc


class TestShippedTables:
    def test_one_number_cannot_come_from_its_row(self):
        found = check_es_auc(shipped_cells())
        outside = found[found["outcome"] == OUTSIDE].to_dict("records")
        assert [(r["table"], r["variant"], r["attribute"]) for r in outside] == [
            ("2", "blip2-ft", "language")
        ]
        assert outside[0]["from_means"] == pytest.approx(0.7017, abs=5e-5)

    def test_the_farthest_from_its_means_is_reachable_by_seeds_that_spread_as_printed(self):
        found = check_es_auc(shipped_cells())
        table = found[(found["table"] == "3")]
        apart = (table["printed"] - table["from_means"]).abs()
        row = table.loc[apart.idxmax()]
        assert (row["variant"], row["arch"], row["attribute"]) == (
            "fairclip",
            "ViT-B-16",
            "language",
        )
        assert row["from_means"] == pytest.approx(0.6467, abs=5e-5)
        assert row["outcome"] == INSIDE
        assert (apart.drop(apart.idxmax()) < 0.006).all()

    def test_a_table_without_the_overall_auc_is_not_checked(self):
        found = check_es_auc(shipped_cells())
        table = found[found["table"] == "4"]
        assert set(table["outcome"]) == {NOT_CHECKED}
        assert set(table["reason"]) == {"no AUC over all samples is printed"}


def printed_table(seed, runs=3):
    """Return cells that a paper would print of random runs, to two digits."""
    rng = np.random.default_rng(seed)
    groups = 0.7 + rng.normal(0, 0.05, 3) + rng.normal(0, 0.03, (runs, 3))
    overall = groups.mean(axis=1) + rng.normal(0, 0.02, runs)
    es = overall / (1 + np.abs(overall[:, None] - groups).sum(axis=1))

    def cell(metric, group, values):
        mean, sd = (round(100 * x, 2) / 100 for x in (values.mean(), values.std(ddof=1)))
        place = ("s", "1", "fairvlmed", "zero-shot", "v", "ViT-B-16", "race")
        return Cell(*place, metric, group, mean, sd, runs, 2)

    of_groups = [cell("group_auc", str(g), groups[:, g]) for g in range(3)]
    return [cell("auc", "", overall), cell("es_auc", "", es), *of_groups]


class TestBounds:
    @pytest.mark.parametrize("seed", range(40))
    def test_hold_for_every_table_made_of_runs(self, seed):
        assert check_es_auc(printed_table(seed))["outcome"].tolist() == [INSIDE]

    def test_an_es_auc_above_the_auc_is_outside(self):
        cells = printed_table(0)
        cells[1] = replace(cells[1], mean=cells[0].mean + 0.01)
        assert check_es_auc(cells)["outcome"].tolist() == [OUTSIDE]

    def test_means_over_seeds_without_a_deviation_are_not_checked(self):
        cells = [replace(cell, sd=float("nan")) for cell in printed_table(0)]
        (row,) = check_es_auc(cells).to_dict("records")
        assert row["outcome"] == NOT_CHECKED
        assert "deviation" in row["reason"]

    def test_one_run_needs_no_deviation(self):
        means = {"auc": 0.7, "group_auc": 0.65}
        place = ("s", "1", "fairvlmed", "zero-shot", "v", "ViT-B-16", "race")
        cells = [
            Cell(*place, metric, "a" * (metric == "group_auc"), mean, float("nan"), 1, 2)
            for metric, mean in means.items()
        ]
        for es, outcome in ((0.7 / 1.05, INSIDE), (0.7 / 1.04, OUTSIDE)):
            made = [*cells, replace(cells[0], metric="es_auc", mean=round(es, 4))]
            assert check_es_auc(made)["outcome"].tolist() == [outcome]
