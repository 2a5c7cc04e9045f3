from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import special

from benchmark.comparison import compare
from benchmark.report.model import Bullets, Figure, Paragraph, Table
from benchmark.studies.association import NOT_ESTIMABLE, OPPOSITE, TOGETHER, UNKNOWN, associations
from benchmark.studies.courses import COLUMNS, courses, margins, summed_distance
from benchmark.studies.mechanism import _verdict, study
from variants.distances import wasserstein

ARMS, SEEDS, EPOCHS = 4, 6, 5


def points(sign: float, noise: float, seed: int = 0) -> pd.DataFrame:
    """Runs whose gaps are `sign` times the log distance, with noise, on every level."""
    random = np.random.default_rng(seed)
    rows = []
    for s in range(SEEDS):
        for a in range(ARMS):
            walk = random.normal(size=EPOCHS).cumsum() + random.normal() + 2 * a
            follow = sign * walk + noise * random.normal(size=EPOCHS).cumsum()
            for e in range(EPOCHS):
                row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
                row |= {"cell": 0, "arm": f"arm{a}", "variant": f"v{a}", "attribute": "race"}
                row |= {"run": f"{a}-{s}", "seed": s, "epoch": e + 1, "selected": e == EPOCHS - 1}
                row |= {"similarity": 10 ** walk[e], "margin": 10 ** (walk[e] / 2)}
                rows.append({**row, "dpd": 0.3 + follow[e] / 50, "deodds": 0.4 + follow[e] / 60})
    return pd.DataFrame(rows, columns=COLUMNS)


class TestAssociations:
    @pytest.mark.parametrize(("sign", "answer"), [(1, TOGETHER), (-1, OPPOSITE)])
    def test_a_planted_association_is_found_on_every_level(self, sign: float, answer: str) -> None:
        found = associations(points(sign, 0.2), 0.05)
        assert found.groupby("level")["answer"].agg(set).to_dict() == {
            "epochs": {answer},
            "seeds": {answer},
            "arms": {answer},
        }

    def test_of_unrelated_courses_nothing_is_known(self) -> None:
        found = pd.concat([associations(points(0, 1, seed), 0.05) for seed in range(8)])
        assert (found["answer"] == UNKNOWN).mean() > 0.9

    def test_each_level_is_a_family_of_its_own(self) -> None:
        found = associations(points(0, 1), 0.05)
        assert set(found["family"]) == {4}
        for _, rows in found.groupby("level"):
            by_p = rows.sort_values("p")
            assert by_p["p_adjusted"].iloc[0] == pytest.approx(min(1, 4 * by_p["p"].iloc[0]))

    def test_seeds_that_an_arm_lacks_are_left_out(self) -> None:
        table = points(1, 0.2)
        gone = table[~((table["arm"] == "arm1") & (table["seed"] == 0))]
        assert set(associations(gone, 0.05)["n_seeds"]) == {SEEDS - 1}

    def test_a_distance_that_was_lost_costs_its_epoch_and_says_how_many_are_left(self) -> None:
        table = points(1, 0.2)
        table.loc[(table["epoch"] == 2) & (table["run"] == "0-0"), "margin"] = np.nan
        found = associations(table, 0.05).query("level == 'epochs'")
        assert set(found.query("distance == 'margin'")["n_epochs"]) == {EPOCHS - 1}
        assert set(found.query("distance == 'similarity'")["n_epochs"]) == {EPOCHS}

    def test_one_seed_is_not_estimable_and_never_zero(self) -> None:
        table = points(1, 0.2)
        found = associations(table[table["seed"] == 0], 0.05)
        assert set(found["answer"]) == {NOT_ESTIMABLE}
        assert found["coefficient"].isna().all()
        assert (found["reason"] != "").all()


class TestVerdict:
    def test_says_in_part_where_departures_of_runs_go_together(self) -> None:
        assert "In part: 12 of 12 tests" in _verdict(associations(points(1, 0.2), 0.05))

    def test_ranks_of_these_arms_alone_are_no_answer(self) -> None:
        found = associations(points(1, 0.2), 0.05)
        found.loc[found["level"] != "arms", "answer"] = UNKNOWN
        text = _verdict(found)
        assert "Not known yet beyond these arms: 4 of 12 tests" in text


