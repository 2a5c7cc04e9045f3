from __future__ import annotations

import json
import shutil
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from benchmark.ablation.analysis import analyse_ablation
from benchmark.errors import FairbenchError
from benchmark.report.markdown import report_markdown
from benchmark.report.model import Figure
from benchmark.results import RunStore
from benchmark.values import run_values

CELLS = ("from", "normalise", "selection", "normalise, selection")


def effect(found, **wanted):
    rows = found.by_seed
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows.set_index("seed")["value"].to_dict()


class TestCells:
    def test_hold_the_metrics_of_the_stored_runs(self, ablated):
        found, store = ablated
        stored = {run.id: run for run in store.read()}
        assert tuple(found.cells["cell"].drop_duplicates()) == CELLS
        for row in found.cells.to_dict("records"):
            for side, column in (("variant", "level"), ("baseline", "baseline")):
                run = stored[row[f"{side}_run"]]
                assert run.config["seed"] == row["seed"]
                (values,) = run_values(run, ["race"], [row["rule"]], "0.5")
                (metric,) = (m for m in values.metrics if m.metric == row["metric"] and not m.group)
                assert row[column] == metric.value
            assert row["gain"] == row["level"] - row["baseline"]

    def test_come_from_the_variant_and_its_baseline(self, ablated):
        found, store = ablated
        stored = {run.id: run.config for run in store.read()}
        for row in found.cells.to_dict("records"):
            expected = "none" if "normalise" in row["cell"] else "groups"
            assert stored[row["variant_run"]]["objective"]["normalise"] == expected
            assert stored[row["baseline_run"]]["variant"] == "clip-ft"
            assert row["rule"] == ("val-auc" if "selection" in row["cell"] else "test-auc")


class TestEffects:
    @pytest.mark.parametrize("question", ["level", "gain"])
    def test_of_one_at_a_time_are_exactly_those_of_the_factorial_cells(self, ablated, question):
        found, _ = ablated
        for metric, part in found.cells.groupby("metric"):
            value = part.pivot_table(index="seed", columns="cell", values=question)
            none, a, b, both = (value[name] for name in CELLS)
            for term, key, expected in (
                ("alone", "normalise", a - none),
                ("alone", "selection", b - none),
                ("last", "normalise", both - b),
                ("last", "selection", both - a),
            ):
                held = effect(found, question=question, metric=metric, term=term, key=key)
                assert held == expected.to_dict()

    @pytest.mark.parametrize(("design", "term"), [("shapley", "shapley"), ("ladder", "step")])
    def test_add_up_to_the_total_with_every_seed(self, ablated, design, term):
        found, _ = ablated
        rows = found.by_seed[found.by_seed["design"] == design]
        names = ["question", "metric", "seed"]
        parts = rows[rows["term"] == term].groupby(names)["value"].sum()
        total = rows[rows["term"] == "total"].groupby(names)["value"].sum()
        assert len(total) == 2 * 4 * 2
        assert np.abs(parts - total).max() < 1e-9

    def test_of_objective_keys_on_the_gain_are_those_on_the_level(self, ablated):
        found, _ = ablated
        wide = found.effects[found.effects["key"] == "normalise"].pivot_table(
            index=["design", "term", "metric"], columns="question", values="effect"
        )
        assert len(wide) == 5 * 4
        assert wide["gain"].to_numpy() == pytest.approx(wide["level"].to_numpy(), abs=1e-12)

    def test_of_selection_on_the_gain_reselect_the_baseline(self, ablated):
        found, store = ablated
        stored = {run.id: run for run in store.read() if run.config["variant"] == "clip-ft"}
        moved = {}
        for run in stored.values():
            by_rule = {v.rule: v for v in run_values(run, ["race"], ["test-auc", "val-auc"], "0.5")}
            auc = {rule: v.metrics[0].value for rule, v in by_rule.items()}
            moved[run.config["seed"]] = auc["val-auc"] - auc["test-auc"]
        wanted = {"metric": "auc", "term": "alone", "key": "selection"}
        level = effect(found, question="level", **wanted)
        gain = effect(found, question="gain", **wanted)
        for seed, value in level.items():
            assert gain[seed] == pytest.approx(value - moved[seed], abs=1e-12)

    def test_of_a_rule_that_looks_at_the_test_set_are_never_in_its_disfavour(self, ablated):
        found, _ = ablated
        values = effect(found, question="level", metric="auc", term="alone", key="selection")
        assert max(values.values()) <= 0


