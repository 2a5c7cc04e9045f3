"""The study of fronts on runs written by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmark.comparison import compare
from benchmark.report.model import Figure, Paragraph, Section, Table
from benchmark.stats.resampling import resample_weights, strata
from benchmark.studies.contests import Contest, contests
from benchmark.studies.fronts import FAIRNESS, fronts
from benchmark.studies.pareto import study

Scored = Callable[..., dict[str, Any]]
RACE = {"trained_on": ("race",)}


@pytest.fixture
def results(write_scored: Scored, tmp_path: Path) -> Path:
    """Three arms with three seeds and one without; scores differ by the length of the label."""
    for seed in (0, 1, 2):
        write_scored("clip-ft", seed)
        write_scored("fairclip", seed, **RACE)
        write_scored("adversarial", seed, **RACE)
    write_scored("clip", None)
    return tmp_path / "results"


@pytest.fixture
def race(results: Path) -> Contest:
    (found,) = contests(compare(results), ("auc", *FAIRNESS))
    return found


class TestContests:
    def test_hold_every_arm_under_equal_conditions(self, race: Contest) -> None:
        labels = ["adversarial", "clip", "clip-ft", "fairclip"]
        assert (race.attribute, [arm.label for arm in race.arms]) == ("race", labels)
        assert race.seeds == (0, 1, 2)

    def test_leave_out_arms_under_other_conditions(
        self, results: Path, write_scored: Scored
    ) -> None:
        write_scored("fairclip[weight=1]", 0, protocol={"lr": 0.9}, protocol_label="x", **RACE)
        (found,) = contests(compare(results), ("auc", *FAIRNESS))
        assert "fairclip[weight=1]" not in [arm.label for arm in found.arms]

    def test_values_are_those_of_the_comparison(self, results: Path, race: Contest) -> None:
        rows = compare(results).per_seed
        rows = rows[(rows["metric"] == "dpd") & (rows["selection"] == "val-auc")]
        of_arm = rows[rows["variant"] == "fairclip"].sort_values("seed")["value"]
        labels = [arm.label for arm in race.placed]
        values = race.values("dpd")
        assert values[labels.index("fairclip")] == pytest.approx(of_arm.to_numpy())
        assert len(set(values[labels.index("clip")])) == 1

    def test_resampled_patients_are_those_of_other_libraries_on_repeated_samples(
        self, race: Contest, results: Path
    ) -> None:
        metrics = ("auc", "dpd", "deodds")
        found = race.resampled(metrics, 4, np.random.default_rng(5))
        arm = race.placed[[arm.label for arm in race.placed].index("fairclip")]
        table = pd.read_parquet(arm.done[1].path / "predictions.parquet")
        row = race.chosen.row(arm.done[1], "race", "val-auc", "auc")
        table = table[(table["split"] == "test") & (table["epoch"] == row["epoch"])]
        codes = table["attribute_race"].to_numpy()
        (weights,) = resample_weights(strata(codes), 4, np.random.default_rng(5))
        for b in range(4):
            drawn = table.loc[table.index.repeat(weights[:, b])]
            y, score, groups = drawn["label"], drawn["score"], drawn["attribute_race"]
            decided = (score >= 0.5).astype(int)
            expected = [
                roc_auc_score(y, score),
                demographic_parity_difference(y, decided, sensitive_features=groups),
                equalized_odds_difference(y, decided, sensitive_features=groups),
            ]
            at = race.placed.index(arm)
            assert [found[m][at, 1, b] for m in metrics] == pytest.approx(expected)


class TestFronts:
    def test_over_seeds_agree_with_all_resamples(self, race: Contest, results: Path) -> None:
        table = fronts(compare(results))
        for metric, sign in (("dpd", -1), ("worst_group_auc", 1)):
            auc, gap = race.values("auc"), sign * race.values(metric)
            exact = np.zeros(len(race.placed))
            for drawn in product(range(3), repeat=2):
                x, y = auc[:, drawn].mean(axis=1), gap[:, drawn].mean(axis=1)
                for i in range(len(x)):
                    beaten = (x >= x[i]) & (y >= y[i]) & ((x > x[i]) | (y > y[i]))
                    exact[i] += not beaten.any()
            rows = table[(table["fairness"] == metric) & (table["resampled"] == "seeds")]
            assert rows["share"].to_numpy() == pytest.approx(exact / 9, abs=0.04)
            assert rows["value"].to_numpy() == pytest.approx(sign * gap.mean(axis=1))

    def test_intervals_over_seeds_are_students(self, race: Contest, results: Path) -> None:
        table = fronts(compare(results)).query("resampled == 'seeds' and fairness == 'dpd'")
        values = race.values("dpd")
        labels = [arm.label for arm in race.placed]
        for label in ("fairclip", "adversarial"):
            row = table[table["variant"] == label].iloc[0]
            theirs = stats.ttest_1samp(values[labels.index(label)], 0).confidence_interval()
            assert (row["value_low"], row["value_high"]) == pytest.approx(tuple(theirs))

    def test_patients_add_to_the_width_of_resampled_means(
        self, race: Contest, results: Path
    ) -> None:
        table = fronts(compare(results)).query("resampled == 'seeds and patients'")
        row = table[(table["variant"] == "fairclip") & (table["fairness"] == "dpd")].iloc[0]
        auc = race.values("auc")[[arm.label for arm in race.placed].index("fairclip")]
        # Of three seeds, the widest that resampled means can be.
        assert row["auc_high"] - row["auc_low"] > np.ptp(auc)

    def test_an_arm_that_lost_a_run_is_a_row_without_a_place(
        self, results: Path, write_scored: Scored
    ) -> None:
        write_scored("fairclip", 3, state="diverged", message="nan", **RACE)
        rows = fronts(compare(results))
        lost = rows[rows["variant"] == "fairclip"]
        assert set(lost["reason"]) == {"1 of 4 runs diverged or failed"}
        assert lost["share"].isna().all()
        assert rows.loc[rows["variant"] == "clip-ft", "share"].notna().all()

    def test_one_seed_has_no_share_over_seeds(self, write_scored: Scored, tmp_path: Path) -> None:
        write_scored("clip-ft", 0)
        write_scored("fairclip", 0, **RACE)
        rows = fronts(compare(tmp_path / "results"))
        over_seeds = rows[rows["resampled"] == "seeds"]
        assert over_seeds["share"].isna().all()
        assert set(over_seeds["reason"]) == {"one seed does not say how seeds vary"}
        assert rows.loc[rows["resampled"] != "seeds", "share"].notna().all()

    def test_without_a_common_seed_no_arm_has_a_place(
        self, write_scored: Scored, tmp_path: Path
    ) -> None:
        write_scored("clip-ft", 0)
        write_scored("fairclip", 1, **RACE)
        rows = fronts(compare(tmp_path / "results"))
        assert set(rows["reason"]) == {"no seed that all arms have"}
        assert not rows["on_front"].any()


class TestReport:
    def test_has_a_figure_and_a_table_for_each_fairness_metric(self, results: Path) -> None:
        done = study(compare(results))
        (part,) = [block for block in done.section.blocks if isinstance(block, Section)]
        (figure,) = [block for block in part.blocks if isinstance(block, Figure)]
        tables = [block for block in part.blocks if isinstance(block, Table)]
        assert [len(table.rows) for table in tables] == [4] * len(FAIRNESS)
        assert all(len(row) == len(t.columns) for t in tables for row in t.rows)
        ids = [*(table.id for table in tables), figure.id, figure.table.id]
        assert len(set(ids)) == len(ids)
        assert len(figure.draw().axes) == len(FAIRNESS)

    def test_alone_the_baseline_makes_no_front(self, write_scored: Scored, tmp_path: Path) -> None:
        write_scored("clip-ft", 0)
        (only,) = study(compare(tmp_path / "results")).section.blocks
        assert isinstance(only, Paragraph)
        assert only.text.startswith("No two arms")
