"""The study of doses on runs written by hand, their effect planted."""

from __future__ import annotations

from collections.abc import Callable
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from fairlearn.metrics import demographic_parity_difference
from scipy import stats
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.comparison import Comparison, compare
from benchmark.report.model import Bullets, Figure, Paragraph, Section, Table
from benchmark.studies.dose_response import study
from benchmark.studies.doses import dose_series

DOSES = (1e-6, 1e-4, 1e-2)
SEEDS = (0, 1, 2, 3)
GROUPS = ("asian", "black", "white")
RANDOM = np.random.default_rng(0)
LABEL_OF = {"val": np.arange(60) % 2, "test": np.arange(150) % 2}
CODES = {split: {"race": RANDOM.integers(0, 3, len(y))} for split, y in LABEL_OF.items()}

Write = Callable[..., Path]


def write_epochs(folder: Path, ratio: float, distance: float) -> None:
    """Write three epochs in which the term's weighted gradient is `ratio` times CLIP's."""
    rows: list[tuple[int, str, str, float]] = []
    for epoch in (1, 2, 3):
        rows += [(epoch, "gradient_norm", "clip", 2.0), (epoch, "weight", "clip", 1.0)]
        rows += [
            (epoch, "gradient_norm", "fairness", 8.0),
            (epoch, "weight", "fairness", ratio / 4),
        ]
        rows += [(epoch, "distance", f"test/race/{g}", distance * epoch) for g in GROUPS]
        rows += [(epoch, "distance", "val/race/asian", 77.0), (epoch, "seconds", "train", 1.0)]
    table = pd.DataFrame(rows, columns=["epoch", "kind", "name", "value"])
    table.to_parquet(folder / "epochs.parquet")


@pytest.fixture
def write(write_run: Write) -> Write:
    """Write a run of a seed and a dose, None for the baseline; black patients' scores rise."""

    def run(seed: int, dose: float | None, **more: Any) -> Path:
        keys = {"weight": dose, "solver": "exact", **more.pop("keys", {})}
        own = np.random.default_rng(seed)
        decades = log10(dose) + 8 if dose else 0.0
        scores = {}
        for split, y in LABEL_OF.items():
            score = 0.25 * own.random((3, len(y))) + 0.2 * own.random(len(y)) + 0.1 * y + 0.1
            shift = 0.04 * decades * (CODES[split]["race"] == 1)
            scores[split] = (score + shift).astype(np.float32)
        shown = ", ".join(f"{k}={v}" for k, v in keys.items())
        folder = write_run(
            "clip-ft" if dose is None else f"fairclip[{shown}]",
            seed,
            trained_on=() if dose is None else ("race",),
            objective={} if dose is None else keys,
            **{"label_of": LABEL_OF, "codes": CODES, "epochs": (1, 2, 3), "scores": scores, **more},
        )
        if dose is not None:
            path = folder / "config.yaml"
            config = yaml.safe_load(path.read_text())
            config["objective"] = {"kind": "group-distance", **keys}
            path.write_text(yaml.safe_dump(config))
        write_epochs(folder, ratio=dose or 1.0, distance=1.0)
        return folder

    return run


@pytest.fixture
def results(write: Write, tmp_path: Path) -> Path:
    for seed in SEEDS:
        for dose in (None, *DOSES):
            write(seed, dose)
    return tmp_path / "results"


def dpd_of(found: Comparison, seed: int, dose: float) -> float:
    """Return the DPD of a run by another library, at the epoch that the comparison selected."""
    rows = found.per_seed[found.per_seed["variant"].str.contains(f"weight={dose},", regex=False)]
    row = rows[(rows["seed"] == seed) & (rows["metric"] == "auc")].iloc[0]
    run = next(r for arm in found.arms for r in arm.runs if r.id == row["run"])
    table = pd.read_parquet(run.path / "predictions.parquet")
    table = table[(table["split"] == "test") & (table["epoch"] == row["epoch"])]
    decided = (table["score"] >= 0.5).astype(int)
    groups = table["attribute_race"]
    return float(demographic_parity_difference(table["label"], decided, sensitive_features=groups))