class TestDistances:
    def test_margins_are_taken_back_from_probabilities(self) -> None:
        true = np.linspace(-9, 9, 50)
        found, lost = margins(special.expit(true).astype(np.float32))
        assert lost == ""
        assert found == pytest.approx(true, abs=1e-3)

    def test_a_probability_of_one_has_lost_its_margin(self) -> None:
        found, lost = margins(np.array([0.5, 1.0, 1.0], np.float32))
        assert np.isnan(found).all()
        assert lost.startswith("2 of 3 scores are 0 or 1")

    def test_the_sum_over_groups_leaves_unknown_samples_to_everyone(self) -> None:
        torch = pytest.importorskip("torch")
        random = np.random.default_rng(0)
        score, codes = random.normal(size=60), random.integers(-1, 3, 60).astype(np.int8)
        everyone = torch.from_numpy(score)
        theirs = sum(wasserstein(everyone[codes == g], everyone).item() for g in range(3))
        assert summed_distance(score, codes) == pytest.approx(theirs, rel=1e-12)


@pytest.fixture
def results(write_scored: Callable[..., dict[str, Any]], tmp_path: Path) -> Path:
    """Two variants of three seeds, with recorded distances of 0.1 · epoch a group."""
    for label, on in (("clip-ft", ()), ("fairclip", ("race",))):
        for seed in range(3):
            folder = write_scored(label, seed, trained_on=on)["folder"]
            rows = [
                (epoch, "distance", f"test/race/{group}", 0.1 * epoch)
                for epoch in (1, 2, 3)
                for group in ("asian", "black", "white")
            ]
            names = ("epoch", "kind", "name", "value")
            columns = dict(zip(names, zip(*rows, strict=True), strict=True))
            pq.write_table(pa.table(columns), folder / "epochs.parquet")
    return tmp_path / "results"


class TestStudy:
    def test_reads_distances_and_gaps_of_every_epoch(self, results: Path) -> None:
        found = compare(results)
        table = courses(found)
        assert len(table) == 2 * 3 * 3
        assert table["similarity"].tolist() == pytest.approx(0.3 * table["epoch"])
        chosen = table[table["selected"]]
        assert len(chosen) == 6
        tables = found.per_seed.query("selection == 'val-auc' and group == ''")
        for gap in ("dpd", "deodds"):
            rows = tables[tables["metric"] == gap].set_index("run")["value"]
            assert chosen[gap].tolist() == pytest.approx(rows[chosen["run"]].tolist())

    def test_answers_in_words_and_draws(self, results: Path) -> None:
        made = study(compare(results))
        blocks = made.section.blocks
        assert "Not known yet" in blocks[0].text  # type: ignore[union-attr]
        (table,) = (b for b in blocks if isinstance(b, Table))
        assert len(table.rows) == 12
        (figure,) = (b for b in blocks if isinstance(b, Figure))
        assert figure.draw().axes
        assert made.tables.keys() == {"associations", "courses"}

    def test_names_lost_runs_and_the_seeds_that_they_cost(
        self, results: Path, write_scored: Callable[..., dict[str, Any]]
    ) -> None:
        write_scored("fairclip", 3, trained_on=("race",), state="diverged", message="nan")
        made = study(compare(results))
        lines = [line for b in made.section.blocks if isinstance(b, Bullets) for line in b.items]
        assert any("fairclip on race, tiny: 1 of 4 runs diverged" in line for line in lines)
        assert any(line.startswith("A seed that one arm lost") for line in lines)

    def test_without_a_trained_run_it_says_so(
        self, write_scored: Callable[..., dict[str, Any]], tmp_path: Path
    ) -> None:
        write_scored("clip", None)
        made = study(compare(tmp_path / "results", baseline="clip"))
        (sentence,) = made.section.blocks
        assert isinstance(sentence, Paragraph)
        assert sentence.text.startswith("No finished run that trains")
        assert {name: len(table) for name, table in made.tables.items()} == {
            "associations": 0,
            "courses": 0,
        }
