"""The reproduction's distance table, from stored similarities."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import benchmark
from benchmark.report.model import Section, Table
from benchmark.studies.distances import DEFINITION, study
from benchmark.studies.similarity_distances import changes, group_distances

Write = Callable[..., Path]
RECORD = Path(benchmark.__file__).parent / "verify" / "pack_data" / "distance_test.json"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def scored(
    write_scored: Callable[..., dict[str, Any]], edit_predictions: Callable[..., Path]
) -> Write:
    """Write a run whose groups' similarities differ: cosine = scale · own + shift · group."""

    def write(label: str, seed: int | None, scale: float, shift: float, **more: Any) -> Path:
        folder: Path = write_scored(label, seed, **more)["folder"]

        def similar(table: pd.DataFrame) -> pd.DataFrame:
            sample = pd.factorize(table["sample_id"])[0]  # the same after every epoch
            own = np.random.default_rng([1, seed or 0]).normal(0, 0.01, sample.max() + 1)[sample]
            group = table["attribute_race"].to_numpy(dtype=np.float64)
            return table.assign(similarity=(scale * (own + shift * group)).astype(np.float32))

        edit_predictions(folder, similar)
        epochs = pd.read_parquet(folder / "predictions.parquet")["epoch"].unique()
        logit_scale = {"epoch": epochs, "kind": "logit_scale", "name": "", "value": 20.0}
        pd.DataFrame(logit_scale).to_parquet(folder / "epochs.parquet")
        return folder

    return write


class TestGroupDistances:
    def test_are_those_that_a_run_recorded(self, trained: Path) -> None:
        table = group_distances(benchmark.compare(trained))
        assert set(table["variant"]) == {"clip", "clip-ft", "fairclip"}
        for row in table.to_dict("records"):
            recorded = pd.read_parquet(trained / "runs" / row["run"] / "epochs.parquet")
            name = f"test/{row['attribute']}/{row['group']}"
            at = recorded[(recorded["epoch"] == row["epoch"]) & (recorded["kind"] == "distance")]
            expected = at.set_index("name")["value"][name]
            assert row["distance"] == pytest.approx(expected, rel=1e-9)

    def test_in_standard_deviations_do_not_depend_on_the_scale(
        self, scored: Write, results: Path
    ) -> None:
        scored("clip-ft", 0, scale=1.0, shift=0.01)
        scored("fairclip", 0, scale=0.5, shift=0.01)
        table = group_distances(benchmark.compare(results))
        plain, shrunk = (
            table[table["variant"] == variant].set_index("group")[["distance", "relative"]]
            for variant in ("clip-ft", "fairclip")
        )
        assert list(plain.index) == ["asian", "black", "white"]
        np.testing.assert_allclose(shrunk["distance"], plain["distance"] / 4, rtol=1e-5)
        np.testing.assert_allclose(shrunk["relative"], plain["relative"], rtol=1e-5)

    def test_of_groups_without_a_difference_are_those_of_random_groups(
        self, scored: Write, results: Path
    ) -> None:
        for seed in range(8):
            scored("clip-ft", seed, scale=1.0, shift=0.0)
        for seed in range(8):
            scored("fairclip", seed, scale=1.0, shift=0.03)
        found = group_distances(benchmark.compare(results)).groupby("variant")
        means = found[["relative", "relative_permuted"]].mean()
        alike, apart = means.loc["clip-ft"], means.loc["fairclip"]
        assert alike["relative"] == pytest.approx(alike["relative_permuted"], rel=0.25)
        assert apart["relative"] > 4 * apart["relative_permuted"]

    def test_are_missing_with_a_reason_where_a_run_has_no_similarities(
        self, scored: Write, results: Path, edit_predictions: Callable[..., Path]
    ) -> None:
        folder = scored("clip-ft", 0, scale=1.0, shift=0.01)
        edit_predictions(folder, lambda t: t.assign(similarity=np.float32("nan")))
        table = group_distances(benchmark.compare(results))
        assert table["distance"].isna().all()
        assert set(table["reason"]) == {"no similarities are stored"}