def row_of(table: pd.DataFrame, **wanted: Any) -> pd.Series:
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1, table
    return table.iloc[0]


class TestSeries:
    def test_is_of_arms_that_differ_in_one_number(self, results: Path) -> None:
        (series,) = dose_series(compare(results).arms)
        assert (series.key, series.name) == ("weight", "fairclip[solver=exact]")
        assert tuple(series.arms) == DOSES
        assert all(f"weight={dose}," in arm.label for dose, arm in series.arms.items())

    def test_arms_that_differ_in_another_key_too_are_a_series_of_their_own(
        self, results: Path, write: Write
    ) -> None:
        for dose in DOSES:
            write(0, dose, keys={"balance": "gradient"})
        found = {s.dose_name: s for s in dose_series(compare(results).arms)}
        assert set(found) == {"λ", "relative λ"}
        assert len(found["relative λ"].first.runs) == 1

    def test_two_doses_above_zero_make_none(self, write: Write, tmp_path: Path) -> None:
        for dose in (None, 0.0, 1e-4, 1e-2):
            write(0, dose)
        assert dose_series(compare(tmp_path / "results").arms) == []

    def test_arms_of_another_protocol_are_no_doses(self, write: Write, tmp_path: Path) -> None:
        write(0, None)
        for k, dose in enumerate(DOSES):
            write(0, dose, protocol={"lr": 0.1 + k}, protocol_label=f"tiny[lr={0.1 + k}]")
        assert dose_series(compare(tmp_path / "results").arms) == []


