from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.comparison import compare
from benchmark.published.cells import shipped_cells
from benchmark.published.matching import our_label
from benchmark.report.markdown import report_markdown


@pytest.fixture
def found(like_published, tmp_path):
    for seed in range(5):
        like_published("clip-ft", seed)
        like_published("fairclip", seed, trained_on=("race",), own="test-auc")
    return compare(tmp_path / "results")


def cell_of(row):
    cells = [
        c
        for c in shipped_cells()
        if (c.source, c.table, c.arch) == (row["source"], row["table"], "ViT-B-16")
        and (c.variant, c.metric, c.group) == (row["variant"], row["metric"], row["group"])
        and c.attribute == row["attribute"]
    ]
    assert len(cells) == 1
    return cells[0]


class TestTable:
    def test_holds_every_published_cell_of_the_arms_under_every_rule(self, found):
        table = found.published.table
        assert set(table["source"] + table["table"]) == {"luo20243"}
        per_rule = table.groupby(["variant", "selection"]).size().to_dict()
        assert per_rule == {
            ("clip-ft", "val-auc"): 7,
            ("clip-ft", "test-auc"): 7,
            ("fairclip", "val-auc"): 7,
            ("fairclip", "test-auc"): 7,
        }

    def test_numbers_agree_with_scipy_and_with_brute_force(self, found):
        seeds = found.per_seed
        for row in found.published.table.to_dict("records"):
            cell = cell_of(row)
            at = seeds[(seeds["arm"] == row["arm"]) & (seeds["selection"] == row["selection"])]
            at = at[(at["metric"] == row["metric"]) & (at["group"] == row["group"])]
            ours = at["value"].to_numpy()
            assert len(ours) == 5
            assert row["published"] == cell.mean
            assert (row["ours"], row["ours_sd"]) == (
                pytest.approx(ours.mean()),
                pytest.approx(ours.std(ddof=1)),
            )
            sides = (ours.mean(), ours.std(ddof=1), 5, cell.mean, cell.sd, 3)
            p = stats.ttest_ind_from_stats(*sides, equal_var=False).pvalue
            assert row["p"] == pytest.approx(p, rel=1e-9)
            half = stats.t.ppf(0.975, 4) * ours.std(ddof=1) * np.sqrt(1 / 5 + 1 / 3)
            assert row["prediction_high"] == pytest.approx(ours.mean() + half)
            assert (row["within"] == "yes") == (abs(cell.mean - ours.mean()) <= half)
            best = max if row["direction"] == "up" else min
            assert row["best_of_k"] == pytest.approx(
                np.mean([best(subset) for subset in combinations(ours, 3)])
            )
            as_good = ours >= cell.mean if row["direction"] == "up" else ours <= cell.mean
            assert row["reach"] == as_good.sum()

    def test_p_is_adjusted_over_the_section(self, found):
        table = found.published.table
        expected = multipletests(table["p"], method="holm")[1]
        np.testing.assert_allclose(table["p_adjusted"], expected, rtol=1e-12)

    def test_another_threshold_leaves_metrics_of_decisions_out(self, found, tmp_path):
        other = compare(tmp_path / "results", threshold="youden")
        assert set(other.published.table["metric"]) == {"auc", "es_auc", "group_auc"}
        assert "DPD and DEOdds are not compared" in report_markdown(other.report)


class TestMatching:
    def test_published_numbers_never_stand_beside_synthetic_data(self, like_published, tmp_path):
        for seed in (0, 1):
            like_published("clip-ft", seed, name="synthetic")
        found = compare(tmp_path / "results")
        assert found.published.table.empty
        assert "ublished number" not in report_markdown(found.report)
        assert not [p for p in found.write(tmp_path / "out", []) if p.name == "published.csv"]

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"model": "tiny", "pretrained": None}, "its model is tiny; published: ViT-B-16"),
            ({"model": "RN50-quickgelu"}, "its model is RN50-quickgelu (openai)"),
            ({"pretrained": "laion2b"}, "its initial weights are laion2b, not openai"),
            ({"notes": "original"}, "its notes is original, not gpt-4"),
            ({"label": "clip-ft[lr=1]"}, "no number of clip-ft[lr=1] is published"),
        ],
    )
    def test_a_run_under_other_conditions_meets_no_number_and_says_why(
        self, like_published, tmp_path, change, why
    ):
        for seed in (0, 1):
            like_published(**{"label": "clip-ft", "seed": seed, **change})
        found = compare(tmp_path / "results", baseline=change.get("label", "clip-ft"))
        assert found.published.table.empty
        (reason,) = found.published.without.values()
        assert why in reason
        assert why in report_markdown(found.report)

    def test_the_arms_of_probes_are_named_by_what_they_probe(self):
        labels = {(c.protocol, c.variant): our_label(c) for c in shipped_cells()}
        assert labels["zero-shot", "fairclip"] == "fairclip"
        assert labels["linear-probe", "clip"] == "linear-probe"
        assert labels["linear-probe", "clip-ft"] == "linear-probe[backbone=clip-ft]"
        both = "linear-probe[backbone=blip2-ft, features=image+text]"
        assert labels["linear-probe-vision-language", "blip2-ft"] == both
        assert labels["similarity-distance", "clip"] is None

    def test_the_label_of_a_probe_is_the_one_that_a_run_has(self):
        from benchmark.config import resolve
        from benchmark.registry import find_variant

        keys = {"backbone": "blip2-ft", "features": "image+text"}
        run = resolve(find_variant("linear-probe"), changes=keys)
        assert run.label == "linear-probe[backbone=blip2-ft, features=image+text]"

    def test_a_csv_of_ones_own_is_matched_likewise(
        self, like_published, published_file, tmp_path: Path
    ):
        for seed in (0, 1, 2):
            like_published("clip-ft", seed, name="papila")
        assert compare(tmp_path / "results").published.table.empty
        path = published_file({"dataset": "papila", "std": "", "n_seeds": ""})
        (row,) = compare(tmp_path / "results", published=path).published.table.to_dict("records")
        assert (row["source"], row["published"]) == ("mine2026", pytest.approx(0.605))
        assert row["reason"] == "the number of published runs is not printed"
        assert np.isnan(row["p"])

    def test_one_run_of_ours_predicts_nothing(self, like_published, tmp_path):
        like_published("clip-ft", 0)
        table = compare(tmp_path / "results").published.table
        assert set(table["within"]) == {""}
        assert table["p"].isna().all()
        assert set(table["reason"]) == {"one run of ours has no standard deviation"}


class TestReport:
    def test_section_and_csv_hold_the_same_numbers(self, found, tmp_path):
        paths = {path.name: path for path in found.write(tmp_path / "out", [])}
        text = paths["comparison.md"].read_text(encoding="utf-8")
        section = text.split("## Published numbers")[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith(("| clip", "| fair"))]
        rows = pd.read_csv(paths["published.csv"]).to_dict("records")
        assert len(lines) == len(rows) == 28
        for row in rows:
            published = f"{100 * row['published']:.2f} ± {100 * row['published_sd']:.2f} (3)"
            ours = f"{100 * row['ours']:.2f} ± {100 * row['ours_sd']:.2f} (5)"
            names = [row["variant"], row["selection"], published, ours, f"{row['reach']} of 5"]
            (line,) = (x for x in lines if all(f"| {name} |" in x for name in names))
            assert f"{100 * row['best_of_k']:.2f} (k = 3)" in line
            assert f"| {row['within']} [" in line
