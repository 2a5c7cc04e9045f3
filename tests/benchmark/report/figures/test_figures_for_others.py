from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from benchmark.report.drawing import inline_svg
from benchmark.report.figures import dose_response_figure, pareto_figure, waterfall_figure
from benchmark.report.figures.dose_response import position
from benchmark.report.figures.ranks import Ranks

SVG = "{http://www.w3.org/2000/svg}"


def marks(figure, tag="use"):
    found = {}
    for element in ElementTree.fromstring(inline_svg(figure)).iter(f"{SVG}{tag}"):
        title = element.find(f"{SVG}title")
        if title is not None:
            found[title.text] = element
    return found


def texts_of(figure, key):
    at = [column.key for column in figure.table.columns].index(key)
    return [row[at].text for row in figure.table.rows]


@pytest.fixture
def sweep():
    return pd.DataFrame(
        [
            ("fairclip", "race", metric, dose, seed, 0.8 + 0.01 * seed - 0.02 * k)
            for metric in ("auc", "deodds")
            for k, dose in enumerate((0.0, 1e-7, 1e-6))
            for seed in range(3)
        ]
        + [("clip-ft", "race", "auc", np.nan, seed, 0.81) for seed in range(2)],
        columns=["variant", "attribute", "metric", "dose", "seed", "value"],
    )


class TestDoseResponse:
    def test_the_table_has_mean_and_range_of_each_dose_and_of_the_baseline(self, sweep):
        figure = dose_response_figure(sweep, id="dose", title="λ response")
        assert texts_of(figure, "variant") == ["fairclip"] * 6 + ["clip-ft"]
        assert texts_of(figure, "mean") == 2 * ["81.00", "79.00", "77.00"] + ["81.00"]
        assert texts_of(figure, "n") == ["3"] * 6 + ["2"]
        assert texts_of(figure, "max")[0] == "82.00"

    def test_every_seed_is_a_mark_at_its_dose(self, sweep):
        found = marks(dose_response_figure(sweep, id="dose", title="λ response"))
        x = {
            dose: {
                float(element.get("x"))
                for text, element in found.items()
                if text.startswith(f"fairclip, λ = {dose},")
            }
            for dose in ("0", "1e-07", "1e-06")
        }
        (none,), (low,), (high,) = x.values()
        assert low - none == pytest.approx(high - low, abs=0.02)  # a decade each

    def test_zero_stands_a_decade_below_the_smallest_dose(self):
        assert position(0.0, [0.0, 1e-7, 1e-3]) == pytest.approx(-8)
        assert position(1e-3, [0.0, 1e-7, 1e-3]) == pytest.approx(-3)

    def test_a_negative_dose_and_a_missing_column_are_refused(self, sweep):
        with pytest.raises(ValueError, match="a dose is -1"):
            dose_response_figure(sweep.assign(dose=-1.0), id="d", title="t")
        with pytest.raises(ValueError, match="no column value"):
            dose_response_figure(sweep.drop(columns="value"), id="d", title="t")


class TestPareto:
    def test_the_front_is_what_no_other_mean_beats(self):
        means = {"a": (0.8, 0.3), "b": (0.7, 0.1), "c": (0.75, 0.4), "d": (0.8, 0.35)}
        points = pd.DataFrame(
            [
                (name, "race", metric, seed, value + 0.01 * (seed - 1))
                for name, values in means.items()
                for metric, value in zip(("auc", "deodds"), values, strict=True)
                for seed in range(3)
            ],
            columns=["name", "attribute", "metric", "seed", "value"],
        )
        figure = pareto_figure(points, id="pareto", title="t", baseline="a")
        assert texts_of(figure, "variant") == ["a", "b", "c", "d"]
        assert texts_of(figure, "on_the_line") == ["yes", "yes", "no", "no"]
        assert len(marks(figure)) == 4 * (3 + 1)


class TestCliques:
    def test_join_every_pair_within_the_critical_difference_and_no_other(self):
        rng = np.random.default_rng(0)
        for _ in range(50):
            ranks = np.sort(rng.uniform(1, 7, 7))
            found = Ranks([*"abcdefg"], ranks.tolist(), 1.5)
            for i in range(7):
                for j in range(i + 1, 7):
                    joined = any(a <= i and j <= b for a, b in found.cliques)
                    assert joined == (ranks[j] - ranks[i] <= 1.5)


class TestWaterfall:
    @staticmethod
    def ablation(design="shapley", **changes):
        term = {"shapley": "shapley", "ladder": "step", "one-at-a-time": ""}[design]
        effects = {"score": -0.02, "<b>": 0.005, "total": -0.015}
        rows = [
            {
                "design": design,
                "question": "gain",
                "metric": "auc",
                "direction": "up",
                "attribute": "race",
                "term": "total" if key == "total" else term or "alone",
                "key": key,
                "change": "a → b",
                "effect": effect,
                "low": effect - 0.004,
                "high": effect + 0.004,
                "confidence": 0.95,
                "p": 0.01,
                "p_adjusted": np.nan if key == "total" else 0.02,
                "n_seeds": 5,
                **changes,
            }
            for key, effect in effects.items()
        ]
        sides = (SimpleNamespace(config=SimpleNamespace(variant=v)) for v in ("x", "y"))
        left, right = sides
        plan = SimpleNamespace(
            designs=[SimpleNamespace(name=design, adds_up=term)],
            settings=SimpleNamespace(baseline="clip-ft"),
            left=left,
            right=right,
        )
        return SimpleNamespace(plan=plan, effects=pd.DataFrame(rows))

    def test_each_bar_starts_where_the_one_before_ended_and_the_total_at_zero(self):
        figure = waterfall_figure(self.ablation())
        spans = []
        for element in marks(figure, "path").values():
            numbers = [float(n) for n in element.get("d").replace("z", "").split() if n not in "ML"]
            spans.append((min(numbers[::2]), max(numbers[::2])))
        score, other, total = spans
        assert score[0] == pytest.approx(other[0], abs=0.02)  # both end and start at −2 points
        assert other[1] == pytest.approx(total[0], abs=0.02)  # at −1.5
        assert score[1] == pytest.approx(total[1], abs=0.02)  # at 0
        assert (other[1] - other[0]) / (score[1] - score[0]) == pytest.approx(0.25, abs=0.01)

    def test_the_table_has_the_effects_and_the_total(self):
        figure = waterfall_figure(self.ablation("ladder"))
        assert texts_of(figure, "effect") == ["-2.00", "+0.50", "-1.50"]
        assert texts_of(figure, "key") == ["score", "<b>", "total"]
        assert "in another order" in figure.caption

    def test_effects_that_do_not_add_up_or_cannot_be_estimated_have_none(self):
        assert waterfall_figure(self.ablation("one-at-a-time")) is None
        assert waterfall_figure(self.ablation(effect=np.nan)) is None
