import io
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmark.comparison import compare
from benchmark.report.markdown import report_markdown
from benchmark.report.terminal import fitted_table, print_report
from benchmark.report.verdict_table import p_text, verdict_columns, verdict_table


def table_of(text):
    """Return the rows of the verdict table, column → cell."""
    section = text.split("## Verdicts")[1]
    lines = next(part for part in section.split("\n\n") if part.startswith("|")).splitlines()
    head, _, *body = ([c.strip() for c in line.strip("|").split("|")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in body]


@pytest.fixture
def arms(write_scored):
    for seed in range(4):
        write_scored("clip-ft", seed)
        write_scored("fairclip", seed, trained_on=("race",), own="test-auc")
    write_scored("clip", None, own="last")


@pytest.fixture
def found(arms, tmp_path):
    return lambda **options: compare(tmp_path / "results", **options)


class TestTable:
    def test_every_cell_is_the_number_of_the_frame(self, found):
        comparison = found()
        shown = table_of(report_markdown(comparison.report))
        rows = comparison.verdicts.to_dict("records")
        assert len(shown) == len(rows) == 4
        for cells, row in zip(shown, rows, strict=True):
            numbers = [float(x) for x in re.findall(r"[-+]\d+\.\d+", cells["difference"])]
            expected = [100 * row[name] for name in ("difference", "low", "high")]
            assert numbers == pytest.approx(expected, abs=0.00501)
            effect = [float(x) for x in re.findall(r"[-+]\d+\.\d+", cells["effect"])]
            expected = [row[name] for name in ("effect", "effect_low", "effect_high")]
            assert effect == pytest.approx(expected, abs=0.00501)
            assert cells["p differs"] == p_text(row["p_adjusted"]).replace("<", "&lt;")
            assert cells["verdict"].removesuffix(" ‡") == row["verdict"]
            assert cells["margin"] == f"±{100 * row['margin']:g}"
            assert (cells["n"], cells["test"]) == (row["n"], row["test"])

    def test_verdicts_stand_before_the_levels(self, found):
        text = report_markdown(found().report)
        assert text.index("## Verdicts") < text.index("## Levels")

    def test_protocols_are_named_only_where_they_tell_rows_apart(self, found, write_scored):
        assert "protocol" not in [c.key for c in verdict_columns(found().verdicts)]
        write_scored("fairclip", 0, trained_on=("race",), protocol={"lr": 1.0})
        comparison = found()
        assert "protocol" in [c.key for c in verdict_columns(comparison.verdicts)]
        shown = table_of(report_markdown(comparison.report))
        assert [r["variant"] for r in shown if r["verdict"] == "none †"] == ["fairclip"] * 2

    @pytest.mark.parametrize(
        ("p", "text"), [(0.0004, "<0.001"), (0.05, "0.050"), (1.0, "1.000"), (np.nan, "–")]
    )
    def test_p_values_have_three_decimals(self, p, text):
        assert p_text(p) == text


class TestStatements:
    def test_the_family_is_counted_in_words(self, found):
        comparison = found()
        tests = comparison.verdicts[["p", "p_equivalence"]].notna().to_numpy().sum()
        text = report_markdown(comparison.report)
        assert f"4 claims, each tested for difference and for equivalence; {tests} p-values" in text
        assert "adjusted together (holm), level 0.05" in text
        assert "AUC ±2 points, DEOdds ±5 points" in text
        assert "new seeds, these patients" in text

    def test_every_undecided_claim_says_what_would_decide_it(self, found):
        comparison = found()
        undecided = comparison.verdicts[comparison.verdicts["verdict"] == "undecided"]
        assert len(undecided)
        text = report_markdown(comparison.report)
        for row in undecided.to_dict("records"):
            sentence = row["would_decide"]
            assert sentence[:1].upper() + sentence[1:] in text

    def test_every_row_names_its_test_and_functions_that_exist(self, found):
        from importlib import import_module

        comparison = found()
        text = report_markdown(comparison.report)
        columns = [c for c in comparison.verdicts if c.startswith("function_")]
        for path in set(comparison.verdicts[columns].to_numpy().ravel()):
            module, _, name = path.rpartition(".")
            assert callable(getattr(import_module(module), name))
            assert re.search(rf"\b{re.escape(path)}\b", text)

    def test_claims_are_called_post_hoc_without_a_plan(self, found):
        assert "- post hoc: no plan was frozen" in report_markdown(found().report)

    def test_one_run_a_side_has_a_verdict_table_and_the_reason_once(self, write_scored, tmp_path):
        write_scored("clip-ft", 0)
        write_scored("fairclip", 0, trained_on=("race",))
        text = report_markdown(compare(tmp_path / "results").report)
        assert [row["verdict"].split()[0] for row in table_of(text)] == ["undecided"] * 2
        lines = [line for line in text.splitlines() if line.startswith("- fairclip race")]
        assert lines
        assert {line.count("no standard deviation") for line in lines} == {1}

    def test_nothing_to_compare_is_said(self, write_scored, tmp_path):
        write_scored("clip-ft", 0)
        comparison = compare(tmp_path / "results")
        assert comparison.verdicts.empty
        assert "there is nothing to judge" in report_markdown(comparison.report)


class TestTerminal:
    @pytest.mark.parametrize("width", [100, 160])
    def test_every_verdict_and_difference_is_whole_at_any_width(self, found, width):
        comparison = found()
        console = Console(width=width, record=True, file=io.StringIO())
        print_report(console, comparison.report)
        text = console.export_text()
        for cells in table_of(report_markdown(comparison.report)):
            assert cells["difference"] in text
            assert cells["verdict"] in text
        assert max(map(len, text.splitlines())) <= width

    def test_a_narrow_terminal_leaves_details_out(self, found):
        table = verdict_table(found().verdicts)
        names = [[c.header for c in fitted_table(table, width).columns] for width in (100, 160)]
        assert "effect" not in names[0]
        assert names[1] == [column.heading for column in table.columns]


class TestFile:
    def test_holds_the_frame_to_the_last_digit(self, found, tmp_path):
        comparison = found()
        comparison.write(tmp_path / "out", [])
        text = pd.read_csv(tmp_path / "out" / "verdicts.csv", dtype=str, keep_default_na=False)
        assert text.columns.tolist() == comparison.verdicts.columns.tolist()
        for column in comparison.verdicts.select_dtypes("float"):
            read = [float(x) if x else np.nan for x in text[column]]
            np.testing.assert_array_equal(read, comparison.verdicts[column])
