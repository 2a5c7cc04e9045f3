import re

import numpy as np
import pandas as pd
import pytest

from benchmark.comparison import compare
from benchmark.report.levels_section import PRIMARY
from benchmark.report.markdown import report_markdown
from benchmark.report.model import Figure, Section, Table
from benchmark.report.verdict_table import MARKS


def tables(text):
    """Return heading path → list of tables, each a list of rows (column → cell)."""
    found, path, rows = {}, [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            level = line.index(" ")
            path = [*path[: level - 1], line[level + 1 :]]
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            head, _, *body = rows
            assert all(len(row) == len(head) for row in body)
            found.setdefault(" / ".join(path[1:]), []).append(
                [dict(zip(head, row, strict=True)) for row in body]
            )
            rows = []
    return found


def exactly(path):
    """Read a CSV file with all digits; by default pandas rounds the last."""
    frame, texts = pd.read_csv(path), pd.read_csv(path, dtype=str)
    for name in frame.select_dtypes("float"):
        frame[name] = [float(text) for text in texts[name].fillna("nan")]
    return frame


@pytest.fixture
def report(tmp_path):
    """Compare, write, and return the Markdown with the tables read back from the CSV files."""

    def make(**options):
        found = compare(tmp_path / "results", **options)
        paths = {path.name: path for path in found.write(tmp_path / "out", [])}
        read = {name: exactly(paths[f"{name}.csv"]) for name in ("comparison", "per_seed", "runs")}
        text = paths["comparison.md"].read_text(encoding="utf-8")
        assert text == report_markdown(found.report)
        return text, read, found

    return make


@pytest.fixture
def arms(write_scored):
    for seed in (0, 1, 2):
        write_scored("clip-ft", seed)
        write_scored("fairclip", seed, trained_on=("race",), own="test-auc")
    write_scored("clip", None, own="last")


class TestFiles:
    def test_csv_files_hold_the_tables_to_the_last_digit(self, arms, report):
        _, read, found = report()
        for name, frame in (("comparison", found.summary), ("per_seed", found.per_seed)):
            assert read[name].columns.tolist() == frame.columns.tolist()
            for column in frame.select_dtypes("float"):
                np.testing.assert_array_equal(read[name][column], frame[column])
            for column in ("variant", "metric", "selection"):
                assert read[name][column].tolist() == frame[column].tolist()
        assert read["runs"]["run"].tolist() == found.runs["run"].tolist()

    def test_values_are_fractions(self, arms, report):
        _, read, _ = report()
        values = read["per_seed"].loc[read["per_seed"]["metric"] == "auc", "value"]
        assert values.between(0, 1).all()

    def test_seeds_and_epochs_are_whole_numbers(self, arms, tmp_path, report):
        report()
        lines = (tmp_path / "out" / "per_seed.csv").read_text().splitlines()
        seed, epoch = (lines[0].split(",").index(name) for name in ("seed", "epoch"))
        assert {line.split(",")[seed] for line in lines[1:]} == {"", "0", "1", "2"}
        assert {line.split(",")[epoch] for line in lines[1:]} <= {"0", "1", "2", "3"}


class TestNumbers:
    @pytest.mark.parametrize("selection", ["val-auc", "test-auc", "own"])
    def test_every_cell_is_the_number_of_the_csv(self, arms, report, selection):
        text, read, _ = report(selection=selection)
        levels, differences = tables(text)["Levels and differences / fairvlmed, tiny / race"]
        assert len(levels) == 3
        assert len(differences) == 2
        summary = read["comparison"].fillna({"group": ""})
        main = summary[summary["main_rule"]]
        checked = 0
        for row in (*levels, *differences):
            label = row["variant"].removesuffix(" (baseline)")
            for heading, text_cell in row.items():
                group = re.fullmatch(r"AUC (\w+) ↑", heading)
                metric = {h: m for m, h in PRIMARY.items()}.get(heading)
                if group is None and metric is None:
                    continue
                at = main[main["variant"] == label]
                at = at[at["metric"] == (metric or "group_auc")]
                (expected,) = at[at["group"] == (group[1] if group else "")].to_dict("records")
                numbers = [float(n) for n in re.findall(r"[-+]?\d+\.?\d*", text_cell)]
                names = ["difference", "low", "high"] if "(" in text_cell else ["mean", "sd"]
                for name, number in zip(names, numbers, strict=False):
                    if not np.isnan(expected[name]):
                        assert number == pytest.approx(100 * expected[name], abs=0.00501)
                        checked += 1
                if "(" in text_cell:
                    assert numbers[-1] == expected["n_pairs"]
        assert checked == 2 * 7 * 2 + 7 + 2 * 7 * 3

    def test_own_rules_compare_with_the_baseline_by_the_same_rule(self, arms, report):
        text, read, _ = report()
        own = next(t for t in tables(text)["Selection rules and epochs"] if "row" in t[0])
        assert [row["row"] for row in own] == ["level", "difference"]
        assert {row["rule"] for row in own} == {"test-auc (on the test set itself: optimistic)"}
        summary = read["comparison"]
        at = summary[(summary["variant"] == "fairclip") & (summary["selection"] == "test-auc")]
        expected = at.loc[at["metric"] == "auc", "difference"].item()
        assert own[1]["AUC ↑"].startswith(f"{100 * expected:+.2f} [")

    def test_selected_epochs_are_listed_by_seed(self, arms, report):
        text, read, _ = report()
        rows = tables(text)["Selection rules and epochs"][-1]
        per_seed = read["per_seed"]
        for row in rows:
            at = per_seed[(per_seed["variant"] == row["variant"])]
            at = at[(at["selection"] == row["rule"]) & (at["metric"] == "auc")]
            expected = {int(s): int(e) for s, e in zip(at["seed"], at["epoch"], strict=True)}
            listed = dict(pair.split(": ") for pair in row["seed: epoch"].split(", "))
            assert {int(s): int(e) for s, e in listed.items()} == expected
        assert {row["variant"] for row in rows} == {"clip-ft", "fairclip"}

    def test_group_sizes_are_those_of_the_test_set(self, report, write_scored):
        run = write_scored()
        text, _, _ = report()
        race, y = run["codes"]["test"]["race"], run["label_of"]["test"]
        for code, group in enumerate(("asian", "black", "white")):
            n, positive = np.sum(race == code), np.sum(y[race == code])
            assert f"| race | {group} | {n} | {positive} |" in text

    def test_a_level_has_the_sign_of_its_verdict(self, arms, report):
        text, _, found = report()
        levels, _ = tables(text)["Levels and differences / fairvlmed, tiny / race"]
        of = {row["variant"]: row for row in levels}
        checked = 0
        for claim in found.verdicts.to_dict("records"):
            if claim["verdict"] and claim["attribute"] in ("race", "all"):
                cell = of[claim["variant"]][PRIMARY[claim["metric"]]]
                assert cell.strip("*").endswith(MARKS.get(claim["verdict"], ""))
                checked += bool(MARKS.get(claim["verdict"]))
        assert checked
        assert not any(sign in of["clip-ft (baseline)"]["AUC ↑"] for sign in MARKS.values())


class TestCaveats:
    def test_seeds_and_what_they_allow_come_first(self, arms, report):
        text, _, _ = report()
        assert text.index("3 paired seeds:") < text.index("## Levels")
        assert "below 0.25" in text

    def test_without_a_shared_seed_it_says_so(self, report, write_scored):
        write_scored("clip-ft", 0)
        write_scored("fairclip", 1, trained_on=("race",))
        text, _, _ = report()
        assert "No run shares a seed with a run of the baseline" in text
        assert "- no paired difference for fairclip: no seed in common with clip-ft" in text

    def test_what_is_not_estimable_has_its_reason_below_the_table(self, report, write_scored):
        race = np.arange(90) % 3
        y = np.where(race == 0, 0, np.arange(90) % 2)
        write_scored(
            label_of={"val": np.arange(60) % 2, "test": y},
            codes={"val": {"race": np.arange(60) % 3}, "test": {"race": race}},
        )
        text, _, _ = report()
        (row,) = tables(text)["Levels and differences / fairvlmed, tiny / race"][0]
        assert row["AUC asian ↑"] == row["ES-AUC ↑"] == row["DEOdds ↓"] == "n.e."
        reasons = [line for line in text.splitlines() if line.startswith("- n.e.")]
        assert any("AUC asian" in line and "30" in line for line in reasons)

    def test_lost_runs_are_counted_and_listed(self, arms, report, write_run):
        write_run(
            "fairclip",
            3,
            state="diverged",
            trained_on=("race",),
            message="epoch 1, step 2",
            epochs=(1, 2, 3),
        )
        write_run(
            "a-fairclip",
            0,
            state="failed",
            trained_on=("race",),
            message="OSError: full",
            epochs=(1, 2, 3),
        )
        text, _, _ = report()
        found = tables(text)
        levels = {
            row["variant"]: row
            for row in found["Levels and differences / fairvlmed, tiny / race"][0]
        }
        assert levels["fairclip"]["seeds"] == "3 (+1 lost)"
        assert levels["a-fairclip"]["AUC ↑"] == "n.e."
        lost = found["Runs without a result: 1 diverged, 1 failed"][0]
        assert {row["message"] for row in lost} == {"epoch 1, step 2", "OSError: full"}
        assert "failed: OSError: full" in text

    def test_confounded_rows_are_marked_with_the_keys(self, arms, report, write_scored):
        write_scored("a-fairclip", 0, trained_on=("race",), protocol={"lr": 1.0})
        text, _, _ = report()
        variants = [
            row["variant"]
            for row in tables(text)["Levels and differences / fairvlmed, tiny / race"][1]
        ]
        assert sorted(variants) == ["a-fairclip †", "clip", "fairclip"]
        assert "- a-fairclip (tiny): differs in lr" in text

    def test_degenerate_decisions_are_named(self, report, write_scored):
        write_scored(
            "clip-ft", 0, scores={"val": np.full((3, 60), 0.9), "test": np.full((3, 90), 0.9)}
        )
        write_scored("fairclip", 0, trained_on=("race",))
        text, _, _ = report()
        (line,) = (line for line in text.splitlines() if "Degenerate" in line)
        assert "clip-ft (1 of 1 seeds)" in line

    def test_selection_on_the_test_set_is_called_optimistic(self, arms, report):
        assert "test-auc (on the test set itself: optimistic)" in report(selection="test-auc")[0]
        assert "optimistic" not in report(selection="last")[0].split("## ")[0]


class TestLayout:
    def test_the_baseline_is_the_first_row(self, arms, report):
        text, _, _ = report()
        levels, differences = tables(text)["Levels and differences / fairvlmed, tiny / race"]
        assert [row["variant"] for row in levels] == ["clip-ft (baseline)", "clip", "fairclip"]
        assert [row["variant"] for row in differences] == ["clip", "fairclip"]

    def test_by_own_rules_each_row_names_its_rule(self, arms, report):
        text, _, _ = report(selection="own")
        levels = tables(text)["Levels and differences / fairvlmed, tiny / race"][0]
        rules = {row["variant"]: row["rule"] for row in levels}
        assert rules["fairclip"] == "test-auc"
        assert rules["clip-ft (baseline)"] == "val-auc"

    def test_test_sets_and_weights_never_share_a_table(self, arms, report, write_scored):
        write_scored("clip-ft", 0, test_set="u" * 64)
        write_scored("clip-ft", 0, weights="v" * 64)
        text, _, _ = report()
        blocks = [line for line in text.splitlines() if line.startswith("Test set ")]
        assert sorted(blocks) == [
            "Test set tttttttttttt, initial weights vvvvvvvvvvvv.",
            "Test set tttttttttttt, initial weights wwwwwwwwwwww.",
            "Test set uuuuuuuuuuuu, initial weights wwwwwwwwwwww.",
        ]
        rows = [len(t) for name, found in tables(text).items() if "race" in name for t in found]
        assert sorted(rows) == [1, 1, 2, 3]

    def test_hostile_names_stay_in_their_cells(self, report, write_scored):
        groups = {"race": ("a|b", "<script>x</script>", "two\nlines")}
        for seed in (0, 1):
            write_scored("clip-ft", seed, groups=groups)
            write_scored("=cmd|calc", seed, trained_on=("race",), groups=groups)
        text, _, _ = report()
        assert "<script" not in text
        levels, differences = tables(text)["Levels and differences / fairvlmed, tiny / race"]
        assert {len(row) for row in levels} == {3 + 4 + 3}
        assert [row["variant"] for row in differences] == ["=cmd&#124;calc"]
        assert "AUC two lines ↑" in levels[0]

    def test_a_spreadsheet_runs_no_name(self, report, write_scored, tmp_path):
        write_scored("clip-ft", 0)
        write_scored("=cmd", 0, trained_on=("race",))
        _, read, _ = report()
        for name in ("comparison", "per_seed", "runs"):
            assert "'=cmd" in set(read[name]["variant"])
            assert ",=cmd" not in (tmp_path / "out" / f"{name}.csv").read_text()


class TestReport:
    @pytest.fixture
    def built(self, arms, write_scored, tmp_path):
        write_scored("clip-ft", 0, test_set="u" * 64)
        return compare(tmp_path / "results").report

    def test_no_two_blocks_have_one_id_and_every_row_has_every_column(self, built):
        blocks = [block for block in built.blocks() if isinstance(block, Section | Figure | Table)]
        ids = [block.id for block in blocks]
        assert len(set(ids)) == len(ids) > 10
        assert all(re.fullmatch("[a-z0-9-]+", one) for one in ids)
        for table in (b.table if isinstance(b, Figure) else b for b in blocks):
            if isinstance(table, Table):
                assert {len(row) for row in table.rows} <= {len(table.columns)}
                assert len({column.key for column in table.columns}) == len(table.columns)

    def test_the_question_names_variants_metrics_and_attributes(self, built):
        assert (
            built.question == "Do clip and fairclip differ from clip-ft in AUC and DEOdds, by race?"
        )

    def test_the_top_says_how_many_runs_and_seeds_there_are(self, built):
        assert any("8 runs of 3 variants" in line for line in built.summary)
        assert any("3 seeds (0 to 2)" in line for line in built.summary)
