from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

from benchmark.comparison import compare
from benchmark.report.model import Bullets, Figure, Paragraph, Table
from benchmark.studies.group_sizes import ladders, slopes, spreads
from benchmark.studies.imbalance import study

WHOLE = {"race": {"asian": [30, 30], "black": [20, 20], "white": [80, 80]}}


@pytest.fixture
def write_share(write_scored: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Write a run on a share of a training group."""

    def write(share: float, seed: int, label: str = "clip-ft") -> None:
        own = np.random.default_rng([seed, int(1000 * share)])
        scores = {
            split: (own.random((3, n)) * (2 - share) / 2).astype(np.float32)
            for split, n in (("val", 60), ("test", 90))
        }
        notes = f"{share:g}".ljust(64, "n")
        folder = write_scored(label, seed, scores=scores, notes=notes)["folder"]
        if share < 1:
            _edit(folder, {"race/black": share})

    return write


def _edit(folder: Path, shares: Mapping[str, float]) -> None:
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    after = {"race": {**WHOLE["race"], "black": [int(20 * shares["race/black"])] * 2}}
    config["dataset"] |= {"train_share": dict(shares), "whole_fingerprint": "1".ljust(64, "n")}
    config["dataset"] |= {"train_groups_whole": WHOLE, "train_groups": after}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


@pytest.fixture
def results(write_share: Callable[..., None], tmp_path: Path) -> Path:
    for share in (1.0, 0.5, 0.25):
        for seed in range(4):
            write_share(share, seed)
    return tmp_path / "results"


class TestLadders:
    def test_arms_that_differ_in_the_share_alone_go_from_large_to_small(
        self, results: Path
    ) -> None:
        (ladder,) = ladders(compare(results))
        assert ladder.smaller == ["race/black"]
        assert [arm.conditions["train_share"] for arm in ladder.arms] == [
            "all",
            "race/black=0.5",
            "race/black=0.25",
        ]

    def test_compare_takes_unequal_shares_for_unequal_conditions(self, results: Path) -> None:
        names = set(compare(results).summary["protocol"])
        shares = ("all", "race/black=0.5", "race/black=0.25")
        assert names == {f"tiny, train_share={share}" for share in shares}


class TestTables:
    def test_differences_are_paired_by_seed_with_the_largest(self, results: Path) -> None:
        found = compare(results)
        table = spreads(found, ladders(found)).query("metric == 'dpd'").set_index("n_smaller")
        rows = found.per_seed.query("metric == 'dpd' and selection == 'val-auc'")
        by_arm = {str(arm): part.set_index("seed")["value"] for arm, part in rows.groupby("arm")}
        whole, least = (by_arm[str(table.loc[n, "arm"])] for n in (40, 10))
        theirs = stats.ttest_rel(least, whole)
        assert table.loc[10, "difference"] == pytest.approx((least - whole).mean())
        assert table.loc[10, "p"] == pytest.approx(theirs.pvalue)
        assert table.loc[10, "sd"] == pytest.approx(least.std())
        assert table["difference"].isna().tolist() == [True, False, False]

    def test_sizes_are_those_of_the_runs(self, results: Path) -> None:
        found = compare(results)
        table = spreads(found, ladders(found)).query("metric == 'group_auc'")
        sizes = table.set_index(["n_smaller", "group"])["n_train"]
        assert sizes[40, "black"] == 40
        assert sizes[10, "black"] == 10
        assert sizes[10, "white"] == 160
        counts = found.per_seed.query("metric == 'n' and group == 'black'")["value"]
        assert set(table.query("group == 'black'")["n_test"]) == set(counts)

    def test_only_slopes_over_training_sizes_have_an_interval(self, results: Path) -> None:
        found = compare(results)
        trend = slopes(spreads(found, ladders(found)))
        training = trend.query("against == 'training size'")
        by_group = training.query("metric == 'group_auc'")
        assert (by_group["sizes"] == 3).all()
        assert by_group["low"].notna().all()
        # On all data no score reaches the threshold, with any seed: a spread of 0 has no logarithm.
        dpd = training.query("metric == 'dpd'")
        assert dpd["sizes"].tolist() == [2]
        assert dpd["reason"].str.contains("a slope needs 3").all()
        assert trend.loc[trend["against"] == "test size", "low"].isna().all()


class TestStudy:
    def test_shows_levels_slopes_test_sizes_and_a_figure(self, results: Path) -> None:
        made = study(compare(results))
        tables = [b.id for b in made.section.blocks if isinstance(b, Table)]
        assert tables == ["imbalance-levels", "imbalance-slopes", "imbalance-test-sizes"]
        (figure,) = (b for b in made.section.blocks if isinstance(b, Figure))
        assert figure.draw().axes
        assert made.tables.keys() == {"spreads", "slopes"}

    def test_runs_that_were_lost_are_counted_and_in_no_mean(
        self, results: Path, write_scored: Callable[..., dict[str, Any]]
    ) -> None:
        notes = "0.25".ljust(64, "n")
        lost = write_scored("clip-ft", 9, notes=notes, state="diverged", message="nan")["folder"]
        _edit(lost, {"race/black": 0.25})
        made = study(compare(results))
        lines = [line for b in made.section.blocks if isinstance(b, Bullets) for line in b.items]
        (line,) = (line for line in lines if "diverged or failed" in line)
        assert "train_share=race/black=0.25: 1 of 5 runs" in line
        least = made.tables["spreads"].query("n_smaller == 10 and metric == 'auc'")
        assert least["n_seeds"].tolist() == [4]
        assert least["mean"].notna().all()

    def test_without_two_shares_it_names_the_way_to_them(
        self, write_share: Callable[..., None], tmp_path: Path
    ) -> None:
        write_share(1.0, 0)
        made = study(compare(tmp_path / "results"))
        (sentence,) = made.section.blocks
        assert isinstance(sentence, Paragraph)
        assert "--set train_share=" in sentence.text
        assert {name: len(table) for name, table in made.tables.items()} == {
            "spreads": 0,
            "slopes": 0,
        }