class TestAgain:
    def test_gives_the_same_tables(self, ablated):
        found, store = ablated
        again = analyse_ablation(found.plan, store)
        for name in ("effects", "by_seed", "cells", "runs"):
            pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))

    def test_without_a_run_names_it(self, ablated, trained):
        found, _ = ablated
        with pytest.raises(FairbenchError, match=r"2 of 6 runs .*fairclip\[normalise=none\]"):
            analyse_ablation(found.plan, RunStore(trained))


class TestRunsWithoutResult:
    @pytest.fixture
    def diverged(self, ablated, tmp_path):
        """The same ablation after its run with seed 1 and `normalise=none` diverged."""
        found, store = ablated
        shutil.copytree(store.results, tmp_path / "results")
        run_id = found.plan.cells[True, False].variant[1].id
        status = {"state": "diverged", "epochs": 0, "message": "loss is nan at step 2"}
        path = tmp_path / "results" / "runs" / run_id / "status.json"
        path.write_text(json.dumps(status), encoding="utf-8")
        return analyse_ablation(found.plan, RunStore(tmp_path / "results"))

    def test_are_left_out_where_they_are_needed_and_only_there(self, ablated, diverged):
        wanted = {"question": "level", "metric": "auc", "term": "alone"}
        whole = effect(ablated[0], key="selection", **wanted)
        assert effect(diverged, key="selection", **wanted) == whole
        assert [*effect(diverged, key="normalise", **wanted)] == [0]
        shapley = diverged.effects[diverged.effects["design"] == "shapley"]
        assert set(shapley["n_seeds"]) == set(shapley["seeds_left_out"]) == {1}

    def test_are_shown_with_their_reason(self, diverged):
        text = report_markdown(diverged.report)
        assert "\nruns: 5 done, 1 diverged\n" in text
        assert "## Runs without a result" in text
        assert "| diverged | loss is nan at step 2 |" in text
        assert "seeds left out because a cell has no value: up to 1" in text
        lost = diverged.cells[diverged.cells["level"].isna()]
        assert set(lost["reason"]) == {"variant: diverged: loss is nan at step 2"}


class TestReport:
    def test_says_what_was_asked_and_what_each_key_is(self, ablated):
        text = report_markdown(ablated[0].report)
        assert text.startswith("# Ablation: fairclip → a-fairclip")
        for words in (
            "2 seeds (0, 1)",
            "6 runs over 2 seeds, 2 of them of the baseline clip-ft",
            "| normalise | groups | none | variant | none: eq. (1)",
            "| selection | test-auc | val-auc | both, no run |",
            "test-auc: official code of FairCLIP, CVPR 2024",
            "score (squared-logits, in 'to' logit)",
            "## Level: What does a key do to the metric of the variant itself?",
            "## Gain: What does a key do to the metric of the variant minus that of clip-ft",
        ):
            assert words in text

    def test_states_the_numbers_of_the_table(self, ablated):
        found, _ = ablated
        rows = found.effects.set_index(["design", "question", "metric", "key"])
        row = rows.loc[("shapley", "level", "deodds", "normalise")]
        line = f"normalise explains {100 * row['effect']:+z.2f} ["
        assert line in report_markdown(found.report)

    def test_writes_every_table(self, ablated, tmp_path):
        found, _ = ablated
        paths = found.write(tmp_path)
        assert (tmp_path / "ablation.md").read_text(encoding="utf-8") == report_markdown(
            found.report
        )
        effects = pd.read_csv(tmp_path / "effects.csv")
        assert effects["effect"].tolist() == pytest.approx(found.effects["effect"].tolist())
        assert set(pd.read_csv(tmp_path / "keys.csv")["changed_as"]) == {
            "normalise",
            "selection",
            "not changed: as in from",
        }
        names = {path.name for path in tmp_path.iterdir()} - {"ablation.files.json"}
        assert {path.name for path in paths} == names
        assert (
            (tmp_path / "ablation.html").read_text(encoding="utf-8").startswith("<!doctype html>")
        )

    def test_answers_by_the_gain_and_draws_what_adds_up(self, ablated):
        report = ablated[0].report
        assert [answer.text.split(":")[0] for answer in report.answers] == [
            f"Gain in {metric} over clip-ft"
            for metric in ("AUC ↑", "ES-AUC ↑", "DPD ↓", "DEOdds ↓")
        ]
        (figure,) = (block for block in report.blocks() if isinstance(block, Figure))
        effects = ablated[0].effects
        shapley = effects[(effects["design"] == "shapley") & (effects["question"] == "gain")]
        assert len(figure.table.rows) == len(shapley)

    def test_has_no_two_empty_lines(self, ablated):
        lines = report_markdown(ablated[0].report).splitlines()
        assert all(a or b for a, b in pairwise(lines))
