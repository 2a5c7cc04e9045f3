import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import benchmark
from benchmark.predictions import read_predictions
from benchmark.report.drawing import inline_svg
from benchmark.report.figures import comparison_figures
from benchmark.report.figures.courses import Courses
from benchmark.report.figures.rules import CRITERIA, epoch_of
from benchmark.report.figures.stored import CURVES
from benchmark.report.figures.view import View
from benchmark.selection import SplitScores, select_epoch

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("<script>x</script>", "a_b & $x$ 50%", '"日本"\'')


def rows(figure):
    keys = [column.key for column in figure.table.columns]
    return [dict(zip(keys, row, strict=True)) for row in figure.table.rows]


def marks(figure):
    found = {}
    for use in ElementTree.fromstring(inline_svg(figure)).iter(f"{SVG}use"):
        title = use.find(f"{SVG}title")
        if title is not None:
            found[title.text] = (float(use.get("x")), float(use.get("y")))
    return found


@pytest.fixture(scope="module")
def found(trained):
    return benchmark.compare(trained)


@pytest.fixture(scope="module")
def figures(found):
    return comparison_figures(found)


@pytest.fixture(scope="module")
def courses(found):
    return Courses(View(found))


class TestComparisonFigures:
    def test_ids_are_unique_over_figures_and_tables(self, figures):
        ids = [id for all in figures.values() for f in all for id in (f.id, f.table.id)]
        assert len(ids) == len(set(ids))
        assert all(set(id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for id in ids)

    def test_every_section_but_ranking_has_figures_with_captions_and_rows(self, figures):
        assert {key for key, value in figures.items() if not value} == {"ranking"}
        for figure in (figure for all in figures.values() for figure in all):
            assert "See " in figure.caption
            assert "{" not in figure.caption
            assert figure.table.rows

    def test_building_them_imports_no_matplotlib(self, trained):
        code = (
            "import sys, benchmark\n"
            "from benchmark.report.figures import comparison_figures\n"
            f"comparison_figures(benchmark.compare({str(trained)!r}))\n"
            "sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestForest:
    def test_the_table_is_that_of_the_verdicts(self, found, figures):
        (figure,) = (f for f in figures["verdicts"] if f.id.endswith("--auc"))
        expected = found.verdicts[found.verdicts["metric"] == "auc"]
        np.testing.assert_array_equal(
            [row["difference"].value for row in rows(figure)], expected["difference"]
        )
        assert [row["verdict"].text for row in rows(figure)] == expected["verdict"].tolist()

    def test_marks_stand_where_the_differences_are(self, found, figures):
        figure = next(f for f in figures["verdicts"] if f.id.endswith("--deodds"))
        expected = found.verdicts[found.verdicts["metric"] == "deodds"]
        known = expected.dropna(subset="difference")
        x = sorted(at for at, _ in marks(figure).values())
        assert len(x) == len(known) > 2
        differences = np.sort(known["difference"])
        fit = np.polyfit(differences, x, 1)
        np.testing.assert_allclose(np.polyval(fit, differences), x, atol=0.02)
        assert fit[0] > 0


class TestSlopes:
    def test_pairs_differ_by_what_per_seed_says(self, found, figures):
        figure = next(f for f in figures["levels"] if f.id.endswith("--race"))
        auc = found.per_seed[
            (found.per_seed["metric"] == "auc")
            & (found.per_seed["attribute"] == "race")
            & (found.per_seed["selection"] == "val-auc")
        ].set_index(["variant", "seed"])["value"]
        for row in rows(figure):
            if row["metric"].text == "AUC ↑" and row["variant"].text == "fairclip":
                seed = int(row["pair"].text.removeprefix("seed "))
                expected = auc["fairclip", seed] - auc["clip-ft", seed]
                assert row["difference"].value == pytest.approx(expected, abs=1e-12)

    def test_weights_without_a_seed_are_one_mark_and_a_line_to_each_seed(self, figures):
        figure = next(f for f in figures["levels"] if f.id.endswith("--race"))
        of_clip = [text for text in marks(figure) if text.startswith("clip, ")]
        assert len(of_clip) == len(set(of_clip)) == 2  # AUC and DEOdds
        assert all("no seed" in text for text in of_clip)
        pairs = [r for r in rows(figure) if r["variant"].text == "clip"]
        assert len(pairs) == 4


class TestPlane:
    def test_means_are_those_of_the_summary(self, found, figures):
        (figure,) = figures["tradeoff"]
        race = [row for row in rows(figure) if row["attribute"].text == "race"]
        main = found.summary[found.summary["main_rule"] & (found.summary["attribute"] == "race")]
        for row in race:
            for key, metric in (("auc", "auc"), ("deodds", "deodds")):
                of_row = main[(main["variant"] == row["variant"].text) & (main["metric"] == metric)]
                (expected,) = of_row["mean"]
                value = next(cell.value for name, cell in row.items() if name.startswith(key))
                assert value == pytest.approx(expected, abs=1e-12)


class TestCurves:
    def test_pass_through_the_tables_values_at_the_selected_epoch(self, found, courses):
        runs = {
            run.id: (arm.runs[0].id, run.config["seed"]) for arm in found.arms for run in arm.done
        }
        checked = 0
        for row in found.per_seed.to_dict("records"):
            if row["metric"] not in CURVES or row["group"]:
                continue
            arm, seed = runs[row["run"]]
            curves = courses.curves[arm][-1 if seed is None else seed]
            (at,) = np.flatnonzero(curves.epochs == row["epoch"])
            value = curves.metrics["test", row["attribute"], row["metric"]][at]
            np.testing.assert_equal(value, row["value"])
            checked += 1
        assert checked > 50

    @pytest.mark.parametrize("rule", CRITERIA)
    def test_select_what_select_epoch_selects(self, rule, found, courses):
        for arm in found.arms:
            for run in arm.done:
                splits = read_predictions(run.path)
                for attribute in arm.evaluated:
                    of_split = {
                        name: SplitScores(part.score, part.label, part.codes[attribute])
                        for name, part in splits.items()
                    }
                    expected = select_epoch(
                        rule,
                        splits["test"].epochs.tolist(),
                        val=of_split["val"],
                        test=of_split["test"],
                        groups=run.config["dataset"]["attributes"][attribute],
                    )
                    seed = -1 if run.config["seed"] is None else run.config["seed"]
                    curves = courses.curves[arm.runs[0].id][seed]
                    assert epoch_of(rule, curves, attribute) == expected.epoch


class TestHostileNames:
    @pytest.fixture
    def hostile(self, write_run):
        rng = np.random.default_rng(0)
        n = 60
        label = {split: np.arange(n) % 2 for split in ("val", "test")}
        codes = {split: {"race": np.arange(n) // 2 % 3} for split in label}
        for name, on in (("clip-ft", ()), ("fairclip[a='<&$_'}]", ("race",))):
            for seed in range(2):
                scores = {
                    split: 1 / (1 + np.exp(-rng.normal(size=(3, n)) - label[split]))
                    for split in label
                }
                path = write_run(
                    name,
                    seed,
                    trained_on=on,
                    groups={"race": HOSTILE},
                    label_of=label,
                    codes=codes,
                    scores=scores,
                    epochs=(1, 2, 3),
                )
        return benchmark.compare(path.parents[1])

    def test_are_text_in_every_drawing_and_draw_the_same_twice(self, hostile):
        made = comparison_figures(hostile)
        # Runs written by hand recorded no distance.
        assert {key for key, value in made.items() if not value} == {"ranking", "distance"}
        texts = []
        for figure in (figure for all in made.values() for figure in all):
            svg = inline_svg(figure)
            assert "<script" not in svg
            texts += ["".join(t.itertext()) for t in ElementTree.fromstring(svg).iter()]
        assert inline_svg(made["calibration"][0]) == inline_svg(made["calibration"][0])
        whole = "\n".join(texts)
        assert all(name in whole for name in HOSTILE)