class TestTrends:
    def test_slopes_are_those_of_scipy_on_fairlearns_values(self, results: Path) -> None:
        found = compare(results)
        row = row_of(study(found).tables["trends"], metric="dpd")
        x = [log10(dose) for dose in DOSES]
        slopes = [
            stats.linregress(x, [dpd_of(found, seed, dose) for dose in DOSES]).slope
            for seed in SEEDS
        ]
        expected = stats.ttest_1samp(slopes, 0)
        assert row["slope"] == pytest.approx(np.mean(slopes))
        assert (row["t"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
        assert (row["seeds"], row["doses"]) == (4, 3)

    def test_a_planted_response_is_found_in_the_gap_that_it_opens(self, results: Path) -> None:
        row = row_of(study(compare(results)).tables["trends"], metric="dpd")
        assert row["p_adjusted"] < 0.05
        assert row["low"] > 0

    def test_p_is_corrected_over_all_trends(self, results: Path) -> None:
        trends = study(compare(results)).tables["trends"]
        p = trends["p"].dropna().sort_values()
        assert trends["p_adjusted"].min() == pytest.approx(len(p) * p.iloc[0])

    def test_a_dose_at_which_a_run_diverged_is_left_out_for_all_and_named(
        self, results: Path, write: Write
    ) -> None:
        for seed in SEEDS:
            write(seed, 1.0, **({"state": "diverged", "message": "inf"} if seed == 2 else {}))
        done = study(compare(results))
        row = row_of(done.tables["trends"], metric="auc")
        assert (row["highest"], row["doses"], row["seeds"]) == (1e-2, 3, 4)
        assert row["left_out"] == "1: 1 of 4 runs without a value"
        counts = row_of(done.tables["responses"], metric="auc", dose=1.0)
        assert (counts["n_runs"], counts["n_done"], counts["n_diverged"]) == (4, 3, 1)
        assert counts["message"] == "inf"

    def test_a_seed_that_was_not_run_at_every_dose_has_no_slope(
        self, results: Path, write: Write
    ) -> None:
        write(9, DOSES[0])
        assert set(study(compare(results)).tables["trends"]["seeds"]) == {4}

    def test_dose_zero_has_no_logarithm_and_a_difference(self, results: Path, write: Write) -> None:
        for seed in SEEDS:
            write(seed, 0.0)
        tables = study(compare(results)).tables
        assert set(tables["trends"]["lowest"]) == {DOSES[0]}
        assert row_of(tables["responses"], metric="auc", dose=0.0)["n_pairs"] == 4


class TestResponses:
    def test_differences_are_those_of_the_comparison(self, results: Path) -> None:
        found = compare(results)
        responses = study(found).tables["responses"]
        for dose in DOSES:
            for metric in ("auc", "dpd", "deodds"):
                ours = row_of(responses, metric=metric, dose=dose)
                theirs = found.summary[
                    (found.summary["arm"] == ours["arm"])
                    & (found.summary["metric"] == metric)
                    & found.summary["main_rule"]
                ].iloc[0]
                names = ("mean", "difference", "low", "high", "n_pairs")
                assert [ours[n] for n in names] == pytest.approx([theirs[n] for n in names])

    def test_runs_that_predict_a_group_all_one_class_are_counted_and_marked(
        self, write: Write, tmp_path: Path
    ) -> None:
        for dose in (None, *DOSES):
            write(0, dose)
        low = {split: np.full((3, len(y)), 0.1, np.float32) for split, y in LABEL_OF.items()}
        for split, y in LABEL_OF.items():
            low[split] += np.linspace(0, 0.1, len(y), dtype=np.float32)
        write(0, 1.0, scores=low)
        done = study(compare(tmp_path / "results"))
        assert row_of(done.tables["responses"], metric="dpd", dose=1.0)["n_degenerate"] == 1
        assert row_of(done.tables["responses"], metric="dpd", dose=1e-6)["n_degenerate"] == 0
        (part,) = [block for block in done.section.blocks if isinstance(block, Section)]
        table = [block for block in part.blocks if isinstance(block, Table)][1]
        marked = [row[1].text for row in table.rows if row[-1].text.endswith("‡")]
        assert marked == ["1"]

    def test_the_gradient_ratio_is_of_the_weighted_gradients(self, results: Path) -> None:
        responses = study(compare(results)).tables["responses"]
        assert row_of(responses, metric="auc", dose=1e-4)["gradient_ratio"] == pytest.approx(1e-4)

    @pytest.mark.parametrize("key", [{"balance": "gradient"}, {"schedule": "ramp"}])
    def test_where_the_weight_changes_by_step_there_is_no_gradient_ratio(
        self, write: Write, tmp_path: Path, key: dict[str, str]
    ) -> None:
        write(0, None)
        for dose in DOSES:
            write(0, dose, keys=key)
        responses = study(compare(tmp_path / "results")).tables["responses"]
        doses = responses[responses["dose"] > 0]
        assert len(doses)
        assert doses["gradient_ratio"].isna().all()

    def test_the_distance_is_the_sum_over_groups_at_the_selected_epoch(self, results: Path) -> None:
        found = compare(results)
        values = study(found).tables["values"]
        distances = values[values["metric"] == "distance"]
        assert (distances["value"] == 3 * distances["epoch"]).all()
        assert set(distances["epoch"]) <= {1, 2, 3}

    def test_a_baseline_under_other_conditions_gives_no_difference(
        self, write: Write, tmp_path: Path
    ) -> None:
        write(0, None, protocol={"lr": 0.1}, protocol_label="tiny[lr=0.1]")
        for dose in DOSES:
            write(0, dose)
        responses = study(compare(tmp_path / "results")).tables["responses"]
        assert responses["difference"].isna().all()
        assert set(responses["confounded"]) == {"lr"}


class TestReport:
    def test_shows_a_figure_the_trends_and_the_doses(self, results: Path) -> None:
        section = study(compare(results)).section
        (part,) = [block for block in section.blocks if isinstance(block, Section)]
        (figure,) = [block for block in part.blocks if isinstance(block, Figure)]
        tables = [block for block in part.blocks if isinstance(block, Table)]
        assert [len(table.rows) for table in tables] == [4, 4]
        assert tables[1].rows[0][0].text == "clip-ft (baseline)"
        assert all(len(row) == len(t.columns) for t in tables for row in t.rows)
        assert [axes.get_ylabel() for axes in figure.draw().axes] == [
            "distance",
            "AUC ↑ (%)",
            "DPD ↓ (%)",
            "DEOdds ↓ (%)",
        ]

    def test_says_at_which_dose_runs_diverged(self, results: Path, write: Write) -> None:
        for seed in SEEDS:
            write(seed, 1.0, **({"state": "diverged", "message": "inf"} if seed < 3 else {}))
        (part,) = [b for b in study(compare(results)).section.blocks if isinstance(b, Section)]
        (lines,) = [block for block in part.blocks if isinstance(block, Bullets)]
        assert lines.items == (
            "fairclip[solver=exact] at λ = 1: 3 diverged and 0 failed of 4 runs (inf).",
        )

    def test_says_that_float16_was_not_tried_on_a_cpu(self, write: Write, tmp_path: Path) -> None:
        for dose in (None, *DOSES):
            write(0, dose, protocol={"precision": "fp16-weights"})
        (part,) = [
            b for b in study(compare(tmp_path / "results")).section.blocks if isinstance(b, Section)
        ]
        texts = [block.text for block in part.blocks if isinstance(block, Paragraph)]
        assert any("cannot show where float16 overflows" in text for text in texts)

    def test_is_among_the_studies_of_a_comparison_that_asks_for_it(self, results: Path) -> None:
        found = compare(results, studies=["dose-response"])
        assert [one.name for one in found.studies] == ["dose-response"]
        assert found.studies[0].section in found.report.sections

    def test_the_trends_that_are_shown_stand_at_the_top_of_the_report(self, results: Path) -> None:
        found = compare(results, studies=["dose-response"])
        trends = found.studies[0].tables["trends"]
        shown = trends[trends["p_adjusted"] <= 0.05]
        count, *sentences = found.studies[0].answers
        assert count.startswith(f"{len(shown)} of {trends['p'].notna().sum()} trends")
        assert len(sentences) == len(shown)
        slope = 100 * row_of(trends, metric="dpd")["slope"]
        assert any(f"DPD ↓ changes by {slope:+.2f}" in sentence for sentence in sentences)
        assert {count, *sentences} <= {*found.report.summary}

    def test_without_doses_it_says_so(self, write: Write, tmp_path: Path) -> None:
        write(0, None)
        done = study(compare(tmp_path / "results"))
        (only,) = done.section.blocks
        assert isinstance(only, Paragraph)
        assert only.text.startswith("No three arms")
        assert [len(table) for table in done.tables.values()] == [0, 0, 0]
        assert "slope" in done.tables["trends"].columns


class TestCommand:
    def test_adds_studies_to_the_report_and_writes_their_tables(
        self, results: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "report"
        options = ["--study", "dose-response", "--study", "pareto", "--out", str(out)]
        found = CliRunner().invoke(app, ["compare", str(results), *options])
        assert found.exit_code == 0, found.output
        trends = pd.read_csv(out / "dose-response-trends.csv")
        assert trends["metric"].tolist() == ["distance", "auc", "dpd", "deodds"]
        assert (out / "pareto-fronts.csv").is_file()
        text = (out / "comparison.md").read_text()
        assert "Dose and response" in text
        assert "Pareto fronts" in text

    def test_refuses_an_unknown_study(self, results: Path) -> None:
        found = CliRunner().invoke(app, ["compare", str(results), "--study", "dose"])
        assert found.exit_code != 0
        assert "unknown study 'dose'" in str(found.exception or found.output)