class TestChanges:
    def test_of_pure_shrinkage_are_all_spread(self, scored: Write, results: Path) -> None:
        for seed in range(3):
            scored("clip-ft", seed, scale=1.0, shift=0.01)
            scored("logit-shrink", seed, scale=0.5, shift=0.01)
        found = benchmark.compare(results)
        (row,) = changes(found, group_distances(found)).to_dict("records")
        assert (row["variant"], row["attribute"], row["n_pairs"]) == ("logit-shrink", "race", 3)
        assert row["total"] == pytest.approx(0.25, rel=1e-5)
        assert row["spread"] == pytest.approx(0.25, rel=1e-5)
        assert row["shape"] == pytest.approx(1, rel=1e-5)

    def test_are_products_of_their_factors(self, scored: Write, results: Path) -> None:
        for seed in range(3):
            scored("clip-ft", seed, scale=1.0, shift=0.01)
            scored("fairclip", seed, scale=0.8, shift=0.004)
        found = benchmark.compare(results)
        (row,) = changes(found, group_distances(found)).to_dict("records")
        assert row["total"] == pytest.approx(row["spread"] * row["shape"], rel=1e-12)
        assert row["shape_low"] < row["shape"] < row["shape_high"] < 1

    def test_pair_a_variant_without_seed_with_every_seed(
        self, scored: Write, results: Path
    ) -> None:
        scored("clip", None, scale=2.0, shift=0.01)
        for seed in range(3):
            scored("clip-ft", seed, scale=1.0, shift=0.01)
        found = benchmark.compare(results)
        (row,) = changes(found, group_distances(found)).to_dict("records")
        assert (row["variant"], row["n_pairs"]) == ("clip", 3)

    def test_against_another_protocol_are_not_given(self, scored: Write, results: Path) -> None:
        scored("clip-ft", 0, scale=1.0, shift=0.01)
        scored("fairclip", 0, scale=0.5, shift=0.01, protocol={"lr": 1.0})
        found = benchmark.compare(results)
        (row,) = changes(found, group_distances(found)).to_dict("records")
        assert np.isnan(row["total"])
        assert (row["confounded"], row["n_pairs"]) == ("lr", 0)


class TestStudy:
    @pytest.fixture
    def tables(self, scored: Write, results: Path) -> list[Table]:
        for seed in range(2):
            scored("clip-ft", seed, scale=1.0, shift=0.01)
            scored("fairclip", seed, scale=0.5, shift=0.01, trained_on=("race",))
        return [b for b in self.of(results).blocks if isinstance(b, Table)]

    @staticmethod
    def of(results: Path) -> Section:
        return study(benchmark.compare(results)).section

    def test_shows_distances_of_each_group_and_what_chance_makes(self, tables: list[Table]) -> None:
        plain, relative, change = tables
        headings = [column.heading.split(" (")[0] for column in plain.columns]
        assert headings == ["variant", "trained on", "seeds", "σ", "asian", "black", "white"]
        assert [row[0].text for row in plain.rows] == ["clip-ft", "fairclip"]
        assert relative.rows[-1][0].text == "groups drawn at random"
        assert change.rows[0][-1].text.startswith("1 [")
        for table in tables:
            assert {len(row) for row in table.rows} == {len(table.columns)}

    def test_two_blocks_have_sections_and_ids_of_their_own(
        self, scored: Write, results: Path
    ) -> None:
        for test_set in ("a" * 64, "b" * 64):
            scored("clip-ft", 0, scale=1.0, shift=0.01, test_set=test_set)
        parts = [block for block in self.of(results).blocks if isinstance(block, Section)]
        ids = [table.id for part in parts for table in part.blocks if isinstance(table, Table)]
        assert len(parts) == 2
        assert len(set(ids)) == len(ids) == 4

    def test_says_how_far_the_reproductions_number_is_from_what_is_shown(self) -> None:
        recorded = json.loads(RECORD.read_text(encoding="utf-8"))
        ratios = [
            shown / exact
            for case in recorded["cases"]
            if case["s"] == 100
            for shown, exact in zip(
                case["raw"]["distance_test"], case["raw"]["exact_half_w2_squared"], strict=True
            )
        ]
        assert f"{min(ratios):.2f} to {max(ratios):.2f}" in DEFINITION

    def test_is_part_of_the_report(self, scored: Write, results: Path, tmp_path: Path) -> None:
        scored("clip-ft", 0, scale=1.0, shift=0.01)
        found = benchmark.compare(results)
        found = replace(found, studies=[study(found)])
        found.write(tmp_path / "out")
        text = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
        assert "Distances of groups' similarities" in text
        assert (tmp_path / "out" / "distances-groups.csv").is_file()
